// What agents and people write is text, whatever it is.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  approve,
  fillGrant,
  openCall,
  openForm,
  says,
  scenario,
  showGrant,
  useBrowser,
  votesOn,
} from "./browser.mjs";

useBrowser();

/**
 * Each tries to run a script, to fetch something, to send the reader elsewhere, or to end what
 * stands around it.
 */
const corpus = [
  "<script>ranForeignScript(1)</script>",
  '"><img src=x onerror=ranForeignScript(2)>',
  "' autofocus onfocus='ranForeignScript(3)' x='",
  "</pre></textarea></title></style></script><svg/onload=ranForeignScript(4)>",
  "<!--><script>ranForeignScript(5)</script>-->",
  "<iframe srcdoc='<script>parent.ranForeignScript(6)</script>'></iframe>",
  "<meta http-equiv=refresh content='0;url=https://evil.example/'><base href=https://evil.example/>",
  "<link rel=stylesheet href=//evil.example/a.css><style>*{display:none}</style>",
  "<form action=//evil.example/><button formaction=javascript:ranForeignScript(7)>Sign in</button></form>",
  "javascript:ranForeignScript(8)//",
  "[click](javascript:ranForeignScript(9)) ![x](https://evil.example/x.png) **bold**",
  "{{constructor.constructor('ranForeignScript(10)')()}} ${ranForeignScript(11)} <%= 7*7 %>",
  "&lt;script&gt;ranForeignScript(12)&lt;/script&gt; &#60;b&#62; %3Cscript%3E",
  "<details open ontoggle=ranForeignScript(13)><marquee onstart=ranForeignScript(14)>",
  "<math><mtext></form><form><mglyph><style></math><img src onerror=ranForeignScript(15)>",
  "data-live id=list data-version=0 <b id=stale data-key=a>",
];

/** Everything that a page of ours may have: nothing of what the corpus tries to add. */
async function assertOurs(page, desk, where) {
  const found = await page.evaluate(() => {
    const odd = [
      ...document.querySelectorAll(
        "img, svg:not(.drawn, .swatch), svg svg, iframe, object, embed, base, style, marquee, math, form[action*='evil'], [srcdoc]",
      ),
    ];
    const scripts = [...document.scripts].filter(
      (script) => script.getAttribute("src") !== "/page.js",
    );
    const handlers = [...document.querySelectorAll("*")].filter((it) =>
      [...it.attributes].some(({ name }) => name.startsWith("on")),
    );
    const links = [...document.links].filter(
      ({ protocol, origin }) => protocol !== "http:" || origin !== location.origin,
    );
    return [...odd, ...scripts, ...handlers, ...links].map((it) => it.outerHTML);
  });
  assert.deepEqual(found, [], where);
  assert.equal(new URL(page.url()).origin, desk.url, where);
}

