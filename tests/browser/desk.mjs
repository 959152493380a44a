// A folder with a database and people; the agent over it, in one process, and the inbox, in
// another.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

const { GATE_BROWSER_GATE: gate, GATE_BROWSER_AGENT: agent, GATE_BROWSER_TEMP: temp } = process.env;

// Whatever becomes of the tests, what they started ends with them.
const started = new Set();
export function endAll() {
  for (const child of started) child.kill("SIGKILL");
}
process.on("exit", endAll);

function start(program, words, options) {
  const child = spawn(program, words, { stdio: ["pipe", "pipe", "inherit"], ...options });
  started.add(child);
  child.on("exit", () => started.delete(child));
  return child;
}

const people = { dana: "manager", omar: "manager", ines: "intern" };

/** The agent in another program, which asks over HTTP. */
const robot = "robot";

export class Desk {
  /** `agents` are the names by which the agent may go. */
  static async open({ agents = ["support"] } = {}) {
    const desk = new Desk();
    desk.folder = mkdtempSync(join(temp, "desk-"));
    desk.tokens = {};
    for (const who of [...Object.keys(people), robot]) desk.newToken(who);
    writeFileSync(join(desk.folder, "agents.json"), JSON.stringify(agents));
    try {
      await desk.#hire(); // which makes the database
      await desk.#serve();
    } catch (error) {
      await desk.close();
      throw error;
    }
    return desk;
  }

  #orders = new Map();
  #count = 0;

  async #hire() {
    const environment = { ...process.env, GATE_BROWSER_FOLDER: this.folder };
    this.agent = start(agent, ["the_agent", "--exact", "--nocapture"], { env: environment });
    const ready = new Promise((done, fail) => {
      this.agent.on("exit", (code) => {
        const gone = new Error(`the agent ended with ${code}`);
        fail(gone);
        for (const order of this.#orders.values()) order.fail(gone);
      });
      createInterface({ input: this.agent.stdout }).on("line", (line) => {
        if (!line.startsWith("{")) return;
        const answer = JSON.parse(line);
        if (answer.ready) return done();
        const { done: give, fail: refuse } = this.#orders.get(answer.number);
        if (answer.failed) refuse(new Error(`the agent: ${answer.failed}`));
        else give(answer);
        this.#orders.delete(answer.number);
      });
    });
    await ready;
  }

  async #serve() {
    this.inbox = start(gate, ["inbox", "--listen", "127.0.0.1:0"], { cwd: this.folder });
    this.url = await new Promise((done, fail) => {
      this.inbox.on("exit", (code) => fail(new Error(`the inbox ended with ${code}`)));
      createInterface({ input: this.inbox.stdout }).on("line", (line) => {
        const found = line.match(/^The inbox is at (http:\S+)$/);
        if (found) done(found[1]);
      });
    });
  }

  /** Gives a person, or the agent in another program, a new token, and writes the people file. */
  newToken(who) {
    const words = who === robot ? ["agent", who] : ["person", who, "--role", people[who]];
    const script = 'entry=$1; shift; "$0" "$@" 2>&1 >"$entry"';
    const said = execFileSync(
      "sh",
      ["-c", script, gate, join(this.folder, `${who}.entry`), ...words],
      { encoding: "utf8" },
    );
    this.tokens[who] = said.trim().split("\n").at(-1).trim();
    const entries = Object.keys(this.tokens).map((known) => join(this.folder, `${known}.entry`));
    writeFileSync(join(this.folder, "people.new"), execFileSync("cat", entries));
    renameSync(join(this.folder, "people.new"), join(this.folder, "people.toml"));
  }

  /** What somebody does on the command line. */
  gate(who, ...words) {
    execFileSync(gate, words, {
      cwd: this.folder,
      env: { ...process.env, GATE_TOKEN: this.tokens[who] },
      stdio: ["ignore", "ignore", "inherit"],
    });
  }

  /** Gives the agent an order, and its answer. */
  order(what, more = {}) {
    const number = ++this.#count;
    const answer = new Promise((done, fail) => {
      this.#orders.set(number, { done, fail });
      this.agent.stdin.write(`${JSON.stringify({ number, do: what, ...more })}\n`);
    });
    // Where a test ends before its answer comes, what it ended with is the news.
    answer.catch(() => {});
    return answer;
  }

  /**
   * The agent proposes a call, which waits: its id. Each is in a run of its own, unless that is
   * said.
   */
  async ask(tool, values, run = {}) {
    const number = ++this.#count;
    const call = { id: `call-${number}`, tool, arguments: JSON.stringify(values) };
    const about = {
      run: `run-${number}`,
      principal: "mia",
      case: "ticket-7",
      reasoning: "The customer asked for it.",
    };
    const turn = await this.order("ask", { ...about, ...run, calls: [call] });
    if (turn.asked.length !== 1) throw new Error(`it does not wait: ${JSON.stringify(turn)}`);
    return turn.asked[0];
  }

  /** What the agent in another program sends over HTTP, and what it gets. */
  async send(method, path, body) {
    const headers = {
      authorization: `Bearer ${this.tokens[robot]}`,
      "content-type": "application/json",
    };
    const answer = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers,
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return JSON.parse(text);
  }

  /** It asks managers something, a call or a question: its id. */
  async sendAsk(path, what) {
    return (
      await this.send("POST", path, {
        external_id: `sent-${++this.#count}`,
        required_role: "manager",
        ...what,
      })
    ).id;
  }

  /** It asks managers a question that is no call: its id. */
  question(question, more) {
    return this.sendAsk("/questions", { question, ...more });
  }

  /** How a call stands: its status, its votes, its arguments. */
  look(approval) {
    return this.order("look", { approval });
  }

  /** What ran. */
  async ran() {
    return (await this.order("ran")).ran;
  }

  async close() {
    for (const child of [this.agent, this.inbox].filter((child) => started.has(child))) {
      const ended = new Promise((done) => child.on("exit", done));
      child.kill("SIGKILL");
      await ended;
    }
  }
}
