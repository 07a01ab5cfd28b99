// Passkeys: what the host asks goes to the browser, what the browser signed goes back as a form. Nothing is kept here.

import { say } from "/static/words.js";

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (each) => each.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const ids = (list) => list.map((each) => ({ ...each, id: bytes(each.id) }));
const problem = document.getElementById("passkey-problem");
const SAID = {
  NotAllowedError: say("Nothing was done: it was left, or took too long."),
  InvalidStateError: say("This device has a passkey of yours already."),
};

function tell(words) {
  problem.textContent = words;
  problem.hidden = words === "";
}

function answer({ id, type, response }) {
  const told = { clientDataJSON: text(response.clientDataJSON) };
  if (response.attestationObject) told.attestationObject = text(response.attestationObject);
  else {
    told.authenticatorData = text(response.authenticatorData);
    told.signature = text(response.signature);
    told.userHandle = text(response.userHandle ?? new ArrayBuffer(0));
  }
  return JSON.stringify({ id, rawId: id, type, response: told });
}

async function make(form) {
  const asked = JSON.parse(form.dataset.options);
  const publicKey = {
    ...asked,
    challenge: bytes(asked.challenge),
    user: { ...asked.user, id: bytes(asked.user.id) },
    excludeCredentials: ids(asked.excludeCredentials ?? []),
  };
  return navigator.credentials.create({ publicKey });
}

async function show() {
  const reply = await fetch("/login/passkey/begin", { method: "POST" });
  const asked = await reply.json();
  if (!reply.ok) throw new Error(asked.problem);
  const publicKey = { ...asked, challenge: bytes(asked.challenge), allowCredentials: ids(asked.allowCredentials ?? []) };
  return navigator.credentials.get({ publicKey });
}

function offer(form, ask) {
  const button = document.getElementById("passkey-go");
  button.addEventListener("click", async () => {
    tell("");
    button.disabled = true;
    try {
      form.elements.answer.value = answer(await ask(form));
      form.submit();
    } catch (error) {
      tell(SAID[error.name] ?? say("Nothing was done: %(why)s", { why: error.message }));
      button.disabled = false;
    }
  });
  button.disabled = false; // before, a press would be lost
}

const login = document.getElementById("passkey-login");
const fresh = document.getElementById("passkey-new");
const making = document.getElementById("passkey-make");
const here = (form) => form.dataset.origin === location.origin && "PublicKeyCredential" in globalThis;

if (login && here(login)) {
  login.hidden = false;
  offer(login, show);
}
if (fresh && here(fresh)) {
  fresh.hidden = false;
  document.getElementById("passkey-elsewhere").hidden = true;
}
if (making) offer(making, make);
