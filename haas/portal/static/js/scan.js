// The scan page: camera, look-up, card, running list, and the queue of what was done without signal. The server's card
// is shown where there is signal, the phone's own where there is none.

import { makeCamera } from "./scan_camera.js";
import { makeCards } from "./scan_cards.js";
import { makeQueue } from "./scan_queue.js";
import { sound } from "./scan_sound.js";
import { newKey, openStore } from "./scan_store.js";

const root = document.querySelector("[data-scan]");
const words = JSON.parse(root.dataset.words);
const answer = document.getElementById("scan-answer");
const typed = root.querySelector("[data-typed]");
const photo = root.querySelector("[data-photo]");

const store = await openStore().catch(() => null);
const told = root.dataset.kit ? JSON.parse(root.dataset.kit) : null;
const kit = told ?? (await store?.person());

document.querySelector("[data-again]")?.addEventListener("click", () => location.assign(root.dataset.home));
if (!kit) nobody();
else if (store) await scanning();
else withoutStore();

function say(text) {
  const note = Object.assign(document.createElement("p"), { className: "alert alert-warning", textContent: text });
  note.setAttribute("role", "alert");
  answer.replaceChildren(note);
}

// The kept page on a phone where nobody is signed in.
function nobody() {
  typed.hidden = photo.hidden = true;
  say(words.nobody);
}

// A browser that keeps nothing: forms do as without scripts, and the camera fills one in.
function withoutStore() {
  if (!answer.querySelector("[data-card]")) say(words.unkept);
  makeCamera({ root, words, say, taken: (code) => ((typed.elements.code.value = code), typed.submit()) }).offer({ atOnce: false });
}

