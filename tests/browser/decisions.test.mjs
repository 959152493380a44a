// What people decide in the browser, and what the agent's process makes of it.

import assert from "node:assert/strict";
import { approve, openCall, openForm, says, scenario, useBrowser } from "./browser.mjs";

useBrowser();

scenario("what is approved runs in the agent's process", async (desk, visit) => {
  const page = await visit.as("dana");
  const id = await desk.ask("pay", { to: "alice", amount: 50 }, { run: "it" });
  const waiting = desk.order("wait", { run: "it" });
  await page.locator(`a[href="/approvals/${id}"]`).click();
  assert.deepEqual(await desk.ran(), []);
  await openForm(page, "Approve…");
  await page.getByLabel("Reason (for the record").fill("it is due");
  await page.getByRole("button", { name: "Approve: let it run" }).click();
  assert.deepEqual((await waiting).answers, [
    { tool: "pay", kind: "succeeded", text: "paid 50 to alice" },
  ]);
  assert.deepEqual(await desk.ran(), ["paid 50 to alice"]);
  await page.reload();
  await says(page, "It ran.");
  await says(page, "it is due");
});

scenario(
  "an edit says at the field what is wrong, then what it changes, and that runs",
  async (desk, visit) => {
    const page = await visit.as("dana");
    const id = await desk.ask("pay", { to: "alice", amount: 50 }, { run: "it" });
    const waiting = desk.order("wait", { run: "it" });
    await openCall(page, desk, id);
    await page.getByRole("link", { name: "Edit…" }).click();
    const amount = page.getByLabel("amount");
    const show = page.getByRole("button", { name: "Show what would change" });
    for (const [typed, problem] of [
      ["plenty", /whole number/],
      ["9001", /9000/],
      ["", /required/],
    ]) {
      await amount.fill(typed);
      await show.click();
      await says(page, "Some values are not valid");
      assert.equal(await amount.getAttribute("aria-invalid"), "");
      assert.equal(await amount.inputValue(), typed);
      const help = page.locator(`#${await amount.getAttribute("aria-describedby")}`);
      assert.match(await help.innerText(), problem);
    }
    await amount.fill("40");
    await page.getByLabel("note").fill("the rest was paid");
    await show.click();
    await page.getByRole("heading", { name: "What would change" }).waitFor();
    const difference = async (name) =>
      (await page.locator(`dt:has(:text-is("${name}")) + dd`).innerText()).split(/\s*\n+\s*/);
    assert.deepEqual(await difference("amount"), ["Before", "50", "After", "40"]);
    assert.deepEqual(await difference("note"), [
      "Before",
      "Left out.",
      "After",
      "the rest was paid",
    ]);
    assert.equal((await desk.look(id)).status, "pending");
    await page.getByRole("button", { name: "Approve with these changes" }).click();
    const [answer] = (await waiting).answers;
    assert.match(answer.text, /paid 40 to alice, the rest was paid/);
    assert.deepEqual(await desk.ran(), ["paid 40 to alice, the rest was paid"]);
    await page.goto(`${desk.url}/approvals/${id}`);
    await says(page, "Changed by a reviewer.");
  },
);

scenario(
  "an edit that a rule forbids does not run, and one that others must agree to waits for them",
  async (desk, visit) => {
    const [dana, omar] = [await visit.as("dana"), await visit.as("omar")];
    const id = await desk.ask("pay", { to: "alice", amount: 50 }, { run: "it" });
    const waiting = desk.order("wait", { run: "it" });
    await dana.goto(`${desk.url}/approvals/${id}/edit`);
    await dana.getByLabel("amount").fill("2000");
    await dana.getByRole("button", { name: "Show what would change" }).click();
    await dana.getByRole("button", { name: "Approve with these changes" }).click();
    await dana.waitForURL(`${desk.url}/approvals/${id}`);
    await omar.locator(`a[href="/approvals/${id}"]`).click();
    await says(omar, "changed it, and approved that");
    assert.deepEqual(await desk.ran(), []);
    await approve(omar);
    assert.match((await waiting).answers[0].text, /paid 2000 to alice/);

    const denied = await desk.ask("pay", { to: "alice", amount: 50 }, { run: "denied" });
    const second = desk.order("wait", { run: "denied" });
    await dana.goto(`${desk.url}/approvals/${denied}/edit`);
    await dana.getByLabel("amount").fill("8500");
    await dana.getByRole("button", { name: "Show what would change" }).click();
    await dana.getByRole("button", { name: "Approve with these changes" }).click();
    assert.equal((await second).answers[0].kind, "denied");
    assert.deepEqual(await desk.ran(), ["paid 2000 to alice"]);
  },
);

scenario("a rejection tells the agent why", async (desk, visit) => {
  const page = await visit.as("dana");
  const id = await desk.ask("pay", { to: "alice", amount: 50 }, { run: "it" });
  const waiting = desk.order("wait", { run: "it" });
  await openCall(page, desk, id);
  await openForm(page, "Reject…");
  await page.getByRole("button", { name: "Reject: it does not run" }).click();
  await page.locator(".problem").waitFor();
  assert.equal((await desk.look(id)).status, "pending", "no reason, no rejection");
  await page.getByLabel("Reason (the agent sees it)").fill("alice was paid yesterday");
  await page.getByRole("button", { name: "Reject: it does not run" }).click();
  const [answer] = (await waiting).answers;
  assert.equal(answer.kind, "rejected");
  assert.match(answer.text, /alice was paid yesterday/);
  await says(page, "Rejected: it does not run");
  assert.deepEqual(await desk.ran(), []);
});

