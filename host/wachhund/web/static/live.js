// Live values of the page: one event stream while the tab is seen, a question now and then while it is hidden.
// The server sends values, never markup; they are put in place as text. Rows are fixed when the page is loaded: new
// ones are counted in the bar. Without beats for STALE_MS the page says so.

import { follow } from "/static/stream.js";
import { ago, say, timeOfDay } from "/static/words.js";

const STALE_MS = 10_000;
const HIDDEN_POLL_MS = 20_000;

const root = document.documentElement;
const address = document.querySelector('meta[name="wachhund-live"]')?.content ?? "";
let lastId = document.querySelector('meta[name="wachhund-live-id"]')?.content ?? "";
const liveness = document.getElementById("liveness");
const pauseButton = document.getElementById("pause");
const newButton = document.getElementById("show-new");
const icon = document.querySelector('link[rel="icon"]');
const announce = document.getElementById("announce");
const alarm = document.getElementById("alarm");
const missed = document.getElementById("missed");

let stream = null;
let heardAt = Date.now();
let hostAhead = 0; // seconds the host's clock is ahead of ours
let paused = false;
let loginEnded = false;
const waiting = { slots: {}, rows: {} }; // while paused; bounded by what the page shows
const told = new Set();

const hostNow = () => Date.now() / 1000 + hostAhead;

function countOn() {
  const now = hostNow();
  for (const time of document.querySelectorAll("time[data-t]")) {
    const t = Number(time.dataset.t);
    const place = time.querySelector(".ago");
    if (!place || !Number.isFinite(t) || time.dataset.t === "") continue;
    const text = ago(t, now);
    if (place.textContent !== text) place.textContent = text;
  }
}

function put(element, value) {
  if (element.tagName === "TIME") {
    element.firstChild.textContent = value.text + " ";
    element.dataset.t = value.t ?? "";
    if (value.t !== undefined) element.dateTime = new Date(value.t * 1000).toISOString();
    return;
  }
  if (element.textContent === value.text && (element.dataset.tone ?? "") === (value.tone ?? "")) return;
  element.textContent = value.text;
  if (value.tone !== undefined || "tone" in element.dataset) element.dataset.tone = value.tone ?? "";
  element.classList.remove("changed");
  void element.offsetWidth; // restart the animation
  element.classList.add("changed");
  if (value.text === say("NOT ALLOWED") && !told.has(element.dataset.slot)) {
    told.add(element.dataset.slot);
    const robot = element.dataset.about || say("a robot");
    alarm.textContent = say("NOT ALLOWED: %(robot)s is controlled without authorisation", { robot });
  }
}

function apply(change) {
  for (const [key, value] of Object.entries(change.slots ?? {})) {
    for (const element of document.querySelectorAll(`[data-slot="${CSS.escape(key)}"]`)) put(element, value);
  }
  for (const [list, ids] of Object.entries(change.rows ?? {})) {
    const place = document.querySelector(`[data-rows="${CSS.escape(list)}"]`);
    if (!place) continue;
    const here = new Set();
    const now = new Set(ids);
    for (const row of place.querySelectorAll("[data-row]")) {
      here.add(row.dataset.row);
      row.classList.toggle("gone", !now.has(row.dataset.row));
    }
    place.dataset.new = String(ids.filter((id) => !here.has(id)).length);
  }
  countNew();
}

function countNew() {
  let count = 0;
  for (const place of document.querySelectorAll("[data-rows]")) count += Number(place.dataset.new ?? 0);
  const text = say("%(count)s new, press . to show", { count });
  newButton.hidden = count === 0;
  if (count > 0 && newButton.textContent !== text) {
    newButton.textContent = text;
    announce.textContent = say("%(count)s new", { count });
  }
}

function take(change) {
  if (!paused) return apply(change);
  Object.assign(waiting.slots, change.slots ?? {});
  Object.assign(waiting.rows, change.rows ?? {});
}

function heard(hostTime) {
  heardAt = Date.now();
  if (hostTime !== undefined) hostAhead = hostTime - Date.now() / 1000;
  showState();
}

