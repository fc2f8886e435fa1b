// Sound and touch, for eyes that are on the device. A browser without them scans in silence.

const TONES = { good: [1320, 0.12, [60]], kept: [880, 0.2, [40, 60, 40]], bad: [220, 0.4, [120, 60, 120]] };
let audio = null;

// Browsers let a page sound only after a finger has touched it.
addEventListener("pointerdown", () => {
  audio ??= window.AudioContext ? new AudioContext() : null;
  audio?.resume();
});

export function sound(kind) {
  const [pitch, seconds, touch] = TONES[kind];
  if (navigator.userActivation?.hasBeenActive ?? true) navigator.vibrate?.(touch);
  if (audio?.state !== "running") return;
  const tone = audio.createOscillator();
  const volume = audio.createGain();
  tone.frequency.value = pitch;
  volume.gain.setValueAtTime(0.15, audio.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + seconds);
  tone.connect(volume).connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + seconds + 0.05);
}
