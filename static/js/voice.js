// Say it instead of typing it: record, upload, follow how far it is, put the words into the note. Nothing is sent by
// itself. Without this module a file can be uploaded with the form's own button, and the page be looked at again.

const POLL_MS = 1000;
const POLL_SLOW_MS = 4000;
const QUICK_POLLS = 20;
const BITS_A_SECOND = 32000; // a minute is a quarter of a megabyte
const KINDS = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus", "audio/webm"];
let recording = null;

const formOf = (box) => box.closest("form");
const boxes = () => document.querySelectorAll("[data-voice]");
const canRecord = () => Boolean(navigator.mediaDevices?.getUserMedia && window.MediaRecorder);

const say = (box, name) => {
  box.querySelector("[data-voice-error]").hidden = !name;
  box.querySelector("[data-voice-error-words]").textContent = name ? box.dataset[name] : "";
};

const putIntoNote = (box) => {
  const words = box.querySelector("[data-voice-words]")?.textContent.trim();
  const area = formOf(box)?.elements.note;
  if (!words || !area || area.value.includes(words)) return;
  const whole = `${area.value.trimEnd()}\n${words}`.trim();
  area.value = area.maxLength > 0 ? whole.slice(0, area.maxLength) : whole;
  area.dispatchEvent(new Event("input", { bubbles: true }));
};

// The new piece takes the old one's place; words that have just come go into the note, once.
const show = (box, html) => {
  const wasWaiting = box.dataset.voiceState === "waiting";
  const holder = document.createElement("div");
  holder.innerHTML = html;
  const fresh = holder.querySelector("[data-voice]");
  if (!fresh || !box.isConnected) return;
  box.replaceWith(fresh);
  prepare(fresh);
  if (wasWaiting && fresh.dataset.voiceState === "ready") putIntoNote(fresh);
};

const ask = async (box, body) => {
  const reply = await fetch(box.dataset.voiceUrl, { method: body ? "POST" : "GET", body, credentials: "same-origin", headers: { "HX-Request": "true" } });
  if (reply.redirected || !reply.headers.get("Content-Type")?.startsWith("text/html") || reply.status >= 500) throw new Error(String(reply.status));
  return reply.text();
};

const act = async (box, name, audio) => {
  const body = new FormData();
  body.set("csrfmiddlewaretoken", formOf(box).elements.csrfmiddlewaretoken.value);
  body.set("voice_act", name);
  if (audio) body.set("audio", audio, "note");
  else body.set("voice_note", box.querySelector('[name="voice_note"]')?.value ?? "");
  box.setAttribute("aria-busy", "true");
  say(box, "");
  try {
    show(box, await ask(box, body));
  } catch {
    box.removeAttribute("aria-busy");
    if (audio) box.unsentAudio = audio;
    say(box, "voiceFailed");
  }
};

const follow = (box, count = 0) => {
  setTimeout(async () => {
    if (!box.isConnected || box.dataset.voiceState !== "waiting") return;
    let html = "";
    try {
      html = document.hidden ? "" : await ask(box);
    } catch { /* offline for a moment: the next look tells */ }
    if (html.includes('data-voice-state="waiting"') || !html) follow(box, count + 1);
    else show(box, html);
  }, count < QUICK_POLLS ? POLL_MS : POLL_SLOW_MS);
};

const record = async (box) => {
  const button = box.querySelector("[data-voice-record]");
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch {
    say(box, "voiceDenied");
    return;
  }
  const kind = KINDS.find((one) => MediaRecorder.isTypeSupported(one));
  const recorder = new MediaRecorder(stream, { ...(kind && { mimeType: kind }), audioBitsPerSecond: BITS_A_SECOND });
  const pieces = [];
  const began = Date.now();
  const clock = box.querySelector("[data-voice-clock]");
  // A second less than is taken: the last piece comes after the stop.
  const allowed = Number(box.dataset.voiceSeconds) - 1;
  const ticking = setInterval(() => {
    const seconds = Math.floor((Date.now() - began) / 1000);
    clock.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    if (seconds >= allowed || !box.isConnected) recorder.stop();
  }, 200);
  recorder.addEventListener("dataavailable", (event) => pieces.push(event.data));
  recorder.addEventListener("stop", () => {
    clearInterval(ticking);
    stream.getTracks().forEach((track) => track.stop());
    recording = null;
    turn(button, false);
    if (box.isConnected) act(box, "upload", new Blob(pieces, { type: recorder.mimeType }));
  }, { once: true });
  recorder.start();
  recording = recorder;
  turn(button, true);
};

const turn = (button, isBusy) => {
  button.setAttribute("aria-pressed", String(isBusy));
  button.querySelector("[data-voice-idle]").hidden = isBusy;
  button.querySelector("[data-voice-busy]").hidden = !isBusy;
};

const prepare = (box) => {
  // Unnamed, the file stays out of what the form saves and prepares as people type.
  box.querySelector("[data-voice-file]")?.removeAttribute("name");
  const button = box.querySelector("[data-voice-record]");
  if (button) button.hidden = !canRecord();
  if (box.dataset.voiceState === "waiting") follow(box);
};

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-voice-record], [data-voice-act]");
  const box = button?.closest("[data-voice]");
  if (!box) return;
  event.preventDefault();
  if (box.getAttribute("aria-busy")) return;
  if (button.matches("[data-voice-record]")) {
    if (recording) recording.stop();
    else if (box.unsentAudio) act(box, "upload", box.unsentAudio);
    else record(box);
  } else if (button.dataset.voiceAct === "use") putIntoNote(box);
  else if (button.dataset.voiceAct !== "upload") act(box, button.dataset.voiceAct);
  else {
    const [file] = box.querySelector("[data-voice-file]").files;
    if (file) act(box, "upload", file);
  }
});

const start = () => boxes().forEach(prepare);
document.addEventListener("panel:open", start);
start();
