// Pages that are open follow what happens elsewhere.

import assert from "node:assert/strict";
import { approve, openCall, openForm, says, scenario, useBrowser } from "./browser.mjs";

useBrowser();

const count = (page, number) =>
  page.waitForFunction(
    (number) => document.querySelectorAll("[data-row]").length === number,
    number,
  );

scenario(
  "what is asked appears while the page is open, and goes when it is decided",
  async (desk, visit) => {
    const [dana, omar] = [await visit.as("dana"), await visit.as("omar")];
    await says(dana, "Nothing waits for a decision.");
    await dana.evaluate(() => {
      globalThis.sameDocument = true;
    });
    const first = await desk.ask("pay", { to: "alice", amount: 50 });
    await dana.locator(`a[href="/approvals/${first}"]`).waitFor();
    await dana.waitForFunction(() => document.title.startsWith("(1)"));
    const second = await desk.ask("pay", { to: "bob", amount: 60 });
    await count(dana, 2);
    await dana.locator(`a[href="/approvals/${second}"]`).focus();
    await openCall(omar, desk, first);
    await approve(omar);
    await count(dana, 1);
    const focused = await dana.evaluate(() => document.activeElement.getAttribute("href"));
    assert.equal(focused, `/approvals/${second}`, "the focus stays where it was");
    assert.ok(await dana.evaluate(() => globalThis.sameDocument), "without loading the page again");
  },
);

scenario(
  "nobody decides in time: the page says so, and so does whoever tries",
  async (desk, visit) => {
    const [dana, omar] = [await visit.as("dana"), await visit.as("omar")];
    const id = await desk.ask("reserve", { place: "A-1" }, { run: "it" });
    const waiting = desk.order("wait", { run: "it" });
    await openCall(dana, desk, id);
    await openForm(dana, "Approve…");
    await dana.locator("time.soon").waitFor();
    await omar.locator(`a[href="/approvals/${id}"]`).waitFor();
    assert.equal((await waiting).answers[0].kind, "expired");
    await says(dana, "This has changed since the page was loaded.");
    await dana.locator("#stale").waitFor({ state: "visible" });
    await count(omar, 0);
    await dana.getByRole("button", { name: "Approve: let it run" }).click();
    await dana.getByRole("heading", { name: "Too late" }).waitFor();
    await says(dana, /Nothing was decided: it is already expired/);
    assert.deepEqual([(await desk.look(id)).status, await desk.ran()], ["expired", []]);
    await openCall(dana, desk, id);
    await says(dana, "Nobody decided in time");
  },
);

scenario("a page that was away is up to date when it comes back", async (desk, visit) => {
  const page = await visit.as("dana");
  await says(page, "Nothing waits for a decision.");
  await page.context().setOffline(true);
  const refused = page.waitForEvent("requestfailed");
  await desk.ask("pay", { to: "alice", amount: 50 });
  // The stream that was open told of it, and what the page then asked for did not come.
  await refused;
  await page.context().setOffline(false);
  await count(page, 1);
});

scenario(
  "what an agent in another program asks over HTTP appears while the page is open",
  async (desk, visit) => {
    const page = await visit.as("dana");
    await says(page, "Nothing waits for a decision.");
    await page.evaluate(() => {
      globalThis.sameDocument = true;
    });
    const call = {
      tool: "restart-server",
      arguments: { host: "db-2" },
      summary: "db-2 answers nobody",
      priority: "urgent",
    };
    const id = await desk.sendAsk("/approvals", call);
    await count(page, 1);
    const row = page.locator(`li:has(a[href="/approvals/${id}"])`);
    assert.match(
      await row.innerText(),
      /restart-server[^]*Urgent[^]*The agent claims: db-2 answers nobody[^]*agent robot/,
    );
    assert.ok(await page.evaluate(() => globalThis.sameDocument), "without loading the page again");
    await row.getByRole("link").click();
    const waiting = desk.send("GET", `/approvals/${id}?wait=25`);
    await approve(page);
    assert.equal((await waiting).status, "approved");
  },
);
