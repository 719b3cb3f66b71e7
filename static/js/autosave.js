// What was typed is never lost: saved to the server two seconds after the last stroke, and in this browser at once, so that an offline
// phone, a crash or an expired login costs nothing. The hidden key makes a second sending of the same form harmless.

const WAIT_MS = 1200;
const timers = new WeakMap();

const storeName = (form) => `rejection:${form.dataset.reject}`;
const isOwn = (name) => !["csrfmiddlewaretoken", "base_version", "client_key", "voice_note", "voice_act"].includes(name);
const entriesOf = (form) => Array.from(new FormData(form)).filter(([name]) => isOwn(name));
const say = (form, words) => { form.querySelector("[data-saved]").textContent = form.dataset[words]; };

const keep = (form) => {
  try {
    localStorage.setItem(storeName(form), JSON.stringify(entriesOf(form)));
  } catch { /* a full or closed store: the server copy remains */ }
};

const forget = (form) => {
  try {
    localStorage.removeItem(storeName(form));
  } catch { /* nothing was kept */ }
};

const save = async (form) => {
  if (!form.isConnected) return;
  try {
    const reply = await fetch(form.dataset.draftUrl, { method: "POST", body: new FormData(form), credentials: "same-origin", headers: { "HX-Request": "true" } });
    if (!reply.ok || reply.redirected) throw new Error(String(reply.status));
    forget(form);
    say(form, "savedWords");
  } catch {
    say(form, "keptWords");
  }
};

const later = (event) => {
  const form = event.target.closest("[data-reject]");
  if (!form) return;
  keep(form);
  clearTimeout(timers.get(form));
  timers.set(form, setTimeout(() => save(form), WAIT_MS));
};

const hasOwnWork = (form) => form.querySelector('[name="category"]:checked') || form.querySelector("[data-tag]") || form.elements.note.value;

// What this browser kept and the server never got comes back into an empty form.
const restore = (form) => {
  let kept = null;
  try {
    kept = JSON.parse(localStorage.getItem(storeName(form)));
  } catch { /* unreadable: as if nothing was kept */ }
  if (!kept || hasOwnWork(form)) return;
  for (const [name, value] of kept) {
    for (const field of form.querySelectorAll(`[name="${CSS.escape(name)}"]`)) {
      if (field.type === "radio" || field.type === "checkbox") field.checked ||= field.value === value;
      else if (name !== "span") field.value = value;
    }
  }
  for (const [, value] of kept.filter(([name]) => name === "span")) {
    form.querySelector(`[data-sentence][value="${CSS.escape(value)}"]`)?.click();
  }
  say(form, "restoredWords");
};

document.addEventListener("input", later);
document.addEventListener("change", later);

document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-reject]");
  if (!form || event.submitter?.name === "tag") return;
  if (event.submitter?.matches("[data-default]")) {
    // Enter in a remark keeps the form; only the button sends it.
    event.preventDefault();
    delete form.dataset.sent;
    return;
  }
  clearTimeout(timers.get(form));
  if (navigator.onLine) return;
  event.preventDefault();
  delete form.dataset.sent;
  keep(form);
  say(form, "offlineWords");
  window.addEventListener("online", () => form.requestSubmit(event.submitter), { once: true });
});

const start = () => { for (const form of document.querySelectorAll("[data-reject]")) restore(form); };
document.addEventListener("panel:open", start);
start();
