// Signing in and out, and what becomes of a session that somebody else has.

import assert from "node:assert/strict";
import { openCall, says, scenario, signIn, useBrowser } from "./browser.mjs";

useBrowser();

scenario("a wrong token opens nothing, the right one does", async (desk, visit) => {
  const page = await visit.nobody();
  await page.goto(desk.url);
  assert.equal(page.url(), `${desk.url}/sign-in`);
  await signIn(page, desk, "gate_r_wrong");
  await says(page, "No reviewer has this token.");
  assert.equal(await page.getByLabel("Your reviewer token").inputValue(), "");
  await page.goto(desk.url);
  assert.equal(page.url(), `${desk.url}/sign-in`);
  await signIn(page, desk, desk.tokens.dana);
  await page.waitForURL(`${desk.url}/`);
  await says(page, "Nothing waits for a decision.");
});

scenario("whoever signs in for a call comes to that call", async (desk, visit) => {
  const id = await desk.ask("pay", { to: "alice", amount: 50 });
  const page = await visit.nobody();
  await openCall(page, desk, id);
  await page.getByLabel("Your reviewer token").fill(desk.tokens.dana);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${desk.url}/approvals/${id}`);
});

scenario("no script reads the cookie, and no other site sends it", async (desk, visit) => {
  const page = await visit.as("dana");
  const cookies = await page.context().cookies();
  assert.deepEqual(
    cookies.map(({ name, httpOnly, sameSite, path }) => ({ name, httpOnly, sameSite, path })),
    [{ name: "gate_session", httpOnly: true, sameSite: "Strict", path: "/" }],
  );
  assert.equal(await page.evaluate(() => document.cookie), "");
  assert.equal(await page.evaluate(() => localStorage.length + sessionStorage.length), 0);
});

/** Another window that has the cookies of this one. */
async function thief(page, visit) {
  const stolen = await visit.nobody();
  await stolen.context().addCookies(await page.context().cookies());
  return stolen;
}

scenario("a cookie is worth nothing after signing out", async (desk, visit) => {
  const page = await visit.as("dana");
  const other = await visit.as("dana");
  const stolen = await thief(page, visit);
  await stolen.goto(desk.url);
  assert.equal(stolen.url(), `${desk.url}/`);
  await page.locator("summary", { hasText: "dana" }).click();
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.waitForURL(`${desk.url}/sign-in`);
  await stolen.goto(desk.url);
  assert.equal(stolen.url(), `${desk.url}/sign-in`);
  await other.goto(desk.url);
  assert.equal(other.url(), `${desk.url}/`, "another session of hers goes on");
});

scenario(
  "signing out everywhere ends every session of a person, and of nobody else",
  async (desk, visit) => {
    const [page, other, omar] = [
      await visit.as("dana"),
      await visit.as("dana"),
      await visit.as("omar"),
    ];
    await page.locator("summary", { hasText: "dana" }).click();
    await page.getByRole("button", { name: "Sign out everywhere" }).click();
    await page.waitForURL(`${desk.url}/sign-in`);
    await other.goto(desk.url);
    assert.equal(other.url(), `${desk.url}/sign-in`);
    await omar.goto(desk.url);
    assert.equal(omar.url(), `${desk.url}/`);
  },
);

scenario("a session ends with the token it began with", async (desk, visit) => {
  const id = await desk.ask("pay", { to: "alice", amount: 50 });
  // With scripts, the page may notice it first, and leave.
  const page = await visit.as("dana", { javaScriptEnabled: false });
  await openCall(page, desk, id);
  const before = desk.tokens.dana;
  desk.newToken("dana");
  await page.locator("summary", { hasText: "Approve…" }).click();
  await page.getByRole("button", { name: "Approve: let it run" }).click();
  await page.waitForURL(`${desk.url}/sign-in?for=${id}`);
  assert.equal((await desk.look(id)).status, "pending");
  await signIn(page, desk, before);
  await says(page, "No reviewer has this token.");
  await signIn(page, desk, desk.tokens.dana);
  await page.waitForURL(`${desk.url}/`);
});

scenario("a page that is open leaves when its session ends", async (desk, visit) => {
  const page = await visit.as("dana");
  const other = await visit.as("dana");
  await says(page, "Nothing waits for a decision.");
  await other.locator("summary", { hasText: "dana" }).click();
  await other.getByRole("button", { name: "Sign out everywhere" }).click();
  await other.waitForURL(`${desk.url}/sign-in`);
  await desk.ask("pay", { to: "alice", amount: 50 });
  await page.waitForURL(`${desk.url}/sign-in`);
});