async function scanning() {
  const person = kit.person;
  const moveAddress = (asset, verb) => root.dataset.move.replace("ASSET", encodeURIComponent(asset)).replace("VERB", verb);
  const { drawList, drawStatus, keptCard } = makeCards({ root, words, kit });
  let cards = await store.cards(person);
  let entries = [];
  let current = null; // what is on the card: { card, code }
  let pressed = ""; // the key of the button whose answer is awaited

  const queue = makeQueue({
    store,
    person,
    me: told && { csrf: told.csrf },
    addresses: { me: root.dataset.me, lookUp: root.dataset.lookUp, move: moveAddress },
    heard,
    changed,
    elsewhere: () => location.assign(root.dataset.home),
  });
  const camera = makeCamera({ root, words, say, taken: lookUp });

  if (told) await takeUp();
  else document.documentElement.dataset.bsTheme = kit.theme ?? "light";
  await openWithCard();
  await changed();
  draw();
  listen();
  if (told) keepPage();
  await camera.offer({ atOnce: !current });
  await queue.send();

  async function takeUp() {
    const { csrf: _ofThisPage, now: _then, ...kept } = told;
    await store.enter({ ...kept, theme: document.documentElement.dataset.bsTheme });
    cards = await store.cards(person);
  }

  // `?asset=`: a label that another program scanned, or a step back to a card.
  async function openWithCard() {
    const shown = answer.querySelector("article[data-card]");
    if (shown) return remember(JSON.parse(shown.dataset.card), "");
    const asset = new URLSearchParams(location.search).get("asset");
    const card = told ? null : cards.find((each) => each.asset === asset);
    if (card) showKept({ card, code: card.tag });
  }

  function listen() {
    typed.addEventListener("submit", (event) => {
      event.preventDefault();
      lookUp(typed.elements.code.value.trim());
      typed.elements.code.select();
    });
    photo.addEventListener("submit", (event) => {
      event.preventDefault();
      readPhoto(photo.elements.photo.files[0]);
    });
    answer.addEventListener("submit", (event) => {
      const { verb, label } = event.target.dataset;
      if (!verb || event.defaultPrevented) return;
      event.preventDefault();
      const key = (event.target.dataset.key ??= newKey());
      press({ verb, label, to: kit.verbs.find((each) => each.verb === verb)?.to }, key, {});
    });
    // A page that cannot be reached is no answer: the card says what can be done without.
    answer.addEventListener("click", (event) => {
      if (!event.target.closest("a") || (queue.signal && navigator.onLine)) return;
      event.preventDefault();
      showKept(current);
    });
    addEventListener("offline", () => {
      queue.signal = false;
      changed();
      if (current) showKept(current);
    });
    addEventListener("online", async () => {
      if (told) queue.signal = true;
      await queue.send();
      if (answer.querySelector(".is-kept")) await lookUp(current.code);
    });
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) queue.send();
    });
  }

  async function lookUp(code) {
    if (!code) return;
    const found = queue.signal ? await queue.ask(root.dataset.lookUp, { code }) : { verdict: "later" };
    if (found.verdict === "elsewhere") return;
    if (found.verdict !== "later") return show(found, code);
    const card = seen(code);
    if (!entries.some((entry) => entry.code === code && !entry.verb && !entry.refused)) {
      await queue.add({ key: newKey(), at: Date.now(), code, asset: card?.asset ?? "", tag: card?.tag ?? "" });
    }
    if (card) await remember(card, code);
    showKept({ card, code });
    sound("kept");
    queue.send();
  }

  async function readPhoto(file) {
    const found = queue.signal ? await queue.ask(root.dataset.photoAddress, { photo: file }) : { verdict: "later" };
    if (found.verdict === "elsewhere") return;
    if (found.verdict !== "later") return show(found, "");
    const [code] = await camera.codesIn(file);
    if (code) await lookUp(code);
    else say(words.unread);
  }

  // First it is kept, then it is sent: so nothing is lost in between, and with signal it is one motion.
  async function press({ verb, label, to }, key, answers) {
    const { card, code } = current;
    pressed = key;
    await queue.add({ key, at: Date.now(), code, asset: card?.asset ?? "", tag: card?.tag ?? "", verb, label, to, ...answers });
    await queue.send();
    pressed = "";
    if (!entries.some((entry) => entry.key === key)) return;
    showKept({ card, code });
    sound("kept");
  }

  async function heard(entry, found) {
    const isShown = current?.code === entry.code || (current?.card && current.card.asset === found.card?.asset);
    if (entry.key === pressed) {
      await show(found, entry.code);
      if (found.verdict === "refused") await store.drop(entry.number); // the card says so to whoever pressed
    } else if (isShown && !document.hidden) {
      await show(found, entry.code);
    } else if (found.card) {
      await remember(found.card, entry.code, { asCurrent: false });
    }
  }

  async function show(found, code) {
    if (found.nodes) answer.replaceChildren(...found.nodes);
    else say(found.reason);
    if (found.card) await remember(found.card, code);
    else current = null;
    sound(found.verdict === "done" ? "good" : "bad");
    answer.scrollIntoView({ block: "nearest" });
  }

  function showKept({ card, code }) {
    current = { card, code };
    const own = entries.filter((entry) => (card && entry.asset === card.asset) || entry.code === code);
    answer.replaceChildren(keptCard({ card, code, entries: own, pressed: press }));
    answer.scrollIntoView({ block: "nearest" });
  }

  function seen(code) {
    const same = (text) => text && text.toUpperCase() === code.toUpperCase();
    return cards.find((card) => card.codes.includes(code) || same(card.tag) || same(card.serial));
  }

  async function remember(card, code, { asCurrent = true } = {}) {
    const before = cards.find((each) => each.asset === card.asset);
    const codes = [...new Set([...(before?.codes ?? []), ...(code ? [code] : [])])];
    const kept = { ...card, person, codes, listed: true, seen: card.seen ?? Date.now() };
    await store.keepCard(kept);
    cards = [...cards.filter((each) => each !== before), kept];
    if (asCurrent) current = { card: kept, code: code || card.tag };
    draw();
  }

  async function changed() {
    entries = await store.waiting(person);
    drawStatus({ entries, queue });
    root.querySelector("[data-status]").hidden = false;
  }

  function draw() {
    drawList({
      cards,
      open: (card) => lookUp(card.tag),
      off: async (card) => {
        card.listed = false;
        await store.keepCard(card);
        draw();
      },
    });
  }
}

// So that the page opens without signal from now on. After the page itself, whose files it would fetch at once.
function keepPage() {
  const register = () => navigator.serviceWorker?.register(root.dataset.worker, { scope: root.dataset.home });
  if (document.readyState === "complete") register();
  else addEventListener("load", register);
}
