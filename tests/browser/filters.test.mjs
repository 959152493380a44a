// Lists that show what somebody wants to see.

import assert from "node:assert/strict";
import { approve, openCall, says, scenario, useBrowser } from "./browser.mjs";

useBrowser();

/** The calls that are listed. */
const listed = (page) =>
  page
    .locator("[data-row]")
    .evaluateAll((all) => all.map((link) => link.getAttribute("href").split("/").at(-1)).sort());
const links = (page, count) =>
  page.waitForFunction((count) => document.querySelectorAll("[data-row]").length === count, count);

scenario("filters work without scripts", async (desk, visit) => {
  const page = await visit.as("dana", { javaScriptEnabled: false });
  const paid = await desk.ask("pay", { to: "alice", amount: 50 });
  const urgent = await desk.ask(
    "pay",
    { to: "bob", amount: 60, note: "The Taxi" },
    { principal: "eve" },
  );
  const wiped = await desk.ask("wipe", { disk: "sda" });
  const sent = await desk.question("What now?");
  await page.reload();
  assert.deepEqual(await listed(page), [paid, urgent, wiped, sent].sort());
  const only = async (fill) => {
    await page.goto(desk.url);
    await page.locator(".filters > summary").click();
    await fill();
    await page.getByRole("button", { name: "Apply filter" }).click();
    await page.waitForURL(/\?/);
    return listed(page);
  };
  assert.deepEqual(
    await only(() => page.getByLabel("Tool").selectOption("pay")),
    [paid, urgent].sort(),
  );
  // What was chosen stays chosen, and more can be.
  assert.equal(await page.getByLabel("Tool").inputValue(), "pay");
  await page.getByLabel("On behalf of").selectOption("eve");
  await page.getByRole("button", { name: "Apply filter" }).click();
  await page.waitForURL(/principal=eve/);
  assert.deepEqual(await listed(page), [urgent]);
  assert.deepEqual(await only(() => page.getByLabel("Contains text").fill("the taxi")), [urgent]);
  assert.deepEqual(await only(() => page.getByLabel("Agent").selectOption("robot")), [sent]);
  assert.deepEqual(
    await only(() => page.getByLabel("For me only").check()),
    [paid, urgent, wiped, sent].sort(),
  );
  assert.deepEqual(
    await only(() => page.getByLabel("Contains text").fill("what nobody asked")),
    [],
  );
  await says(page, "Nothing pending matches the filter.");
  await page.getByRole("link", { name: "Show all 4" }).click();
  await page.waitForURL(`${desk.url}/`);
  assert.equal((await listed(page)).length, 4);

  await openCall(page, desk, paid);
  await approve(page);
  await says(page, "Approved: it runs");
  await page.getByRole("link", { name: "History" }).click();
  await page.locator(".filters > summary").click();
  await page.getByLabel("What happened").selectOption("approved");
  await page.getByRole("button", { name: "Apply filter" }).click();
  await page.waitForURL(/what=approved/);
  assert.deepEqual(
    await page.locator(".timeline a").first().getAttribute("href"),
    `/approvals/${paid}`,
  );
  assert.equal(await page.locator(".timeline li").count(), 1);
});

scenario("filters survive the live reload, and what is half typed stays", async (desk, visit) => {
  const [dana, omar] = [await visit.as("dana"), await visit.as("omar")];
  const first = await desk.ask("pay", { to: "alice", amount: 50 });
  await desk.ask("wipe", { disk: "sda" });
  await dana.goto(`${desk.url}/?tool=pay`);
  assert.deepEqual(await listed(dana), [first]);
  await dana.evaluate(() => {
    globalThis.sameDocument = true;
  });
  await dana.getByLabel("Contains text").fill("half ty");
  // Whoever sees all shows when all are there.
  await desk.ask("wipe", { disk: "sdb" });
  await links(omar, 3);
  const second = await desk.ask("pay", { to: "bob", amount: 60 });
  await links(dana, 2);
  assert.deepEqual(await listed(dana), [first, second].sort());
  await dana.keyboard.type("ped");
  assert.equal(
    await dana.getByLabel("Contains text").inputValue(),
    "half typed",
    "the focus and the words stay",
  );
  assert.equal(await dana.getByLabel("Tool").inputValue(), "pay");
  await openCall(omar, desk, first);
  await approve(omar);
  await links(dana, 1);
  assert.deepEqual(await listed(dana), [second]);
  assert.deepEqual(
    [dana.url(), await dana.evaluate(() => globalThis.sameDocument)],
    [`${desk.url}/?tool=pay`, true],
  );
});
