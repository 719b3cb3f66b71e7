// Keep the dashboard right: told over a WebSocket that there is something new, it fetches its figures, once a second at
// most. Without a socket it asks every five seconds. A page that nobody sees rests, and catches up when it is seen.

import { drawCharts, keepCanvases } from "./charts.js";

const LEAST_MS = 1000;
const POLL_MS = 5000;
// Ages and breakers move without an event, so a page with a socket asks now and then, too.
const POLL_WITH_SOCKET_MS = 10000;
const BACKOFF_MS = [300, 1000, 2000, 5000, 10000];
const REFUSED = [4401, 4403];

const place = () => document.querySelector("[data-figures]");
let socket = null;
let failures = 0;
let isLoading = false;
let wants = false;
let isLost = false;
let loadedAt = 0;

const say = () => {
  const words = document.querySelector("[data-live-words]");
  if (!words) return;
  const state = isLost ? "silent" : socket?.readyState === WebSocket.OPEN ? "pushed" : "polled";
  if (words.dataset.state === state) return;
  words.dataset.state = state;
  words.className = words.className.replace(/ dash-live--\w+/, "");
  words.classList.add(`dash-live--${state}`);
  words.querySelector("[data-live-text]").textContent = words.dataset[state];
};

const swap = (body) => {
  const before = place();
  const open = Array.from(before.querySelectorAll("details[open]"), ({ id }) => id);
  const held = before.contains(document.activeElement) ? document.activeElement : null;
  const scrolled = new Map(Array.from(before.querySelectorAll(".scroll-x"), (one) => [one.getAttribute("aria-labelledby"), one.scrollLeft]));
  const after = new DOMParser().parseFromString(body, "text/html").querySelector("[data-figures]");
  if (!after) throw new Error("no figures");
  keepCanvases(before, after);
  for (const id of open) after.querySelector(`#${id}`)?.setAttribute("open", "");
  const address = held?.getAttribute("href");
  const focus = address ? `a[href="${address}"]` : held?.closest("details") ? `#${held.closest("details").id} summary` : null;
  before.replaceWith(after);
  for (const one of after.querySelectorAll(".scroll-x")) one.scrollLeft = scrolled.get(one.getAttribute("aria-labelledby")) ?? 0;
  if (focus) after.querySelector(focus)?.focus({ preventScroll: true });
  drawCharts(after);
};

const load = async () => {
  if (document.hidden || isLoading) { wants = true; return; }
  isLoading = true;
  wants = false;
  try {
    const reply = await fetch(place().dataset.figures, { headers: { "HX-Request": "true" }, credentials: "same-origin" });
    if (reply.redirected || reply.status === 403) { location.reload(); return; }
    if (!reply.ok) throw new Error(String(reply.status));
    swap(await reply.text());
    isLost = false;
    loadedAt = performance.now();
  } catch {
    isLost = true;
  }
  isLoading = false;
  say();
  if (wants) setTimeout(() => { if (wants) load(); }, LEAST_MS);
};

const connect = () => {
  if (!("WebSocket" in window)) return;
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(`${scheme}//${location.host}${place().dataset.socket}`);
  socket.addEventListener("message", (event) => {
    const message = JSON.parse(event.data);
    if (message.watching) {
      // Whatever happened before this moment is in the figures that are fetched now.
      failures = 0;
      load();
    } else if (message.kind === "figures") load();
    say();
  });
  socket.addEventListener("close", ({ code }) => {
    socket = null;
    say();
    if (REFUSED.includes(code)) { load(); return; }
    setTimeout(connect, BACKOFF_MS[Math.min(failures, BACKOFF_MS.length - 1)]);
    failures += 1;
  });
};

const poll = () => {
  const isOpen = socket?.readyState === WebSocket.OPEN;
  if (!document.hidden && (!isOpen || performance.now() - loadedAt >= POLL_WITH_SOCKET_MS)) load();
  setTimeout(poll, POLL_MS);
};

if (place()) {
  drawCharts(document);
  connect();
  setTimeout(poll, POLL_MS);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) load(); });
  const redraw = () => drawCharts(document);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  new MutationObserver(redraw).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
}
