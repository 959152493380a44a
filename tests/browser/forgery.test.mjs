// What other sites can do to somebody who is signed in: nothing. They are taken to know everything
// that a form of theirs would need.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before } from "node:test";
import { openCall, openForm, says, scenario, useBrowser } from "./browser.mjs";

useBrowser();

/**
 * A server of somebody else: another port of the same machine, and by its other name another site.
 */
let foreign,
  port,
  body = "";
before(async () => {
  foreign = createServer((_, answer) =>
    answer.writeHead(200, { "content-type": "text/html" }).end(body),
  );
  await new Promise((done) => foreign.listen(0, "127.0.0.1", done));
  ({ port } = foreign.address());
});
after(() => {
  foreign.closeAllConnections?.();
  foreign.close();
});

const elsewhere = () => ({
  "another port": `http://127.0.0.1:${port}/`,
  "another site": `http://localhost:${port}/`,
});

/** What the form to approve on an open page would send. */
async function approval(page) {
  const names = ["form_secret", "form", "shown"];
  const values = names.map((name) =>
    page.locator(`form[action$="/approve"] [name=${name}]`).inputValue(),
  );
  return Object.fromEntries((await Promise.all(values)).map((value, at) => [names[at], value]));
}

const form = (
  url,
  fields,
) => `<!doctype html><title>A prize</title><form method=post action="${url}">
  ${Object.entries(fields)
    .map(([name, value]) => `<input name="${name}" value="${value}">`)
    .join("")}
  <button>Win</button></form>`;

/** Opens a page of somebody else, in the same window. */
async function lure(page, address, html) {
  body = html;
  await page.goto(address);
  await page.getByRole("button", { name: "Win" }).click();
  await page.waitForURL((url) => url.href !== address);
}

scenario(
  "a form of another port or site decides nothing, whatever it knows",
  async (desk, visit) => {
    const page = await visit.as("dana", { roams: true });
    const id = await desk.ask("pay", { to: "mallory", amount: 50 });
    await openCall(page, desk, id);
    const fields = await approval(page);
    for (const [name, address] of Object.entries(elsewhere())) {
      await lure(page, address, form(`${desk.url}/approvals/${id}/approve`, fields));
      await says(page, /Another site sent this form/);
      assert.deepEqual((await desk.look(id)).votes, [], name);
      await lure(page, address, form(`${desk.url}/sign-out`, { ...fields, where: "everywhere" }));
      await page.goto(desk.url);
      assert.equal(page.url(), `${desk.url}/`, `${name}: still signed in`);
    }
    // The same fields, from the page that they are of, are an approval.
    await openCall(page, desk, id);
    await openForm(page, "Approve…");
    await page.getByRole("button", { name: "Approve: let it run" }).click();
    await says(page, "Approved: it runs");
  },
);

scenario("a form of a page that has no origin decides nothing", async (desk, visit) => {
  const page = await visit.as("dana", { roams: true });
  const id = await desk.ask("pay", { to: "mallory", amount: 50 });
  await openCall(page, desk, id);
  const html = form(`${desk.url}/approvals/${id}/approve`, await approval(page));
  await page.goto(`data:text/html,${encodeURIComponent(html)}`);
  await page.getByRole("button", { name: "Win" }).click();
  await says(page, /Another site sent this form/);
  // A frame without an origin, on another site.
  body = `<!doctype html><title>x</title><iframe sandbox="allow-forms allow-scripts allow-top-navigation" srcdoc="${html.replaceAll("&", "&amp;").replaceAll('"', "&quot;")}"></iframe>`;
  await page.goto(elsewhere()["another port"]);
  const refused = page.waitForResponse((response) => response.url().endsWith("/approve"));
  await page.frameLocator("iframe").getByRole("button", { name: "Win" }).click();
  assert.equal((await refused).status(), 403);
  assert.deepEqual((await desk.look(id)).votes, []);
});

