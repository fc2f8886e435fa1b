// A form whose code a camera can fill: it is sent as soon as a label is read. Typing works without any of this.

import { makeDetector } from "./detector.js";

const LOOK_EVERY_MS = 120;

for (const form of document.querySelectorAll("form[data-scan-field]")) prepare(form);

function prepare(form) {
  const start = form.querySelector("[data-start]");
  const stop = form.querySelector("[data-stop]");
  const box = form.querySelector("[data-camera]");
  const video = box.querySelector("video");
  const note = form.querySelector("[data-note]");
  let stream = null;
  if (!navigator.mediaDevices?.getUserMedia) return;
  start.hidden = false;

  function end() {
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
    box.hidden = true;
    start.hidden = false;
  }

  start.addEventListener("click", async () => {
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } }, audio: false });
    } catch (refusal) {
      note.textContent = refusal.name === "NotAllowedError" ? form.dataset.wordDenied : form.dataset.wordNone;
      note.hidden = false;
      return;
    }
    start.hidden = true;
    note.hidden = true;
    box.hidden = false;
    video.srcObject = stream;
    await video.play();
    const detector = await makeDetector(form.dataset);
    while (stream) {
      const found = video.readyState >= 2 ? await detector.detect(video).catch(() => []) : [];
      if (found.length && stream) {
        end();
        navigator.vibrate?.(60);
        form.querySelector("input[data-code]").value = found[0].rawValue;
        form.requestSubmit();
        return;
      }
      await new Promise((rest) => setTimeout(rest, LOOK_EVERY_MS));
    }
  });
  stop.addEventListener("click", end);
}