function showState() {
  const limit = document.hidden ? STALE_MS + HIDDEN_POLL_MS : STALE_MS;
  const stale = loginEnded || Date.now() - heardAt > limit;
  if (stale && !("stale" in root.dataset)) {
    const since = timeOfDay(heardAt / 1000);
    root.dataset.stale = "";
    icon.href = icon.dataset.stale;
    for (const word of document.querySelectorAll(".word")) word.dataset.asOf = say(", as of %(since)s", { since });
    document.getElementById("stale").textContent = loginEnded
      ? say("Not live since %(since)s: your login ended. Reload to log in again; what you see is of then.", { since })
      : say("Not live since %(since)s: the host does not answer. What you see is of then; this page keeps trying.", { since });
  } else if (!stale && "stale" in root.dataset) {
    delete root.dataset.stale;
    icon.href = icon.dataset.fresh;
    document.getElementById("stale").textContent = "";
  }
  const state = stale ? "stale" : paused ? "paused" : "live";
  if (liveness.dataset.state !== state) {
    liveness.dataset.state = state;
    liveness.textContent = { stale: say("Not live"), paused: say("Paused"), live: say("Live") }[state];
  }
}

function listen() {
  stream?.stop();
  stream = follow(address, lastId, async (kind, data, id) => {
    lastId = id || lastId;
    if (kind === "end") endLogin();
    else if (kind === "change") {
      const since = "stale" in root.dataset ? heardAt : 0;
      heard();
      take(data);
      if (since) tellMissed(data, since);
    } else if (kind === "beat") heard(data.t);
    else if ((await fetch("/api/v1/me").catch(() => null))?.status === 401) endLogin();
  });
}

function endLogin() {
  loginEnded = true;
  stream?.stop();
  showState();
}

function tellMissed(change, since) {
  const robots = new Set();
  for (const key of Object.keys(change.slots ?? {})) {
    if (key.startsWith("robot:")) robots.add(key.slice(6, key.lastIndexOf(":")));
  }
  const fresh = [...document.querySelectorAll("[data-rows]")].reduce((sum, place) => sum + Number(place.dataset.new ?? 0), 0);
  const values = { from: timeOfDay(since / 1000), to: timeOfDay(Date.now() / 1000), robots: robots.size, fresh };
  missed.textContent = say("Live again. Not live from %(from)s to %(to)s: %(robots)s of the robots here changed, %(fresh)s new.", values);
}

async function ask() {
  const answer = await fetch(`${address}${address.includes("?") ? "&" : "?"}once=1`).catch(() => null);
  if (answer?.status === 401) {
    endLogin();
  } else if (answer?.ok) {
    const told = await answer.json();
    heard(told.t);
    take(told);
  }
}

function setPaused(on) {
  paused = on;
  pauseButton.textContent = paused ? say("Resume") : say("Pause");
  pauseButton.setAttribute("aria-pressed", String(paused));
  if (!paused) {
    apply({ slots: waiting.slots, rows: waiting.rows });
    waiting.slots = {};
    waiting.rows = {};
  }
  showState();
}

setInterval(() => { if (!paused) countOn(); }, 1000);

if (address) {
  document.getElementById("live-tools").hidden = false;
  pauseButton.addEventListener("click", () => setPaused(!paused));
  newButton.addEventListener("click", () => location.reload());
  document.addEventListener("visibilitychange", () => {
    // A browser has about six connections to a host: hidden tabs give theirs back.
    if (document.hidden) {
      stream?.stop();
      stream = null;
    } else if (!loginEnded) {
      ask();
      listen();
    }
  });
  setInterval(() => { if (document.hidden && !loginEnded) ask(); }, HIDDEN_POLL_MS);
  setInterval(showState, 1000);
  missed.addEventListener("click", () => { missed.textContent = ""; });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") missed.textContent = ""; });
  addEventListener("pagehide", () => stream?.stop());
  addEventListener("pageshow", (event) => { if (event.persisted && !loginEnded) listen(); });
  listen();
}
