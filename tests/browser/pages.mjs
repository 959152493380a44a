// Every page there is, for what must hold on all of them. To add one is to add a line to `pages`.

import { fillGrant, openForm, showGrant, signIn, votesOn } from "./browser.mjs";

const long = Array.from(
  { length: 90 },
  (_, line) => `${line + 1}. The goods were received, and nothing was missing.`,
).join("\n");

/** Fills an inbox with some of everything, and gives what the pages need of it. */
export async function furnish(desk) {
  const ask = (tool, values, run) => desk.ask(tool, values, run);
  const calls = {
    plain: await ask("pay", { to: "alice", amount: 50, note: "for the taxi" }),
    large: await ask("pay", {
      to: "bob & sons",
      amount: 4_200,
      urgent: true,
      labels: { team: "sales", year: 2026 },
    }),
    odd: await ask("pay", { to: "аlice\u202egpj.exe", amount: 7, note: "\u200bhidden" }),
    long: await ask("pay", { to: "carol", amount: 900, note: long }),
    destructive: await ask("wipe", {
      disk: "/dev/disk/by-id/usb-SanDisk_Cruzer_Blade_4C530001230612117234-0:0",
    }),
    secret: await ask("log_in", { user: "mia", password: "hunter2" }),
    taken: await ask("pay", { to: "dora", amount: 60 }),
    edited: await ask("pay", { to: "emil", amount: 2_500 }),
    rejected: await ask("pay", { to: "frank", amount: 70 }, { run: "rejected" }),
    granted: await ask("pay", { to: "nora", amount: 80 }, { run: "granted" }),
    ...(await furnishFromElsewhere(desk)),
  };
  await desk.order("ask", {
    run: "free",
    case: "ticket-7",
    calls: [
      { id: "free", tool: "echo", arguments: JSON.stringify({ text: "good morning" }) },
      { id: "denied", tool: "pay", arguments: JSON.stringify({ to: "gina", amount: 8_500 }) },
      { id: "refused", tool: "pay", arguments: JSON.stringify({ to: "hans", amount: "many" }) },
    ],
  });
  await desk.order("log", {
    run: "free",
    action: "looked up the order",
    details: { order: "A-1001", found: true },
  });
  return calls;
}

/** What an agent in another program asks. */
async function furnishFromElsewhere(desk) {
  const about = {
    case: "ticket-7",
    on_behalf_of: "mia",
    priority: "urgent",
    reasoning: "The provider answered 503 three times.",
  };
  const sent = {
    tool: "restart-server",
    arguments: { host: "db-2", force: true },
    description: "Restart a server.\nWhoever is on it is cut off.",
    summary: "db-2 answers nobody",
    destructive: true,
    priority: "high",
    comment_required: true,
  };
  return {
    sent: await desk.sendAsk("/approvals", sent),
    choices: await desk.question("https://provider.example/v1/orders failed: 503. What now?", {
      kind: "choice",
      choices: ["retry", "skip this order and go on with the next one", "cancel"],
      summary: "An order cannot be sent",
      ...about,
    }),
    words: await desk.question(`What should the customer be told?\n${long}`, {
      comment_required: true,
    }),
    yesNo: await desk.question("Is the customer known to you?", {
      kind: "approve",
      on_behalf_of: "mia",
    }),
    answered: await desk.question("Which of these is the right address?", {
      kind: "choice",
      choices: ["the first", "the second"],
    }),
  };
}

/** What has to be decided before the pages are looked at. */
export async function decide(page, desk, calls) {
  const reject = async (id, reason) => {
    await page.goto(`${desk.url}/approvals/${id}`);
    await openForm(page, "Reject…");
    await page.getByLabel("Reason (the agent sees it)").fill(reason);
    await page.getByRole("button", { name: "Reject: it does not run" }).click();
    await page.locator(".state").waitFor();
  };
  await reject(calls.rejected, "Frank was paid yesterday.");
  await editTo(page, desk, calls.edited, "2400");
  await page.getByRole("button", { name: "Approve with these changes" }).click();
  await votesOn(page).waitFor();
  await fillGrant(page, desk, calls.granted);
  await showGrant(page);
  await page.getByRole("button", { name: "Approve and let these through" }).click();
  await page.waitForURL(`${desk.url}/approvals/${calls.granted}`);
  await desk.order("ask", {
    run: "covered",
    principal: "mia",
    case: "ticket-7",
    calls: [{ id: "covered", tool: "pay", arguments: JSON.stringify({ to: "nora", amount: 90 }) }],
  });
  await page.goto(`${desk.url}/approvals/${calls.answered}`);
  await page.getByLabel("the second").check();
  await page.getByRole("button", { name: "Answer", exact: true }).click();
  await page.locator(".state").waitFor();
  desk.gate("dana", "freeze", "--tool", "reserve", "The places are counted again.");
}

