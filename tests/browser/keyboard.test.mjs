// Without a mouse.

import assert from "node:assert/strict";
import { openCall, says, scenario, useBrowser } from "./browser.mjs";

useBrowser();

/** What has the focus: its link, its name, or what it says. */
const focused = (page) =>
  page.evaluate(() => {
    const { activeElement: it } = document;
    return it.getAttribute("href") ?? it.getAttribute("name") ?? it.textContent.trim();
  });

async function press(page, ...keys) {
  for (const key of keys) await page.keyboard.press(key);
}

/** Goes on with Tab until something has the focus. */
async function tabTo(page, name) {
  for (let steps = 0; steps < 40; steps++) {
    if ((await focused(page)) === name) return;
    await press(page, "Tab");
  }
  assert.fail(`Tab does not come to ${name}`);
}

scenario("keys move through what is pending, and open it", async (desk, visit) => {
  const ids = [];
  for (const to of ["alice", "bob", "carol"]) ids.push(await desk.ask("pay", { to, amount: 50 }));
  const links = ids.map((id) => `/approvals/${id}`);
  const page = await visit.as("dana");
  const way = [];
  for (const key of ["j", "j", "j", "j", "k"]) {
    await press(page, key);
    way.push(await focused(page));
  }
  assert.deepEqual(way, [links[0], links[1], links[2], links[2], links[1]]);
  await press(page, "Enter");
  await page.waitForURL(desk.url + links[1]);
  await press(page, "u");
  await page.waitForURL(`${desk.url}/`);
  await press(page, "?");
  await page.getByRole("dialog").waitFor();
  await press(page, "j", "a", "Escape");
  await page.getByRole("dialog").waitFor({ state: "hidden" });
});

scenario(
  "everything is decided without a mouse, and nothing by a bare Enter",
  async (desk, visit) => {
    const page = await visit.as("dana");
    const [approved, rejected] = [
      await desk.ask("pay", { to: "alice", amount: 50 }),
      await desk.ask("pay", { to: "bob", amount: 60 }),
    ];
    const answered = await desk.ask("pay", { to: "carol", amount: 70 });
    const stands = async (id, status) => assert.equal((await desk.look(id)).status, status);

    await openCall(page, desk, approved);
    await press(page, "Enter", "a");
    assert.equal(await focused(page), "comment");
    // In the comment it is a new line.
    await press(page, "Enter", "Enter");
    assert.equal(await page.locator("#comment").inputValue(), "\n\n");
    // What is typed in a field is text, and no key.
    await page.keyboard.type("jaker?");
    assert.equal(await page.locator("#comment").inputValue(), "\n\njaker?");
    await stands(approved, "pending");
    await tabTo(page, "Approve: let it run");
    await press(page, "Enter");
    await says(page, "Approved: it runs");
    await stands(approved, "approved");

    await openCall(page, desk, rejected);
    await press(page, "r");
    assert.equal(await focused(page), "reason");
    await press(page, "Enter");
    await stands(rejected, "pending");
    await page.keyboard.type("paid yesterday");
    await tabTo(page, "Reject: it does not run");
    await press(page, "Enter");
    await says(page, "Rejected: it does not run");

    await openCall(page, desk, answered);
    await tabTo(page, "Reply instead of running it…");
    await press(page, "Enter");
    await tabTo(page, "value");
    await page.keyboard.type("done");
    await tabTo(page, "Reply: it does not run");
    await press(page, "Enter");
    await says(page, "A person replied instead of running it");
  },
);

scenario(
  "Enter on whatever has the focus of itself, and in each field of the form, approves nothing",
  async (desk, visit) => {
    const page = await visit.as("dana");
    const id = await desk.ask("wipe", { disk: "sda" });
    const stands = async (where) => assert.equal((await desk.look(id)).status, "pending", where);
    await openCall(page, desk, id);
    await press(page, "Enter");
    await stands("as it is loaded");
    await press(page, "a", "Tab");
    assert.equal(await focused(page), "typed");
    await press(page, "Enter");
    await says(page, "type the tool's name, wipe");
    await stands("in the name's field");
    await press(page, "e");
    await page.waitForURL(`${desk.url}/approvals/${id}/edit`);
    await tabTo(page, "argument.disk");
    await page.keyboard.type("x");
    await press(page, "Enter");
    await page.getByRole("heading", { name: "What would change" }).waitFor();
    await stands("in an argument's field");
    await press(page, "Enter");
    await tabTo(page, "typed");
    await press(page, "Enter");
    await says(page, "type the tool's name, wipe");
    await stands("where an edit is confirmed");
  },
);

scenario("Tab comes to everything, beginning with the way past the top", async (desk, visit) => {
  const id = await desk.ask("pay", { to: "alice", amount: 50, note: "x".repeat(3_000) });
  const page = await visit.as("dana");
  await openCall(page, desk, id);
  const way = [];
  while (way.length < 40) {
    await press(page, "Tab");
    if (await page.evaluate(() => document.activeElement === document.body)) break;
    way.push(await focused(page));
  }
  assert.equal(way[0], "#main");
  for (const name of [
    "/",
    "dana",
    "Approve…",
    `/approvals/${id}/edit`,
    "Reject…",
    "Reply instead of running it…",
    "Show all 3000 characters",
  ]) {
    assert.ok(way.includes(name), `${name} is not in ${way.join(" | ")}`);
  }
});
