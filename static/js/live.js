// Follow an item: hints over a WebSocket, the truth from the server. Without a socket it asks: every second while an
// answer is being made, every five otherwise. "Offline" is said only after three seconds.

const SAY_OFFLINE_AFTER_MS = 3000;
const BACKOFF_MS = [300, 1000, 2000, 5000, 10000];

const place = () => document.querySelector("[data-live]");
let socket = null;
let failures = 0;
let since = Number(place()?.dataset.since ?? 0);
let lostAt = null;
let loading = null;

const isRunning = () => place()?.dataset.running === "yes";

const load = () => {
  // One load at a time; a hint that comes meanwhile asks for one more.
  if (loading) { loading.again = true; return; }
  loading = { again: false };
  const from = place();
  fetch(from.dataset.fragment, { headers: { "HX-Request": "true" }, credentials: "same-origin" })
    .then(async (reply) => {
      if (!reply.ok || reply.redirected) throw new Error(String(reply.status));
      const body = await reply.text();
      lostAt = null;
      const wasRunning = isRunning();
      if (reply.headers.get("X-State") === from.dataset.state) return;
      from.outerHTML = body;
      window.htmx?.process(place());
      if (wasRunning && !isRunning()) document.dispatchEvent(new CustomEvent("live:settled"));
    })
    .catch(() => { lostAt ??= Date.now(); })
    .finally(() => {
      const { again } = loading;
      loading = null;
      if (again) load();
    });
};

const showStage = (stage) => {
  const steps = Array.from(document.querySelectorAll("[data-stage]"));
  const now = steps.findIndex((step) => step.dataset.stage === stage);
  if (now < 0) return;
  steps.forEach((step, index) => {
    step.classList.toggle("step--done", index < now);
    step.classList.toggle("step--now", index === now);
    if (index === now) step.setAttribute("aria-current", "step");
    else step.removeAttribute("aria-current");
  });
  const words = document.querySelector("[data-stage-words]");
  if (words) words.textContent = steps[now].dataset.words;
};

const receive = (message) => {
  if (Number.isInteger(message.seq)) since = Math.max(since, message.seq);
  if (message.stage && message.stage !== "ready" && isRunning()) showStage(message.stage);
  else if (message.kind) load();
};

const connect = () => {
  if (!place() || !("WebSocket" in window)) return;
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(`${scheme}//${location.host}/ws/live/`);
  socket.addEventListener("open", () => {
    const isBack = failures > 0;
    failures = 0;
    lostAt = null;
    socket.send(JSON.stringify({ subscribe: place().dataset.live, since }));
    if (isBack) load();
  });
  socket.addEventListener("message", (event) => receive(JSON.parse(event.data)));
  socket.addEventListener("close", () => {
    socket = null;
    setTimeout(connect, BACKOFF_MS[Math.min(failures, BACKOFF_MS.length - 1)]);
    failures += 1;
  });
};

// The server's clock says when it began; the page only counts on from the age it was told.
const openedAt = performance.now();
const tick = () => {
  const clock = document.querySelector("[data-elapsed-ms]");
  if (clock && isRunning()) {
    clock.dataset.shownFrom ??= String(performance.now());
    const ms = Number(clock.dataset.elapsedMs) + performance.now() - Number(clock.dataset.shownFrom || openedAt);
    clock.textContent = (ms / 1000).toFixed(1);
  }
  const banner = document.querySelector("[data-offline]");
  const silentFor = lostAt ? Date.now() - lostAt : 0;
  if (banner) banner.hidden = navigator.onLine && silentFor < SAY_OFFLINE_AFTER_MS;
};

const poll = () => {
  if (place() && !document.hidden && (isRunning() || socket?.readyState !== WebSocket.OPEN)) load();
  setTimeout(poll, isRunning() ? 1000 : 5000);
};

if (place()) {
  connect();
  setInterval(tick, 100);
  setTimeout(poll, isRunning() ? 1000 : 5000);
}

// The rest of the page shows the item before the answer: fetch it anew once, where the page says it depends on it.
document.addEventListener("live:settled", () => {
  const follower = document.querySelector("[data-after-settled]");
  if (follower) location.replace(follower.dataset.afterSettled);
});
