// While a person chooses and types, the server prepares the answer. Nothing on the page waits for it or shows it; a post
// that fails is forgotten. Without this module nothing is prepared and everything else works.

const PAUSE_MS = 400; // after the last stroke
const SETTLED_MS = 800; // a pause this long: the remark is probably done
const EPOCH_MS = Date.UTC(2026, 0, 1);
const UNIT_MS = 400;
const pauses = new WeakMap();
const settles = new WeakMap();
const sent = new WeakMap();
let last = 0;

// Grows also over a reload of the page: counted from a fixed day, in the shortest time between two posts.
const nextSequence = () => {
  last = Math.max(last + 1, Math.floor((Date.now() - EPOCH_MS) / UNIT_MS));
  return last;
};

const post = (form, isSettled) => {
  if (!form.isConnected || !form.dataset.prepareUrl || !navigator.onLine) return;
  const body = new FormData(form);
  if (!body.get("category")) return;
  body.set("settled", isSettled ? "1" : "0");
  const said = JSON.stringify(Array.from(body).filter(([name]) => name !== "csrfmiddlewaretoken"));
  if (sent.get(form) === said) return;
  sent.set(form, said);
  body.set("sequence", String(nextSequence()));
  fetch(form.dataset.prepareUrl, { method: "POST", body, credentials: "same-origin", keepalive: true }).catch(() => {});
};

const stop = (form) => {
  clearTimeout(pauses.get(form));
  clearTimeout(settles.get(form));
};

const later = (form) => {
  stop(form);
  pauses.set(form, setTimeout(() => post(form, false), PAUSE_MS));
  settles.set(form, setTimeout(() => post(form, true), SETTLED_MS));
};

const formOf = (event) => event.target.closest?.("[data-reject]");

document.addEventListener("input", (event) => {
  const form = formOf(event);
  if (form) later(form);
});

document.addEventListener("change", (event) => {
  const form = formOf(event);
  if (form && event.target.name === "category") post(form, false);
});

// On the way to the button: what stands there now is what will be sent.
for (const kind of ["pointerover", "focusin", "touchstart"]) {
  document.addEventListener(kind, (event) => {
    const form = event.target.closest?.("[data-send]") && formOf(event);
    if (!form) return;
    stop(form);
    post(form, true);
  }, { passive: true });
}

document.addEventListener("submit", (event) => {
  const form = formOf(event);
  if (form) stop(form);
});