scenario(
  "markup and scripts in every field that an agent or a person writes are text",
  async (desk, visit) => {
    const page = await visit.as("dana");
    for (const [number, text] of corpus.entries()) {
      const at = async (path, where) => {
        await page.goto(desk.url + path);
        await assertOurs(page, desk, `${where}: ${text}`);
      };
      const run = { agent: text, principal: text, case: text, reasoning: text };
      const values = { to: text, amount: 50, note: `${text}\n${text}`, labels: { [text]: text } };
      const call = (id, tool, values) => ({ id, tool, arguments: JSON.stringify(values) });
      // `>` parts nested runs.
      const runId = `${text.replaceAll(">", "")} ${number}`;
      const turn = await desk.order("ask", {
        ...run,
        run: runId,
        calls: [
          call(text, "pay", values),
          call("2", "echo", { text }),
          call("3", text, {}),
          call("4", "pay", { ...values, to: `again ${text}` }),
        ],
      });
      await desk.order("log", { run: runId, action: text, details: { [text]: text } });
      const [id, other] = turn.asked;
      const shows = async (where) => {
        // The agent's argument stands there, letter by letter.
        const shown = await page.locator(".arguments pre").allTextContents();
        assert.ok(shown.includes(text), `${where}: ${text} is not in ${shown}`);
      };
      await at("/", "the list");
      await at(`/approvals/${id}`, "the call");
      await shows("the call");
      assert.equal(await page.locator(".claim pre").textContent(), text);
      // The keys find our forms.
      await page.keyboard.press("a");
      await page.locator("#comment:focus").waitFor();
      await at(`/approvals/${id}/edit`, "the form");
      await page.getByLabel("amount").fill("many");
      await page.getByRole("button", { name: "Show what would change" }).click();
      await says(page, "Some values are not valid");
      await assertOurs(page, desk, `a wrong edit: ${text}`);
      await page.getByLabel("amount").fill("40");
      await page.getByRole("button", { name: "Show what would change" }).click();
      await page.getByRole("heading", { name: "What would change" }).waitFor();
      await assertOurs(page, desk, `the difference: ${text}`);
      await page.locator("#comment").fill(text);
      await page.getByRole("button", { name: "Approve with these changes" }).click();
      await votesOn(page).waitFor();
      await assertOurs(page, desk, `the comment: ${text}`);
      assert.deepEqual(await votesOn(page).locator("pre").allTextContents(), [text]);
      await at(`/approvals/${other}/grant`, "the form for a standing permission");
      await openCall(page, desk, other);
      await openForm(page, number % 2 === 0 ? "Reject…" : "Reply instead of running it…");
      await page.locator(number % 2 === 0 ? "#reason" : "#value").fill(text);
      await page
        .getByRole("button", { name: /it does not run/ })
        .locator("visible=true")
        .click();
      await page.locator(".state").waitFor();
      await assertOurs(page, desk, `the reason: ${text}`);
      await at(`/case?id=${encodeURIComponent(text)}`, "the case");
      for (const details of await page.locator("details").all())
        await details.evaluate((it) => {
          it.open = true;
        });
      await assertOurs(page, desk, `the case, opened: ${text}`);
      assert.ok((await page.locator("main").textContent()).includes(text), `the case: ${text}`);
      await page.goto(`${desk.url}/approvals/${encodeURIComponent(text)}`);
      await assertOurs(page, desk, `an address: ${text}`);
      for (const path of ["/", "/history"]) {
        const query = new URLSearchParams({ agent: text, text, tool: text });
        await at(`${path}?${query}`, `a filter of ${path}`);
        assert.equal(await page.getByLabel("Contains text").inputValue(), text);
      }
    }
    for (const path of ["/history", "/overview?time=week", "/rules", "/standing"]) {
      await page.goto(desk.url + path);
      await assertOurs(page, desk, path);
    }
  },
  { agents: ["support", ...corpus] },
);

scenario(
  "markup and scripts in a question and its choices are text, and the choice comes back letter by letter",
  async (desk, visit) => {
    const page = await visit.as("dana");
    for (const text of corpus) {
      const id = await desk.question(text, {
        kind: "choice",
        choices: ["no", text],
        summary: text,
        reasoning: text,
        case: text,
        on_behalf_of: text,
      });
      await page.goto(desk.url);
      await assertOurs(page, desk, `the list: ${text}`);
      await openCall(page, desk, id);
      await assertOurs(page, desk, `the question: ${text}`);
      assert.deepEqual(await page.locator(".arguments pre").allTextContents(), [text]);
      assert.deepEqual(await page.locator(".choices label").allTextContents(), ["no", text]);
      await page.locator(".choices input").last().check();
      await page.getByRole("button", { name: "Answer", exact: true }).click();
      await page.locator(".state").waitFor();
      await assertOurs(page, desk, `the answer: ${text}`);
      assert.equal((await desk.send("GET", `/approvals/${id}`)).answer, text);
    }
  },
);

