// While a person types, the server says what the note sounds like: proposals to confirm with one tap or to drop, or one
// question. Sending waits for none of it. Nothing here moves the focus or what stands below: the row is always there.

const PAUSE_MS = 300;
const WORDS_MIN = 3;
const AGAIN_MS = 900; // where the server was still reading
const AGAIN_MAX = 4;
const timers = new WeakMap();
const asking = new WeakMap();
const shownFor = new WeakMap();

const boxOf = (form) => form.querySelector("[data-understood]");
const formOf = (event) => event.target.closest?.("[data-reject]");
const enough = (form) => form.elements.note.value.trim().split(/\s+/u).length >= WORDS_MIN;

const show = (form, html) => {
  const box = boxOf(form);
  const shown = box.querySelector("[data-understood-shown]");
  // Whoever has come here by keyboard is not thrown out of it.
  if (shown.contains(document.activeElement)) return;
  if (shown.innerHTML !== html) shown.innerHTML = html;
  box.querySelector("[data-understood-hint]").hidden = Boolean(html);
};

const ask = async (form, tries = 0) => {
  asking.get(form)?.abort();
  if (!form.isConnected || !boxOf(form) || !navigator.onLine) return;
  if (!enough(form)) {
    shownFor.delete(form);
    show(form, "");
    return;
  }
  const stop = new AbortController();
  asking.set(form, stop);
  const body = new FormData(form);
  body.delete("audio");
  const said = JSON.stringify(Array.from(body).filter(([name]) => name !== "csrfmiddlewaretoken"));
  if (shownFor.get(form) === said) return;
  try {
    const reply = await fetch(boxOf(form).dataset.understoodUrl, { method: "POST", body, credentials: "same-origin", signal: stop.signal, headers: { "HX-Request": "true" } });
    if (asking.get(form) !== stop || reply.redirected || ![200, 202, 204].includes(reply.status)) return;
    if (reply.status === 202) {
      if (tries < AGAIN_MAX) timers.set(form, setTimeout(() => ask(form, tries + 1), AGAIN_MS));
      return;
    }
    const html = reply.status === 200 ? (await reply.text()).trim() : "";
    if (asking.get(form) !== stop) return;
    shownFor.set(form, said);
    show(form, html);
  } catch { /* stopped by a later stroke, or offline: the form is whole without it */ }
};

const later = (form) => {
  clearTimeout(timers.get(form));
  timers.set(form, setTimeout(() => ask(form), PAUSE_MS));
};

const keep = (form, name, code) => {
  const field = document.createElement("input");
  Object.assign(field, { type: "hidden", name, value: code });
  boxOf(form).append(field);
};

const check = (field) => {
  if (!field || field.checked) return;
  field.checked = true;
  field.dispatchEvent(new Event("change", { bubbles: true }));
};

const confirm = (form, button) => {
  if (button.getAttribute("aria-pressed") === "true") return;
  const { category, code, span } = button.dataset;
  button.setAttribute("aria-pressed", "true");
  button.closest("[data-proposal]").querySelector("[data-proposal-drop]")?.remove();
  if (code) keep(form, "confirmed", code);
  if (!form.querySelector('[name="category"]:checked')) check(form.querySelector(`#category-${CSS.escape(category)}`));
  if (code) check(form.querySelector(`#issue-${CSS.escape(code)}`));
  // What belongs to another kind of problem would be ticked where nobody sees it.
  const chosen = form.querySelector('[name="category"]:checked').value;
  for (const other of boxOf(form).querySelectorAll("[data-proposal-confirm]")) {
    if (other.dataset.category !== chosen) other.closest("[data-proposal]").remove();
  }
  if (!span) return;
  const [start, end] = span.split("-").map(Number);
  form.dispatchEvent(new CustomEvent("reject:mark", { bubbles: true, detail: { start, end, code } }));
};

const drop = (form, button) => {
  keep(form, "dropped", button.dataset.proposalDrop);
  const shown = boxOf(form).querySelector("[data-understood-shown]");
  button.closest("[data-proposal]").remove();
  if (!shown.querySelector("[data-proposal]")) show(form, "");
  form.dispatchEvent(new Event("input", { bubbles: true }));
};

document.addEventListener("input", (event) => {
  const form = formOf(event);
  if (form && event.target === form.elements.note) later(form);
});

document.addEventListener("change", (event) => {
  const form = formOf(event);
  // What was just confirmed stands there, ticked, until something else is said.
  if (form && event.target.name === "category" && !boxOf(form)?.querySelector('[aria-pressed="true"]')) later(form);
});

// A tap takes the focus, and with it the keyboard of a phone, out of the note; here it does not.
document.addEventListener("pointerdown", (event) => {
  if (event.target.closest?.("[data-proposal]")) event.preventDefault();
});
document.addEventListener("mousedown", (event) => {
  if (event.target.closest?.("[data-proposal]")) event.preventDefault();
});

document.addEventListener("click", (event) => {
  const form = formOf(event);
  const yes = event.target.closest?.("[data-proposal-confirm]");
  const no = event.target.closest?.("[data-proposal-drop]");
  if (form && yes) confirm(form, yes);
  else if (form && no) drop(form, no);
});

document.addEventListener("submit", (event) => {
  const form = formOf(event);
  if (!form) return;
  clearTimeout(timers.get(form));
  asking.get(form)?.abort();
});
