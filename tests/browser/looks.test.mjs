// Every page, light and dark, on a telephone and on a desk: axe finds nothing wrong with it,
// nothing sticks out, and there is a picture of it.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import axe from "axe-core";
import { scenario, useBrowser } from "./browser.mjs";
import { decide, forNobody, furnish, pages } from "./pages.mjs";

useBrowser();

const pictures = process.env.GATE_BROWSER_PICTURES;
// All of them take minutes: without this, telephones in the light stand for the rest.
const all = process.env.GATE_BROWSER_ALL === "1";
const widths = all ? { 390: 844, 1440: 900 } : { 390: 844 };

/**
 * What axe finds wrong, by all its rules or some. It is not part of the page, and so the page's
 * policy does not stop it.
 */
async function faults(page, runOnly) {
  await page.evaluate(axe.source);
  const options = { resultTypes: ["violations"], ...(runOnly && { runOnly }) };
  const { violations } = await page.evaluate(
    (options) => globalThis.axe.run(document, options),
    options,
  );
  return violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`,
  );
}

async function look(page, name, wrong, runOnly) {
  for (const fault of await faults(page, runOnly)) wrong.push(`${name}: ${fault}`);
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (over > 0) wrong.push(`${name}: ${over} pixels stick out`);
  const twice = await page.evaluate(() => {
    const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
    return ids.filter((id, at) => ids.indexOf(id) !== at);
  });
  if (twice.length > 0) wrong.push(`${name}: twice there: ${twice}`);
  await page.screenshot({
    path: join(pictures, `${name}.png`),
    fullPage: true,
    animations: "disabled",
  });
}

scenario("every page is accessible, fits, and is pictured", async (desk, visit) => {
  mkdirSync(pictures, { recursive: true });
  const calls = await furnish(desk);
  // What others decide while it is decided on a page.
  await decide(await visit.as("dana"), desk, calls);
  const wrong = [];
  for (const [width, height] of Object.entries(widths)) {
    const viewport = { width: Number(width), height };
    const [nobody, dana] = [await visit.nobody({ viewport }), await visit.as("dana", { viewport })];
    for (const [page, all] of [
      [nobody, forNobody],
      [dana, pages],
    ]) {
      for (const [name, open] of Object.entries(all)) {
        await open({ page, desk, calls });
        await page.emulateMedia({ colorScheme: "light" });
        await look(page, `${name}-${width}-light`, wrong);
        // Nothing but colours is different in the dark, and they are the same at every width.
        if (!all || width !== "390") continue;
        await page.emulateMedia({ colorScheme: "dark" });
        await look(page, `${name}-${width}-dark`, wrong, ["color-contrast"]);
      }
    }
  }
  assert.deepEqual(wrong, []);
});
