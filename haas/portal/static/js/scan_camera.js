// The camera of the scan page: start, stop, light, and each code that comes before it, once.

import { makeDetector } from "./detector.js";

const SAME_CODE_REST_MS = 4000;
const LOOK_EVERY_MS = 120;

export function makeCamera({ root, words, taken, say }) {
  const box = root.querySelector("[data-camera]");
  const video = box.querySelector("video");
  const startButton = root.querySelector("[data-start]");
  const torchButton = root.querySelector("[data-torch]");
  let stream = null;
  let detector = null;
  let last = { code: "", at: 0 };

  startButton.addEventListener("click", start);
  root.querySelector("[data-pause]").addEventListener("click", stop);
  torchButton.addEventListener("click", async () => {
    const on = torchButton.getAttribute("aria-pressed") !== "true";
    await stream?.getVideoTracks()[0].applyConstraints({ advanced: [{ torch: on }] });
    torchButton.setAttribute("aria-pressed", String(on));
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) stop();
  });
  return { offer, codesIn };

  // Asked in the page first, so that a refusal can be explained; granted before, it starts at once.
  async function offer({ atOnce }) {
    if (!navigator.mediaDevices?.getUserMedia) return say(words.none);
    const permission = atOnce && (await navigator.permissions?.query({ name: "camera" }).catch(() => null));
    if (permission?.state === "granted") await start();
    else startButton.hidden = false;
  }

  // The codes in a photo: what the server does where there is signal.
  async function codesIn(photo) {
    detector ??= await makeDetector(root.dataset);
    const found = await detector.detect(await createImageBitmap(photo)).catch(() => []);
    return found.map((each) => each.rawValue);
  }

  async function start() {
    startButton.hidden = true;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } }, audio: false });
    } catch (refusal) {
      say(words[refusal.name === "NotAllowedError" ? "denied" : "none"]);
      startButton.hidden = false;
      return;
    }
    video.srcObject = stream;
    box.hidden = false;
    root.querySelector("[data-hint]").textContent = words.reading;
    await video.play();
    torchButton.hidden = !stream?.getVideoTracks()[0].getCapabilities?.().torch;
    detector ??= await makeDetector(root.dataset);
    look();
  }

  function stop() {
    if (!stream) return;
    for (const track of stream.getTracks()) track.stop();
    stream = null;
    box.hidden = true;
    startButton.hidden = false;
    torchButton.setAttribute("aria-pressed", "false");
  }

  async function look() {
    if (!stream) return;
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
    await taken(code);
  }
}
