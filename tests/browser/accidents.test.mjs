// Scenario 61: links that are followed, second clicks, forms that are sent again, pages that are
// gone back to. None of them decides.

import assert from "node:assert/strict";
import { approve, openCall, openForm, says, scenario, useBrowser, votesOn } from "./browser.mjs";

useBrowser();

const votes = async (desk, id) =>
  (await desk.look(id)).votes.map(({ by, said }) => [by, said.type]);

scenario(
  "a scanner that follows every link decides nothing, signed in or not",
  async (desk, visit) => {
    const id = await desk.ask("pay", { to: "alice", amount: 50 });
    const page = await visit.as("dana");
    const nobody = await visit.nobody();
    for (const what of ["approve", "reject", "respond", "edit"]) {
      for (const method of ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"]) {
        for (const { context, mayLook } of [
          { context: page.context(), mayLook: true },
          { context: nobody.context() },
        ]) {
          const answer = await context.request.fetch(
            `${desk.url}/approvals/${id}/${what}?reason=x&typed=pay&value=x`,
            { method, maxRedirects: 0 },
          );
          const looks = what === "edit" && ["GET", "HEAD"].includes(method);
          const expected = looks ? (mayLook ? 200 : 303) : 405;
          assert.equal(answer.status(), expected, `${method} ${what}`);
        }
      }
    }
    await openCall(page, desk, id);
    for (const href of await page.locator("a").evaluateAll((all) => all.map((link) => link.href)))
      await page.goto(href);
    assert.equal((await desk.look(id)).status, "pending");
    assert.deepEqual(await votes(desk, id), []);
  },
);

scenario("a double click is one vote", async (desk, visit) => {
  const [dana, omar] = [await visit.as("dana"), await visit.as("omar")];
  const id = await desk.ask("pay", { to: "alice", amount: 2_000 });
  await openCall(dana, desk, id);
  await openForm(dana, "Approve…");
  await dana.getByRole("button", { name: "Approve: let it run" }).dblclick();
  await votesOn(dana).waitFor();
  assert.deepEqual(await votes(desk, id), [["dana", "approve"]]);
  // Two clicks where the form opens only open and close it.
  await openCall(omar, desk, id);
  await omar.locator("summary", { hasText: "Approve…" }).dblclick();
  assert.deepEqual(await votes(desk, id), [["dana", "approve"]]);
  assert.equal((await desk.look(id)).status, "pending");
});

scenario("a form that is sent again counts once, whoever sends it", async (desk, visit) => {
  const page = await visit.as("dana");
  const id = await desk.ask("pay", { to: "alice", amount: 2_000 });
  await openCall(page, desk, id);
  await openForm(page, "Approve…");
  const sent = page.waitForRequest((request) => request.method() === "POST");
  await page.getByRole("button", { name: "Approve: let it run" }).click();
  const body = (await sent).postData();
  await votesOn(page).waitFor();
  // Then she changes her mind; what was sent before must not change it back.
  await openForm(page, "Reject…");
  await page.getByLabel("Reason (the agent sees it)").fill("it was a mistake");
  await page.getByRole("button", { name: "Reject: it does not run" }).click();
  await says(page, "Rejected: it does not run");
  const replay = () =>
    page.evaluate(
      async ({ id, body }) => {
        const headers = { "content-type": "application/x-www-form-urlencoded" };
        return (await fetch(`/approvals/${id}/approve`, { method: "POST", headers, body })).url;
      },
      { id, body },
    );
  for (const url of await Promise.all([replay(), replay(), replay()]))
    assert.equal(url, `${desk.url}/approvals/${id}`);
  assert.deepEqual(await votes(desk, id), [["dana", "reject"]]);
  assert.equal((await desk.look(id)).status, "rejected");
  // Nor does another session of hers.
  const other = await visit.as("dana");
  const answer = await other.evaluate(
    async ({ id, body }) => {
      const headers = { "content-type": "application/x-www-form-urlencoded" };
      return (await fetch(`/approvals/${id}/approve`, { method: "POST", headers, body })).status;
    },
    { id, body },
  );
  assert.equal(answer, 403);
});

scenario("going back and loading again sends nothing again", async (desk, visit) => {
  const page = await visit.as("dana");
  const id = await desk.ask("wipe", { disk: "sda" });
  await openCall(page, desk, id);
  await approve(page);
  await says(page, "type the tool's name, wipe");
  // This page is the answer to a form: loading it again sends that form again, which still lacks
  // the name.
  await page.reload();
  await says(page, "type the tool's name, wipe");
  assert.deepEqual(await votes(desk, id), []);
  await page.getByLabel("Type the tool's name").fill("wipe");
  await page.getByRole("button", { name: "Approve: let it run" }).click();
  await says(page, "Approved: it runs");
  // After a decision there is a page of its own, which is only looked at.
  const sent = [];
  page.on("response", (answer) => {
    if (answer.request().method() !== "GET") sent.push(answer.url());
  });
  await page.reload();
  await says(page, "Approved: it runs");
  assert.deepEqual(sent, []);
  assert.deepEqual(await votes(desk, id), [["dana", "approve"]]);
  // Back is the answer to the first form: the browser does not send that again unasked.
  await assert.rejects(page.goBack(), /ERR_CACHE_MISS/);
  assert.deepEqual(sent, []);
  assert.deepEqual(await votes(desk, id), [["dana", "approve"]]);
});

scenario(
  "a page that is behind decides nothing: what it showed is not what there is",
  async (desk, visit) => {
    const [dana, omar] = [await visit.as("dana"), await visit.as("omar")];
    const id = await desk.ask("pay", { to: "alice", amount: 2_000 });
    for (const page of [dana, omar]) await openCall(page, desk, id);
    await dana.getByRole("link", { name: "Edit…" }).click();
    await dana.getByLabel("amount").fill("3000");
    await dana.getByRole("button", { name: "Show what would change" }).click();
    await dana.getByRole("button", { name: "Approve with these changes" }).click();
    await votesOn(dana).waitFor();
    await approve(omar);
    await omar.getByRole("heading", { name: "It has changed" }).waitFor();
    assert.deepEqual(
      (await votes(desk, id)).map(([by]) => by),
      ["dana"],
    );
    await omar.getByRole("link", { name: "Review it again" }).click();
    await omar.locator(".arguments").getByText("3000").waitFor();
  },
);