scenario("a person answers in the tool's place", async (desk, visit) => {
  const page = await visit.as("dana");
  const id = await desk.ask("pay", { to: "alice", amount: 50 }, { run: "it" });
  const waiting = desk.order("wait", { run: "it" });
  await openCall(page, desk, id);
  await openForm(page, "Reply instead of running it…");
  await page.getByLabel("What the agent gets").fill("I paid her myself.");
  await page.getByRole("button", { name: "Reply: it does not run" }).click();
  const [answer] = (await waiting).answers;
  assert.match(answer.text, /I paid her myself\./);
  await says(page, "A person replied instead of running it");
  assert.deepEqual(await desk.ran(), []);
});

scenario("what cannot be undone wants the name of the tool", async (desk, visit) => {
  const page = await visit.as("dana");
  const id = await desk.ask("wipe", { disk: "sda" }, { run: "it" });
  const waiting = desk.order("wait", { run: "it" });
  await openCall(page, desk, id);
  await openForm(page, "Approve…");
  const button = page.getByRole("button", { name: "Approve: let it run" });
  for (const typed of ["", "pay", "WIPE"]) {
    await page.getByLabel("Type the tool's name").fill(typed);
    await button.click();
    await says(page, "type the tool's name, wipe");
    assert.equal((await desk.look(id)).status, "pending", typed);
  }
  await page.getByLabel("Type the tool's name").fill("wipe");
  await button.click();
  assert.equal((await waiting).answers[0].kind, "succeeded");
  assert.deepEqual(await desk.ran(), ["wiped sda"]);
});

scenario(
  "where the rule wants a reason, there is none without, and a secret is not shown",
  async (desk, visit) => {
    const page = await visit.as("dana");
    const id = await desk.ask("log_in", { user: "mia", password: "hunter2" }, { run: "it" });
    const waiting = desk.order("wait", { run: "it" });
    await openCall(page, desk, id);
    assert.ok(!(await page.content()).includes("hunter2"));
    await approve(page);
    await page.locator(".problem").waitFor();
    assert.equal((await desk.look(id)).status, "pending");
    await page.locator("#comment").fill("she is on the phone");
    await page.getByRole("button", { name: "Approve: let it run" }).click();
    await waiting;
    assert.deepEqual(await desk.ran(), ["logged mia in, by 7 characters"]);
  },
);

scenario("of two who decide at once one wins, and the other is told", async (desk, visit) => {
  const [dana, omar] = [await visit.as("dana"), await visit.as("omar")];
  const id = await desk.ask("pay", { to: "alice", amount: 50 }, { run: "it" });
  const waiting = desk.order("wait", { run: "it" });
  for (const page of [dana, omar]) await openCall(page, desk, id);
  await openForm(dana, "Approve…");
  await openForm(omar, "Reject…");
  await omar.getByLabel("Reason (the agent sees it)").fill("not today");
  await Promise.all([
    dana.getByRole("button", { name: "Approve: let it run" }).click(),
    omar.getByRole("button", { name: "Reject: it does not run" }).click(),
  ]);
  const [answer] = (await waiting).answers;
  const { votes } = await desk.look(id);
  assert.equal(votes.length, 1);
  const [winner, loser, kind, ran] =
    votes[0].by === "dana"
      ? [dana, omar, "succeeded", ["paid 50 to alice"]]
      : [omar, dana, "rejected", []];
  assert.equal(answer.kind, kind);
  await says(loser, /Your decision came too late|Nothing was decided/);
  await winner.waitForURL(`${desk.url}/approvals/${id}`);
  assert.deepEqual(await desk.ran(), ran);
});

scenario("whoever comes later is told who was first", async (desk, visit) => {
  const [dana, omar] = [await visit.as("dana"), await visit.as("omar")];
  const id = await desk.ask("pay", { to: "alice", amount: 50 });
  for (const page of [dana, omar]) await openCall(page, desk, id);
  await approve(dana);
  await dana.waitForURL(`${desk.url}/approvals/${id}`);
  await says(dana, "Approved: it runs when its run continues.");
  await says(omar, "This has changed since the page was loaded.");
  await openForm(omar, "Reject…");
  await omar.getByLabel("Reason (the agent sees it)").fill("not today");
  await omar.getByRole("button", { name: "Reject: it does not run" }).click();
  await says(omar, /dana/);
  assert.equal((await desk.look(id)).status, "approved");
});

scenario(
  "whoever is not asked has no forms, and what they send counts for nothing",
  async (desk, visit) => {
    const page = await visit.as("ines");
    const id = await desk.ask("pay", { to: "alice", amount: 50 });
    await says(page, "For others");
    await openCall(page, desk, id);
    await says(page, "Others are asked");
    assert.equal(await page.locator("main form[method=post]").count(), 0);
  },
);