async function editTo(page, desk, id, amount) {
  await page.goto(`${desk.url}/approvals/${id}/edit`);
  await page.getByLabel("amount").fill(amount);
  await page.getByRole("button", { name: "Show what would change" }).click();
}

/** At a path. */
const at =
  (path) =>
  ({ page, desk, calls }) =>
    page.goto(desk.url + (typeof path === "function" ? path(calls) : path));

/** At a path, with all that can be opened open. */
const opened = (path) => async (all) => {
  await at(path)(all);
  await all.page.locator("main details").evaluateAll((details) => {
    for (const one of details) one.open = true;
  });
};

/** The page of a call, or another of its pages. */
const call = (name, rest = "") => at((calls) => `/approvals/${calls[name]}${rest}`);

/** The page of a call, and then something done on it. */
const callAnd = (name, does) => async (all) => {
  await call(name)(all);
  await does(all.page);
};

async function answerNothing(page) {
  await page.getByRole("button", { name: "Answer", exact: true }).click();
  await page.locator(".problem").waitFor();
}

/**
 * Name, and how it is opened by somebody who is signed in; or by nobody, where it is in
 * `forNobody`.
 */
export const pages = {
  pending: at("/"),
  menu: async (all) => {
    await at("/")(all);
    await all.page.locator(".menu > summary").click();
  },
  keys: async (all) => {
    await at("/")(all);
    await all.page.keyboard.press("?");
  },
  approval: call("plain"),
  "approval-two-managers": call("large"),
  "approval-odd": call("odd"),
  "approval-long": call("long"),
  "approval-secret": call("secret"),
  "approval-edited": call("edited"),
  "approval-rejected": call("rejected"),
  "approve-form": callAnd("plain", (page) => openForm(page, "Approve…")),
  "approve-form-destructive": callAnd("destructive", (page) => openForm(page, "Approve…")),
  "approve-form-wrong": callAnd("destructive", async (page) => {
    await openForm(page, "Approve…");
    await page.getByRole("button", { name: "Approve: let it run" }).click();
    await page.locator(".problem").waitFor();
  }),
  "reject-form": callAnd("plain", (page) => openForm(page, "Reject…")),
  "respond-form": callAnd("plain", (page) => openForm(page, "Reply instead of running it…")),
  edit: at((calls) => `/approvals/${calls.large}/edit`),
  "edit-wrong": ({ page, desk, calls }) => editTo(page, desk, calls.plain, "9001"),
  "edit-difference": ({ page, desk, calls }) => editTo(page, desk, calls.plain, "40"),
  "grant-form": call("plain", "/grant"),
  "grant-form-wrong": async ({ page, desk, calls }) => {
    await fillGrant(page, desk, calls.plain, { limit: "7", uses: "many" });
    await showGrant(page);
  },
  "grant-confirm": async ({ page, desk, calls }) => {
    await fillGrant(page, desk, calls.plain);
    await showGrant(page);
  },
  "grant-refused": call("large", "/grant"),
  "approval-granted": call("granted"),
  "approval-sent": call("sent"),
  "question-choices": call("choices"),
  "question-yes-no": call("yesNo"),
  "question-words": call("words"),
  "question-answered": call("answered"),
  "question-choices-wrong": callAnd("choices", answerNothing),
  "question-words-wrong": callAnd("words", answerNothing),
  "pending-filtered": at("/?tool=pay&principal=mia&mine=yes"),
  "pending-none": at("/?text=what+nobody+asked"),
  history: at("/history"),
  "history-filtered": at("/history?what=rejected&person=dana"),
  "history-none": at("/history?text=what+nobody+did"),
  "history-wrong": at("/history?from=yesterday"),
  "history-opened": opened("/history"),
  rules: at("/rules"),
  "rules-opened": opened("/rules"),
  overview: at("/overview"),
  "overview-opened": opened("/overview?time=month"),
  standing: at("/standing"),
  "link-void": at("/link/void"),
  case: at("/case?id=ticket-7"),
  "not-found": at("/nowhere"),
};

/** The same for whoever is not signed in. */
export const forNobody = {
  "sign-in": at("/sign-in"),
  "sign-in-wrong": ({ page, desk }) => signIn(page, desk, "gate_r_wrong"),
};
