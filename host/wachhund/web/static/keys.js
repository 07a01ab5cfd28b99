// Keys for those who prefer them (WCAG 2.1.4: they can be switched off in the list that `?` opens, kept per browser).

import { say } from "/static/words.js";

const GO = { f: "/", i: "/incidents", s: "/sessions", a: "/authorisations", e: "/enrol", v: "/verify" };
const dialog = document.getElementById("keys");
const toggle = document.getElementById("keys-on");
let went = 0; // when `g` was pressed
let before = null;

const on = () => localStorage.getItem("keys") !== "off";
const typing = (element) => element.closest("input, textarea, select, [contenteditable]") !== null;

function move(step) {
  const rows = [...document.querySelectorAll("[data-open]")];
  if (rows.length === 0) return;
  const place = rows.indexOf(document.activeElement);
  rows[Math.min(rows.length - 1, Math.max(0, place < 0 ? 0 : place + step))].focus();
}

function copy() {
  // The command that has the focus, or the first one. Without a secure context a browser has no clipboard: then it is
  // selected, for Ctrl-C.
  const all = [...document.querySelectorAll("[data-copy]")];
  const wanted = all.includes(document.activeElement) ? document.activeElement : all[0];
  if (!wanted) return;
  getSelection().selectAllChildren(wanted);
  navigator.clipboard?.writeText(wanted.textContent).catch(() => {});
  document.getElementById("announce").textContent = say("copied");
}

function nextFailure() {
  const failures = [...document.querySelectorAll("[data-failure]")];
  failures[(failures.indexOf(document.activeElement) + 1) % failures.length]?.focus();
}

function open() {
  before = document.activeElement;
  dialog.showModal();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (event.key === "?") return open();
  if (!on() || dialog.open) return;
  if (Date.now() - went < 1500 && GO[event.key]) return location.assign(GO[event.key]);
  went = event.key === "g" ? Date.now() : 0;
  if (event.key === "j") move(1);
  else if (event.key === "k") move(-1);
  else if (event.key === ".") document.getElementById("show-new")?.click();
  else if (event.key === "p") document.getElementById("pause")?.click();
  else if (event.key === "x") document.activeElement?.closest("[data-row]")?.querySelector('input[type="checkbox"]')?.click();
  else if (event.key === "n") document.querySelector("[data-failure]") ? nextFailure() : document.querySelector('[data-key="n"]')?.click();
  else if (event.key === "c") copy();
  else if (event.key === "/") {
    const search = document.querySelector("input[type=search]");
    if (search) {
      event.preventDefault();
      search.focus();
    }
  }
});

// A list of pages that stands open goes with Esc, or with a click beside it; without this script, with its own button.
const lists = [...document.querySelectorAll("details.group")];
document.addEventListener("keydown", (event) => {
  const list = lists.find((one) => one.open);
  if (event.key !== "Escape" || !list) return;
  list.open = false;
  list.querySelector("summary").focus();
});
document.addEventListener("click", (event) => {
  for (const list of lists) if (!list.contains(event.target)) list.open = false;
});

document.getElementById("keys-button").addEventListener("click", open);
dialog.addEventListener("close", () => before?.focus());
toggle.checked = on();
toggle.addEventListener("change", () => localStorage.setItem("keys", toggle.checked ? "on" : "off"));
