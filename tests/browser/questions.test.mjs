// Questions that are no calls, of an agent in another program, which asks over HTTP.

import assert from "node:assert/strict";
import { openCall, openForm, says, scenario, useBrowser } from "./browser.mjs";

useBrowser();

const choices = ["retry", "skip", "cancel"];
const stands = async (desk, id) => {
  const { status, answer } = await desk.send("GET", `/approvals/${id}`);
  return [status, answer];
};

scenario(
  "a question is answered by a choice, and the program gets that word",
  async (desk, visit) => {
    const page = await visit.as("dana");
    const id = await desk.question("The provider failed. What now?", { kind: "choice", choices });
    // Nobody polls: the program waits for the answer.
    const waiting = desk.send("GET", `/approvals/${id}?wait=25`);
    await page.locator(`a[href="/approvals/${id}"]`).click();
    await says(page, "The provider failed. What now?");
    assert.deepEqual(await page.locator(".choices label").allInnerTexts(), choices);
    const answer = page.getByRole("button", { name: "Answer", exact: true });
    await answer.click();
    await says(page, "type or choose what the agent gets");
    assert.deepEqual(
      await stands(desk, id),
      ["pending", undefined],
      "nothing is chosen beforehand",
    );
    await page.getByLabel("skip").check();
    await answer.click();
    await page.locator(".state").waitFor();
    const { status, answer: got } = await waiting;
    assert.deepEqual([status, got], ["responded", "skip"]);
  },
);

scenario(
  "where the program wants a reason, a choice without one stays chosen",
  async (desk, visit) => {
    const page = await visit.as("dana");
    const id = await desk.question("The provider failed. What now?", {
      kind: "choice",
      choices,
      comment_required: true,
    });
    await openCall(page, desk, id);
    await page.getByLabel("skip").check();
    await page.getByRole("button", { name: "Answer", exact: true }).click();
    await page.locator(".problem").waitFor();
    assert.deepEqual(await stands(desk, id), ["pending", undefined]);
    assert.ok(await page.getByLabel("skip").isChecked());
    await page.getByLabel("Reason (for the record").fill("it is a test order");
    await page.getByRole("button", { name: "Answer", exact: true }).click();
    await says(page, "A person answered it.");
    assert.deepEqual(await stands(desk, id), ["responded", "skip"]);
  },
);

scenario(
  "a question in words gets the words, and one that is rejected gets none",
  async (desk, visit) => {
    const page = await visit.as("dana");
    const id = await desk.question("What should the customer be told?");
    await openCall(page, desk, id);
    await page.getByLabel("Your answer (the agent sees it)").fill("That we are sorry.\nAnd: 42");
    await page.getByRole("button", { name: "Answer", exact: true }).click();
    await page.locator(".state").waitFor();
    const [status, answer] = await stands(desk, id);
    assert.deepEqual(
      [status, answer.replace("\r\n", "\n")],
      ["responded", "That we are sorry.\nAnd: 42"],
    );
    // JSON is no answer in words: a text stays a text.
    const number = await desk.question("How many?");
    await openCall(page, desk, number);
    await page.getByLabel("Your answer (the agent sees it)").fill("42");
    await page.getByRole("button", { name: "Answer", exact: true }).click();
    await page.locator(".state").waitFor();
    assert.deepEqual(await stands(desk, number), ["responded", "42"]);

    const rejected = await desk.question("Shall I ask again?");
    await openCall(page, desk, rejected);
    await openForm(page, "Reject…");
    await page.getByLabel("Reason (the agent sees it)").fill("No, never.");
    await page.getByRole("button", { name: "Reject without an answer" }).click();
    await page.locator(".state").waitFor();
    assert.deepEqual(await stands(desk, rejected), ["rejected", undefined]);
  },
);

/** Sends a form of this page elsewhere, with fields of one's own. */
const forge = (page, path, fields) =>
  page.evaluate(
    async ({ path, fields }) => {
      const form = document.querySelector('form[action$="/respond"]');
      const body = new URLSearchParams(fields);
      for (const name of ["form_secret", "form", "shown"])
        body.set(name, form.elements[name].value);
      const answer = await fetch(path, { method: "POST", body });
      return answer.status;
    },
    { path, fields },
  );

scenario(
  "a question cannot be approved, edited or answered by another word",
  async (desk, visit) => {
    const page = await visit.as("dana");
    const id = await desk.question("The provider failed. What now?", { kind: "choice", choices });
    await openCall(page, desk, id);
    for (const name of [
      "Approve…",
      "Edit…",
      "Approve later calls too…",
      "Reply instead of running it…",
    ]) {
      assert.equal(await page.locator("main").getByText(name, { exact: true }).count(), 0, name);
    }
    const wrong = {
      "/approve": {},
      "/respond": { value: "pay mallory" },
      "/edit": { arguments: JSON.stringify({ question: "Another?" }) },
      "/grant": {
        confirmed: "yes",
        "bound.question": "any",
        run: "any",
        agent: "any",
        principal: "any",
      },
    };
    for (const [path, fields] of Object.entries(wrong)) {
      const status = await forge(page, `/approvals/${id}${path}`, fields);
      assert.ok(status >= 400 && status < 500, `${path}: ${status}`);
      assert.deepEqual(await stands(desk, id), ["pending", undefined], path);
      // A form counts once: the next one is another.
      await openCall(page, desk, id);
    }
    // The same way, a choice is an answer.
    assert.equal(await forge(page, `/approvals/${id}/respond`, { value: "cancel" }), 200);
    assert.deepEqual(await stands(desk, id), ["responded", "cancel"]);
  },
);

scenario("whoever is not asked answers no question", async (desk, visit) => {
  const page = await visit.as("ines");
  const id = await desk.question("The provider failed. What now?", { kind: "choice", choices });
  await openCall(page, desk, id);
  await says(page, "Others are asked");
  assert.equal(await page.locator("main form[method=post]").count(), 0);
});
