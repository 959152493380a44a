// What makes the pages handier. Nothing here decides anything, and everything works without it.
"use strict";

const list = document.querySelector("#list[data-live]");
const call = document.querySelector("[data-version]");
const rows = () => [...document.querySelectorAll("[data-row]")];

// Lists follow what happens, as long as somebody looks. A call's page only says that it is out of
// date: nothing moves under a finger.
let source,
  asked = false,
  again = false,
  later;

async function refresh() {
  if (asked) {
    again = true;
    return;
  }
  asked = true;
  clearTimeout(later);
  let wait = 0;
  try {
    const answer = await fetch(location.href, {
      headers: { "Gate-Live": "1" },
      redirect: "manual",
    });
    if (answer.type === "opaqueredirect") location.assign("/sign-in");
    if (answer.status >= 500 || answer.status === 429) wait = 30000;
    if (answer.ok) {
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (call) compare(fresh.querySelector("[data-version]"));
      else show(fresh.querySelector("#list"));
    }
  } catch {
    wait = 3000;
  } // Away: what changed is still to be shown.
  asked = false;
  if (again && !wait) wait = 1000;
  again = false;
  if (wait) later = setTimeout(refresh, wait);
}

function compare(fresh) {
  if (fresh && fresh.dataset.version !== call.dataset.version)
    document.querySelector("#stale").hidden = false;
}

function show(fresh) {
  const old = document.querySelector("#list");
  if (!fresh || !old) return;
  const here = document.activeElement?.getAttribute("href");
  const inside = old.contains(document.activeElement);
  old.replaceWith(document.adoptNode(fresh));
  if (fresh.dataset.title) document.title = fresh.dataset.title;
  if (inside)
    [...fresh.querySelectorAll("a")].find((link) => link.getAttribute("href") === here)?.focus();
  tick();
}

function follow() {
  if (!list && !call) return;
  if (document.hidden) {
    source?.close();
    source = undefined;
    return;
  }
  if (source) return;
  source = new EventSource("/events");
  source.addEventListener("change", refresh);
  source.addEventListener("error", () => {
    if (source?.readyState !== EventSource.CLOSED) return;
    source = undefined;
    refresh();
    setTimeout(follow, 30000);
  });
}

document.addEventListener("visibilitychange", follow);
addEventListener("online", () => {
  if (list || call) refresh();
});
addEventListener("pagehide", () => source?.close());
follow();

// Deadlines count down, from what the server said: this clock may be wrong.
const ends = new WeakMap();

function tick() {
  const now = performance.now() / 1000;
  for (const time of document.querySelectorAll("time[data-left]")) {
    if (!ends.has(time)) ends.set(time, now + Number(time.dataset.left));
    const left = Math.floor(ends.get(time) - now);
    const [size, unit] = [
      [86400, "day"],
      [3600, "hour"],
      [60, "minute"],
    ].find(([size]) => left >= size) ?? [1, "second"];
    const count = Math.floor(left / size);
    time.textContent = left > 0 ? `${count} ${unit}${count === 1 ? "" : "s"} left` : "time is up";
    time.classList.toggle("soon", left < 300);
  }
}
tick();
setInterval(tick, 1000);

// Keys move and open. None sends a form.
document.addEventListener("keydown", (event) => {
  if (
    event.ctrlKey ||
    event.metaKey ||
    event.altKey ||
    event.target.closest("input, textarea, select, dialog")
  )
    return;
  const open = (key) => {
    const found = document.querySelector(`[data-key="${key}"]`);
    if (found?.tagName === "A") {
      found.click();
      return;
    }
    if (!found) return;
    found.open = true;
    found.querySelector("textarea, input:not([type=hidden])")?.focus();
  };
  const move = (step) => {
    const all = rows(),
      at = all.indexOf(document.activeElement);
    all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + step))]?.focus();
  };
  const does = {
    j: () => move(1),
    k: () => move(-1),
    a: () => open("a"),
    e: () => open("e"),
    r: () => open("r"),
    u: () => document.querySelector("[data-up]")?.click(),
    "?": () => document.querySelector("#keys")?.showModal(),
  }[event.key];
  if (does) {
    event.preventDefault();
    does();
  }
});