scenario(
  "markup and scripts in what a standing permission covers are text",
  async (desk, visit) => {
    const page = await visit.as("dana");
    for (const text of corpus) {
      const id = await desk.ask(
        "pay",
        { to: text, amount: 50, labels: { [text]: text } },
        { principal: text },
      );
      await fillGrant(page, desk, id);
      await showGrant(page);
      await assertOurs(page, desk, `what it lets through: ${text}`);
      await page.locator("#comment").fill(text);
      await page.getByRole("button", { name: "Approve and let these through" }).click();
      await page.waitForURL(`${desk.url}/approvals/${id}`);
      await page.goto(`${desk.url}/standing`);
      await assertOurs(page, desk, `the permission: ${text}`);
      assert.ok((await page.locator(".row.grant").first().textContent()).includes(text), text);
    }
  },
);

/** Scenario 57. */
scenario(
  "characters that hide, turn the text around or look like others are shown and named",
  async (desk, visit) => {
    const hidden = {
      "\u202egnp.exe": ["\\u{202e}gnp.exe", "turn the text around"],
      "pay\u200bpal": ["pay\\u{200b}pal", "invisible"],
      "\u001b[2Jcleared": ["\\u{1b}[2Jcleared", "control"],
      "p\u0430ypal": ["p\\u{430}ypal", "look like others"],
      "\u{e0041}\u{e0042}tagged": ["\\u{e0041}\\u{e0042}tagged", "invisible"],
    };
    const page = await visit.as("dana");
    for (const [text, [shown, named]] of Object.entries(hidden)) {
      const id = await desk.ask("pay", { to: text, amount: 50 }, { reasoning: text });
      await openCall(page, desk, id);
      const argument = page.locator(".arguments dt:has(:text-is('to')) + dd");
      assert.equal(await argument.locator("pre").textContent(), shown);
      assert.match(await argument.locator(".warning").textContent(), new RegExp(named));
      assert.equal(await page.locator(".claim pre").textContent(), shown);
      await says(page, "Odd characters");
      const raw = await page.content();
      for (const character of text)
        if (character > "\u007f" || character < " ") assert.ok(!raw.includes(character), shown);
      await page.goto(desk.url);
      assert.ok(
        (await page.locator(`li:has(a[href="/approvals/${id}"])`).textContent()).includes(shown),
      );
    }
  },
);

/** Scenario 58. */
scenario(
  "an argument of a megabyte is shown by its ends, and whole where somebody wants it",
  async (desk, visit) => {
    const note = `begin ${"a".repeat(600_000)}\u202e<script>ranForeignScript()</script>${"b".repeat(448_000)} end`;
    const id = await desk.ask("pay", { to: "alice", amount: 50, note });
    const page = await visit.as("dana");
    assert.ok((await page.content()).length < 20_000);
    await openCall(page, desk, id);
    const argument = page.locator(".arguments dt:has(:text-is('note')) + dd");
    const ends = await argument.locator("pre").first().textContent();
    assert.match(ends, /^begin a+ \[…\] b+ end$/);
    assert.ok(ends.length < 600);
    assert.match(await argument.locator(".warning").textContent(), /turn the text around/);
    const digest = createHash("sha256").update(note).digest("hex");
    assert.equal(await argument.locator(".digest").textContent(), `sha256:${digest}`);
    const whole = argument.locator("details pre");
    assert.equal(await whole.isVisible(), false);
    await argument.locator("summary").click();
    assert.equal(await whole.textContent(), note.replace("\u202e", "\\u{202e}"));
    await approve(page);
    await says(page, "Approved: it runs");
    assert.equal((await desk.look(id)).arguments.note, note);
  },
);

/** Scenario 60. */
scenario(
  "the agent's reasoning is marked as its claim, and stands apart from what was observed",
  async (desk, visit) => {
    const reasoning = "Approved by the security team. Your decision: not needed. Deadline: none.";
    const id = await desk.ask("pay", { to: "alice", amount: 50 }, { reasoning });
    const page = await visit.as("dana");
    await openCall(page, desk, id);
    const claim = page.getByRole("region", { name: "The agent claims" });
    assert.equal(await claim.locator("pre").textContent(), reasoning);
    await claim.getByText("nobody has checked").waitFor();
    assert.equal(await page.getByText(reasoning).count(), 1);
    assert.ok(!(await page.locator(".facts").textContent()).includes("security"));
  },
);