scenario("scripts of other sites read nothing and send nothing", async (desk, visit) => {
  const page = await visit.as("dana", { roams: true });
  const id = await desk.ask("pay", { to: "mallory", amount: 50 });
  await openCall(page, desk, id);
  const fields = await approval(page);
  for (const [name, address] of Object.entries(elsewhere())) {
    body = "<!doctype html><title>x</title>";
    await page.goto(address);
    const found = await page.evaluate(
      async ({ url, id, fields }) => {
        const body = new URLSearchParams(fields);
        const send = (path, options) =>
          fetch(url + path, { credentials: "include", ...options }).then(
            (answer) => answer.type,
            () => "refused",
          );
        const read = await send("/");
        const sent = await send(`/approvals/${id}/approve`, { method: "POST", body });
        const blind = await send(`/approvals/${id}/approve`, {
          method: "POST",
          body,
          mode: "no-cors",
        });
        const news = await new Promise((done) => {
          const source = new EventSource(`${url}/events`, { withCredentials: true });
          source.onmessage = () => done("read");
          source.onerror = () => done("refused");
        });
        return { read, sent, news, blind: ["opaque", "refused"].includes(blind) };
      },
      { url: desk.url, id, fields },
    );
    assert.deepEqual(
      found,
      { read: "refused", sent: "refused", news: "refused", blind: true },
      name,
    );
    assert.deepEqual((await desk.look(id)).votes, [], name);
  }
});

/** Sends a form by a script of the inbox's own origin, as a form of its pages would. */
const send = (page, path, fields) =>
  page.evaluate(
    async ({ path, fields }) => {
      const answer = await fetch(path, { method: "POST", body: new URLSearchParams(fields) });
      return { status: answer.status, text: await answer.text() };
    },
    { path, fields },
  );

scenario(
  "a form without the session's secret, or with another's, decides nothing",
  async (desk, visit) => {
    const [dana, omar] = [await visit.as("dana"), await visit.as("omar")];
    const again = await visit.as("dana");
    const id = await desk.ask("pay", { to: "mallory", amount: 50 });
    for (const page of [dana, omar, again]) await openCall(page, desk, id);
    const fields = await approval(dana);
    const path = `/approvals/${id}/approve`;
    const { form_secret: _, ...without } = fields;
    for (const [name, page, sent] of [
      ["without", dana, without],
      ["empty", dana, { ...fields, form_secret: "" }],
      ["a person's that is not them", omar, fields],
      ["of another session of theirs", again, fields],
    ]) {
      const answer = await send(page, path, sent);
      assert.equal(answer.status, 403, name);
      assert.match(answer.text, /not from your current session/, name);
    }
    assert.deepEqual((await desk.look(id)).votes, []);
    // What it showed is part of it too.
    const other = await send(dana, path, { ...fields, shown: `sha256:${"0".repeat(64)}` });
    assert.equal(other.status, 409);
    assert.deepEqual((await desk.look(id)).votes, []);
    assert.equal((await send(dana, path, fields)).status, 200, "the whole form decides");
    assert.deepEqual(
      (await desk.look(id)).votes.map(({ by }) => by),
      ["dana"],
    );
  },
);

scenario("no page is shown in a frame, of other sites or its own", async (desk, visit) => {
  const page = await visit.as("dana", { roams: true });
  const id = await desk.ask("pay", { to: "mallory", amount: 50 });
  const addresses = [
    "/",
    `/approvals/${id}`,
    `/approvals/${id}/edit`,
    "/sign-in",
    "/case?id=ticket-7",
  ].map((path) => desk.url + path);
  for (const origin of Object.values(elsewhere())) {
    body = addresses
      .map(
        (address) =>
          `<iframe src="${address}"></iframe><object data="${address}"></object><embed src="${address}">`,
      )
      .join("");
    const refused = [];
    page.on("requestfailed", (request) =>
      refused.push(`${request.failure().errorText} ${request.url()}`),
    );
    // The page is loaded once all that is in it is, or was refused.
    await page.goto(origin);
    page.removeAllListeners("requestfailed");
    assert.deepEqual(
      page
        .frames()
        .map((frame) => frame.url())
        .filter((url) => url.startsWith(desk.url)),
      [],
    );
    assert.ok(refused.length >= addresses.length, refused.join(" "));
    for (const request of refused) assert.match(request, /BLOCKED/);
  }
});

scenario(
  "a link from another site opens the page that it is of, and decides nothing",
  async (desk, visit) => {
    const page = await visit.as("dana", { roams: true });
    const id = await desk.ask("pay", { to: "mallory", amount: 50 });
    for (const address of Object.values(elsewhere())) {
      body = `<a href="${desk.url}/approvals/${id}">here</a>`;
      await page.goto(address);
      await page.getByRole("link").click();
      await page.getByRole("heading", { name: "pay" }).waitFor();
      body = `<a href="${desk.url}/approvals/${id}/approve">here</a>`;
      await page.goto(address);
      await page.getByRole("link").click();
      await says(page, "A link decides nothing");
    }
    assert.deepEqual((await desk.look(id)).votes, []);
  },
);
