// Everything works without JavaScript.

import assert from "node:assert/strict";
import { approve, openCall, openForm, says, scenario, signIn, useBrowser } from "./browser.mjs";

useBrowser();

scenario(
  "without scripts people sign in, look, decide in every way, and sign out",
  async (desk, visit) => {
    const page = await visit.nobody({ javaScriptEnabled: false });
    await signIn(page, desk, "gate_r_wrong");
    await says(page, "No reviewer has this token.");
    await signIn(page, desk, desk.tokens.dana);
    await page.waitForURL(`${desk.url}/`);
    const kinds = {};
    for (const run of ["approved", "edited", "rejected", "answered"]) {
      const id = await desk.ask("pay", { to: run, amount: 50 }, { run });
      kinds[run] = { id, waiting: desk.order("wait", { run }) };
    }
    const wiped = await desk.ask("wipe", { disk: "sda" }, { run: "wiped" });
    const text = async (name) => (await kinds[name].waiting).answers[0].text;

    await page.reload();
    assert.equal(await page.locator("[data-row]").count(), 5);
    await page.locator(`a[href="/approvals/${kinds.approved.id}"]`).click();
    await approve(page);
    assert.equal(await text("approved"), "paid 50 to approved");

    await openCall(page, desk, kinds.edited.id);
    await page.getByRole("link", { name: "Edit…" }).click();
    await page.getByLabel("amount").fill("plenty");
    await page.getByRole("button", { name: "Show what would change" }).click();
    await says(page, "Some values are not valid");
    await page.getByLabel("amount").fill("40");
    await page.getByRole("button", { name: "Show what would change" }).click();
    await page.getByRole("button", { name: "Approve with these changes" }).click();
    assert.match(await text("edited"), /paid 40 to edited/);

    await openCall(page, desk, kinds.rejected.id);
    await openForm(page, "Reject…");
    await page.getByLabel("Reason (the agent sees it)").fill("not today");
    await page.getByRole("button", { name: "Reject: it does not run" }).click();
    assert.match(await text("rejected"), /not today/);

    await openCall(page, desk, kinds.answered.id);
    await openForm(page, "Reply instead of running it…");
    await page.getByLabel("What the agent gets").fill("done by hand");
    await page.getByRole("button", { name: "Reply: it does not run" }).click();
    assert.match(await text("answered"), /done by hand/);

    await openCall(page, desk, wiped);
    await approve(page);
    await says(page, "type the tool's name, wipe");
    await page.getByLabel("Type the tool's name").fill("wipe");
    await page.getByRole("button", { name: "Approve: let it run" }).click();
    await says(page, "Approved: it runs");

    await page.goto(`${desk.url}/case?id=ticket-7`);
    await says(page, "Answered by a person");
    await page.locator(".back").getByRole("link", { name: "Pending" }).click();
    await says(page, "Nothing waits for a decision.");
    await page.locator(".menu > summary").click();
    await page.getByRole("button", { name: "Sign out", exact: true }).click();
    await page.waitForURL(`${desk.url}/sign-in`);
    await page.goto(desk.url);
    assert.equal(page.url(), `${desk.url}/sign-in`);
  },
);
