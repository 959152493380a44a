// Chromium, and people who sit before it. Whatever happens in a page that must not happen makes the
// test fail.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { Desk, endAll } from "./desk.mjs";

let browser;

/** Starts the browser for the tests of a file. */
export function useBrowser() {
  before(async () => {
    const isRoot = process.getuid() === 0;
    browser = await chromium.launch({
      executablePath: process.env.GATE_BROWSER,
      chromiumSandbox: !isRoot,
      args: ["--disable-gpu"],
    });
  });
  after(async () => {
    endAll();
    await browser?.close();
  });
}

/**
 * What a browser writes to its console about an answer that is not 200, a network that is gone, a
 * session that is over: no mistake of the page.
 */
const ordinary =
  /^Failed to load resource: (the server responded with a status of 4\d\d|net::ERR_INTERNET)|^EventSource's response has a MIME type/;

/** A window of its own, without cookies: `wrong` collects what must not happen in it. */
export async function openWindow(desk, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  context.wrong = [];
  const note = (what) => context.wrong.push(what);
  await context.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) => {
      console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
    });
  });
  await context.exposeBinding("ranForeignScript", (_, what) => note(`a script ran: ${what}`));
  context.on("request", (request) => {
    const url = new URL(request.url());
    if (url.origin !== desk.url && !options.roams) note(`a request to ${url.href}`);
  });
  context.on("page", (page) => {
    page.setDefaultTimeout(20_000);
    page.on("dialog", (dialog) => {
      note(`a dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    page.on("pageerror", (error) => note(`an error in a script: ${error.message}`));
    page.on("console", (message) => {
      if (message.type() === "error" && !ordinary.test(message.text()))
        note(`the console: ${message.text()}`);
    });
  });
  return context;
}

/** Asserts that nothing happened in a window that must not. */
export function assertQuiet(context) {
  assert.deepEqual(context.wrong, []);
}

/** A test with an inbox of its own: `visit` opens windows. */
export function scenario(name, does, options = {}) {
  test(name, { timeout: 600_000 }, () => withDesk(options, does));
}

/** Opens an inbox, does something with it, and takes everything down. */
async function withDesk(options, does) {
  const desk = await Desk.open(options);
  const windows = [];
  const visit = {
    /** A window in which nobody is signed in. */
    async nobody(options) {
      const context = await openWindow(desk, options);
      windows.push({ context, roams: options?.roams });
      return context.newPage();
    },
    /** A window in which somebody is, before what is pending. */
    async as(who, options) {
      const page = await visit.nobody(options);
      const { request } = page.context();
      const form = await (await request.get(`${desk.url}/sign-in`)).text();
      const [, secret] = form.match(/name="form_secret" value="([^"]+)"/);
      await request.post(`${desk.url}/sign-in`, {
        form: { form_secret: secret, token: desk.tokens[who] },
      });
      await page.goto(`${desk.url}/`);
      assert.equal(page.url(), `${desk.url}/`);
      return page;
    },
  };
  try {
    await does(desk, visit);
    for (const { context, roams } of windows) if (!roams) assertQuiet(context);
  } finally {
    for (const { context } of windows) await context.close();
    await desk.close();
  }
}

/** Types a token on the page for signing in, and sends it. */
export async function signIn(page, desk, token) {
  await page.goto(`${desk.url}/sign-in`);
  await page.getByLabel("Your reviewer token").fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** Opens the page of a call. */
export async function openCall(page, desk, id) {
  await page.goto(`${desk.url}/approvals/${id}`);
}

/** Opens one of the forms on a call's page: Approve, Reject, Reply instead of running it. */
export async function openForm(page, name) {
  await page.locator("summary", { hasText: name }).click();
}

/** Approves on a call's page that is open. */
export async function approve(page) {
  await openForm(page, "Approve…");
  const read = page.getByLabel("I have read all of it");
  if ((await read.count()) > 0) {
    await read.check();
  }
  await page.getByRole("button", { name: "Approve: let it run" }).click();
}

/** Fills the form for a standing permission of `pay`: in any run, the amount up to a limit. */
export async function fillGrant(page, desk, id, { limit = "500", uses = "10" } = {}) {
  await page.goto(`${desk.url}/approvals/${id}/grant`);
  const amount = page.getByRole("group", { name: "amount" });
  await amount.getByLabel("In later calls").selectOption("up_to");
  await amount.getByLabel("Limit").fill(limit);
  await page.getByLabel("Run", { exact: true }).selectOption("any");
  await page.getByLabel("Maximum number of calls").fill(uses);
}

/** Sends that form, which gives nothing yet. */
export async function showGrant(page) {
  await page.getByRole("button", { name: "Show what it lets through" }).click();
  await page.locator(".reach, .problem").first().waitFor();
}

/** The votes on a call's page. What was decided before looks like them, and is none. */
export function votesOn(page) {
  return page.getByRole("region", { name: "Votes" });
}

/** Waits until the page says so. */
export async function says(page, words) {
  await page.getByText(words).first().waitFor();
}
