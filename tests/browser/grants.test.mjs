// Standing permissions: given on one page, seen on another, taken back there; and what the agent's
// process makes of them.

import assert from "node:assert/strict";
import { fillGrant, openCall, says, scenario, showGrant, useBrowser } from "./browser.mjs";

useBrowser();

/** What became of a call that does not wait. */
async function pay(desk, run, to, amount, more = {}) {
  const call = { id: "1", tool: "pay", arguments: JSON.stringify({ to, amount }) };
  const { asked, answers } = await desk.order("ask", {
    run,
    principal: "mia",
    case: "ticket-7",
    ...more,
    calls: [call],
  });
  return asked.length > 0 ? "asked" : answers[0].kind;
}

scenario(
  "a standing permission lets later calls run without a question, until it is taken back",
  async (desk, visit) => {
    const [dana, omar] = [await visit.as("dana"), await visit.as("omar")];
    const id = await desk.ask("pay", { to: "alice", amount: 50 }, { run: "first" });
    const waiting = desk.order("wait", { run: "first" });
    await openCall(dana, desk, id);
    await dana.getByRole("link", { name: "Approve later calls too…" }).click();
    await dana.getByRole("heading", { name: "Allow later calls too" }).waitFor();
    // One use is for the call that is asked before the permission is given: it answers that one
    // too.
    await fillGrant(dana, desk, id, { limit: "500", uses: "3" });
    await showGrant(dana);
    // So far nothing is given, and nothing is decided.
    assert.match(
      await dana.locator(".reach").innerText(),
      /in any run[^]*any number from 0 to 500[^]*exactly "alice"/,
    );
    assert.equal((await desk.look(id)).status, "pending");
    assert.equal(await pay(desk, "too soon", "alice", 60), "asked");
    await dana.getByRole("button", { name: "Approve and let these through" }).click();
    assert.equal((await waiting).answers[0].kind, "succeeded");

    assert.equal(await pay(desk, "covered", "alice", 500), "succeeded");
    assert.deepEqual(await desk.ran(), ["paid 50 to alice", "paid 500 to alice"]);
    // What it does not cover is asked.
    assert.equal(await pay(desk, "more", "alice", 501), "asked");
    assert.equal(await pay(desk, "other", "bob", 50), "asked");
    assert.equal(await pay(desk, "another's", "alice", 50, { principal: "eve" }), "asked");
    assert.equal(await pay(desk, "denied", "alice", 8_500), "denied");

    await omar.getByRole("link", { name: "Standing permissions" }).click();
    const row = omar.locator(".row.grant");
    assert.match(await row.innerText(), /Granted by dana/);
    assert.match(await row.innerText(), /1 time left/);
    await row.getByRole("button", { name: "Revoke the permission for pay" }).click();
    await says(omar, "None: every call that the rules ask about goes to people.");
    assert.equal(await pay(desk, "after", "alice", 50), "asked");
    assert.deepEqual(await desk.ran(), ["paid 50 to alice", "paid 500 to alice"]);
    await omar.goto(`${desk.url}/history?what=standing`);
    assert.equal(
      await omar.locator(".timeline li").count(),
      2,
      "given and taken back are on the record",
    );
  },
);

scenario("a wrong limit is said at its field, and nothing is given by it", async (desk, visit) => {
  const page = await visit.as("dana");
  const id = await desk.ask("pay", { to: "alice", amount: 50 });
  for (const [form, field] of [
    [{ limit: "49" }, "Limit"],
    [{ limit: "many" }, "Limit"],
    [{ uses: "0" }, "Maximum number of calls"],
  ]) {
    await fillGrant(page, desk, id, form);
    await showGrant(page);
    await says(page, "Some values are not valid");
    const wrong = page.locator("input").and(page.getByLabel(field));
    assert.equal(await wrong.getAttribute("aria-invalid"), "");
    const help = page.locator(`#${await wrong.getAttribute("aria-describedby")}`);
    assert.match(await help.innerText(), /number|lower limit/);
  }
  assert.equal((await desk.look(id)).status, "pending");
  assert.equal(await pay(desk, "later", "alice", 50), "asked");
});

scenario(
  "where several must agree, one person gives no standing permission",
  async (desk, visit) => {
    const page = await visit.as("dana");
    const id = await desk.ask("pay", { to: "alice", amount: 2_000 });
    await openCall(page, desk, id);
    await says(page, "No standing permission: several people must agree");
    assert.equal(await page.getByRole("link", { name: "Approve later calls too…" }).count(), 0);
    const answer = await page.goto(`${desk.url}/approvals/${id}/grant`);
    assert.equal(answer.status(), 403);
    await says(page, "several people must agree");
  },
);
