// The scan page: camera and decoder, one look-up for each code, the running list, codes kept while offline.

import { makeDetector } from "./detector.js";

const root = document.querySelector("[data-scan]");
const words = (name) => root.dataset[`word${name}`];
const answer = document.getElementById("scan-answer");
const camera = root.querySelector("[data-camera]");
const video = camera.querySelector("video");
const hint = root.querySelector("[data-hint]");
const startButton = root.querySelector("[data-start]");
const torchButton = root.querySelector("[data-torch]");
const pauseButton = root.querySelector("[data-pause]");
const waiting = root.querySelector("[data-waiting]");
const list = root.querySelector("[data-list]");

const KEPT = "haas-scans-waiting";
const SAME_CODE_REST_MS = 4000;
const LOOK_EVERY_MS = 120;

let stream = null;
let detector = null;
let running = false;
let last = { code: "", at: 0 };

// Sound and touch, for eyes that are on the device. A browser without them scans in silence.
let audio = null;
function signal(good) {
  navigator.vibrate?.(good ? 60 : [120, 60, 120]);
  if (!audio) return;
  const tone = audio.createOscillator();
  const volume = audio.createGain();
  tone.frequency.value = good ? 1320 : 220;
  volume.gain.setValueAtTime(0.15, audio.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + (good ? 0.12 : 0.4));
  tone.connect(volume).connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + 0.45);
}

async function startCamera() {
  startButton.hidden = true;
  audio ??= window.AudioContext ? new AudioContext() : null;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } }, audio: false });
  } catch (refusal) {
    say(words(refusal.name === "NotAllowedError" ? "Denied" : "None"));
    startButton.hidden = false;
    return;
  }
  video.srcObject = stream;
  camera.hidden = false;
  hint.textContent = words("Reading");
  await video.play();
  detector ??= await makeDetector(root.dataset);
  const [track] = stream.getVideoTracks();
  torchButton.hidden = !track.getCapabilities?.().torch;
  pauseButton.setAttribute("aria-pressed", "false");
  running = true;
  look();
}

function stopCamera() {
  running = false;
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  camera.hidden = true;
  startButton.hidden = false;
}

async function look() {
  if (!running) return;
  try {
    const found = video.readyState >= 2 ? await detector.detect(video) : [];
    if (found.length) await take(found[0].rawValue);
  } catch (broken) {
    if (broken.name !== "InvalidStateError") throw broken; // a frame that is not there yet
  }
  setTimeout(look, LOOK_EVERY_MS);
}

async function take(code) {
  const now = Date.now();
  if (!code || (code === last.code && now - last.at < SAME_CODE_REST_MS)) {
    last.at = code === last.code ? now : last.at; // still in the picture: not a second scan
    return;
  }
  last = { code, at: now };
  root.classList.add("is-found");
  setTimeout(() => root.classList.remove("is-found"), 600);
  await lookUp(code);
}

async function lookUp(code) {
  let reply;
  try {
    const body = new FormData();
    body.set("code", code);
    body.set("csrf_token", root.querySelector("input[name=csrf_token]").value);
    reply = await fetch(root.dataset.lookUp, { method: "POST", body, headers: { "HX-Request": "true" } });
  } catch {
    keep(code);
    return;
  }
  if (reply.redirected || reply.headers.get("HX-Redirect")) {
    location.assign(reply.headers.get("HX-Redirect") ?? reply.url);
    return;
  }
  show(await reply.text());
}

function show(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  answer.replaceChildren(...page.body.childNodes);
  window.htmx?.process(answer);
  shown();
}

function shown() {
  const card = answer.querySelector("[data-asset]");
  signal(Boolean(card) && !answer.querySelector(".alert-danger"));
  if (card) remember(card.dataset);
  answer.scrollIntoView({ block: "nearest" });
}

function say(text) {
  const note = document.createElement("p");
  note.className = "alert alert-warning";
  note.setAttribute("role", "alert");
  note.textContent = text;
  answer.replaceChildren(note);
}

function remember({ asset, tag, name }) {
  const items = list.querySelector("[data-items]");
  items.querySelector(`[data-item="${asset}"]`)?.remove();
  const item = document.createElement("li");
  item.dataset.item = asset;
  const link = document.createElement("a");
  link.href = `/scan?asset=${encodeURIComponent(asset)}`;
  link.textContent = `${tag} · ${name}`;
  const undo = document.createElement("button");
  undo.type = "button";
  undo.textContent = "×";
  undo.setAttribute("aria-label", `${words("Undo")}: ${tag}`);
  undo.addEventListener("click", () => {
    item.remove();
    list.hidden = !items.children.length;
  });
  item.append(link, undo);
  items.prepend(item);
  list.hidden = false;
}

// Codes that were scanned without a connection wait on the phone; the counter says so.
const kept = () => JSON.parse(localStorage.getItem(KEPT) ?? "[]");
function keep(code) {
  localStorage.setItem(KEPT, JSON.stringify([...new Set([...kept(), code])].slice(-200)));
  showKept();
  signal(false);
}
function showKept() {
  const codes = kept();
  waiting.hidden = !codes.length;
  waiting.textContent = codes.length ? `${codes.length} · ${words("Failed")}` : "";
}
async function sendKept() {
  if (!navigator.onLine) return;
  const codes = kept();
  localStorage.removeItem(KEPT);
  showKept();
  for (const code of codes) await lookUp(code);
}

startButton.addEventListener("click", startCamera);
pauseButton.addEventListener("click", stopCamera);
torchButton.addEventListener("click", async () => {
  const on = torchButton.getAttribute("aria-pressed") !== "true";
  await stream?.getVideoTracks()[0].applyConstraints({ advanced: [{ torch: on }] });
  torchButton.setAttribute("aria-pressed", String(on));
});
document.addEventListener("htmx:after:swap", (event) => {
  if (event.target === answer || answer.contains(event.target)) shown();
});
for (const moment of ["online", "focus"]) addEventListener(moment, sendKept);
document.addEventListener("visibilitychange", () => {
  if (document.hidden && running) stopCamera();
});
showKept();
sendKept();

if (!navigator.mediaDevices?.getUserMedia) {
  say(words("None"));
} else if (answer.querySelector("[data-asset]")) {
  startButton.hidden = false;
  remember(answer.querySelector("[data-asset]").dataset);
} else {
  // Asked in the page first, so that a refusal can be explained; granted before, it starts at once.
  const permission = await navigator.permissions?.query({ name: "camera" }).catch(() => null);
  if (permission?.state === "granted") startCamera();
  else startButton.hidden = false;
}
