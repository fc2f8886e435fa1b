// What the scan page draws itself: a card where no answer of the server is to be had, what waits, what was refused,
// and what was scanned just now.

import { newKey } from "./scan_store.js";

const filled = (text, number) => text.replace("NUMBER", number);

export function makeCards({ root, words, kit }) {
  const find = (name) => root.querySelector(`[data-${name}]`);
  const copyOf = (name) => root.querySelector(`template[data-${name}]`).content.firstElementChild.cloneNode(true);
  return { keptCard, drawStatus, drawList };

  // The asset as it was last seen, or its bare code, with the moves that may be possible.
  // `pressed(verb, key, answers)` hears of a button.
  function keptCard({ card, code, entries, pressed }) {
    const drawn = copyOf("card");
    const part = (name) => drawn.querySelector(`[data-${name}]`);
    const foreign = card ? "" : foreignHost(code, kit.labels);
    drawn.setAttribute("aria-label", card?.tag ?? code);
    part("tag").textContent = card?.tag ?? code;
    part("tag").classList.toggle("is-code", !card);
    part("name").textContent = card?.name ?? "";
    part("serial").textContent = card?.serial ?? "";
    part("serial-line").hidden = !card?.serial;
    part("place-line").hidden = !card;
    if (card) {
      part("state").append(icon(card.look), card.word);
      part("state").classList.add(`state-${card.colour}`);
      part("place").textContent = [card.place, card.site].filter(Boolean).join(", ");
    }
    part("age").textContent = foreign
      ? words.foreign.replace("HOST", foreign)
      : card ? words.seen.replace("AGE", age(card.seen)) : words.unseen;
    part("age").classList.toggle("alert-danger", Boolean(foreign));
    const moves = entries.filter((entry) => entry.verb && !entry.refused);
    part("kept").hidden = !moves.length;
    part("kept").textContent = `${moves.map((entry) => entry.label).join(", ")}: ${words.kept}`;
    const verbs = foreign ? [] : possibleVerbs({ kit, card, moves });
    part("big").append(...verbs.slice(0, 3).map((verb) => action(verb, "scan-big", pressed)));
    part("more").append(...verbs.slice(3).map((verb) => action(verb, "scan-small", pressed)));
    part("more-box").hidden = verbs.length <= 3;
    return drawn;
  }

  function action(verb, look, pressed) {
    const key = newKey(); // of this button: a second press counts once
    if (!verb.asks.length) {
      const button = Object.assign(document.createElement("button"), { type: "button", className: look });
      button.append(icon(verb.icon), verb.label);
      button.addEventListener("click", () => pressed(verb, key, {}));
      return button;
    }
    const box = copyOf("ask");
    const head = box.querySelector("summary");
    head.className = look;
    head.append(icon(verb.icon), verb.label);
    for (const question of box.querySelectorAll("[data-question]")) {
      if (!verb.asks.includes(question.dataset.question)) question.remove();
    }
    box.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      pressed(verb, key, Object.fromEntries(new FormData(event.target)));
    });
    return box;
  }

  // The counter, always in sight, and beneath it what waits (can be undone) and what was refused (can be dismissed).
  function drawStatus({ entries, queue }) {
    const waiting = entries.filter((entry) => !entry.refused);
    const refused = entries.filter((entry) => entry.refused);
    const word = !waiting.length ? words.nothing : queue.sending ? words.sending : words.waiting;
    setText(find("signal-word"), queue.signal ? words.online : words.offline);
    const counts = [refused.length && !waiting.length ? "" : filled(word, waiting.length), refused.length ? filled(words.refused, refused.length) : ""];
    setText(find("count"), counts.filter(Boolean).join(" · "));
    find("signal").querySelector("use").setAttribute("href", `${root.dataset.icons}#${queue.signal ? "wifi" : "wifi-off"}`);
    find("status").classList.toggle("is-offline", !queue.signal);
    find("status").classList.toggle("is-waiting", waiting.length > 0);
    find("waiting").hidden = !waiting.length;
    find("refused-items").hidden = !refused.length;
    const row = (entry, word) => {
      const item = document.createElement("li");
      const text = document.createElement("p");
      const name = Object.assign(document.createElement("strong"), { textContent: entry.tag || shortened(entry.code) });
      text.append(name, ` ${entry.label ?? words.scan} · ${clock(entry.at)}`);
      if (entry.refused) text.append(Object.assign(document.createElement("span"), { textContent: entry.refused }));
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: word });
      button.setAttribute("aria-label", `${word}: ${entry.label ?? words.scan}, ${name.textContent}`);
      button.disabled = queue.sending === entry.number;
      button.addEventListener("click", () => queue.undo(entry.number));
      item.append(text, button);
      return item;
    };
    find("waiting-items").replaceChildren(...waiting.map((entry) => row(entry, words.undo)));
    find("refused-items").replaceChildren(...refused.map((entry) => row(entry, words.dismiss)));
  }

  // Scanned just now, the newest first. `open(card)` shows it again, `off(card)` takes it off.
  function drawList({ cards, open, off }) {
    const shown = cards.filter((card) => card.listed).reverse();
    find("list").hidden = !shown.length;
    find("items").replaceChildren(...shown.map((card) => {
      const item = document.createElement("li");
      const link = Object.assign(document.createElement("a"), { href: `${root.dataset.home}?asset=${encodeURIComponent(card.asset)}`, textContent: `${card.tag} · ${card.name}` });
      link.addEventListener("click", (event) => {
        event.preventDefault();
        open(card);
      });
      const undo = Object.assign(document.createElement("button"), { type: "button" });
      undo.append(icon("x"));
      undo.setAttribute("aria-label", `${words.off}: ${card.tag}`);
      undo.addEventListener("click", () => off(card));
      item.append(link, undo);
      return item;
    }));
    const together = find("together");
    if (!together) return;
    together.hidden = shown.length < 2;
    together.href = `${together.dataset.together}?${shown.map((card) => `id=${encodeURIComponent(card.asset)}`).join("&")}`;
  }

  function icon(name) {
    const drawn = find("start").querySelector("svg").cloneNode(true);
    drawn.querySelector("use").setAttribute("href", `${root.dataset.icons}#${name}`);
    return drawn;
  }

  function age(seen) {
    const minutes = Math.max(1, Math.round((Date.now() - seen) / 60000));
    return minutes < 60 ? filled(words.minutes, minutes) : filled(words.hours, Math.round(minutes / 60));
  }
}

// The moves that the table allows from where the asset will be once all that waits is done. Without a known state all
// that the role may do, the likeliest in a cellar first. The server decides when it is sent.
function possibleVerbs({ kit, card, moves }) {
  const state = moves.at(-1)?.to ?? card?.state;
  const verbs = kit.verbs.filter((each) => !card?.barred.includes(each.verb));
  if (state) return verbs.filter((each) => each.from.includes(state));
  const rank = ({ verb }) => (kit.likely.includes(verb) ? kit.likely.indexOf(verb) : kit.likely.length);
  return verbs.toSorted((one, other) => rank(one) - rank(other));
}

// The host of an address that is none of our labels; "" for our own labels, tags and serial numbers.
function foreignHost(code, labels) {
  if (!/^[a-z][a-z0-9+.-]*:.*\//i.test(code) || code.startsWith(labels)) return "";
  try {
    return new URL(code).host || code;
  } catch {
    return code;
  }
}

// A live region speaks at every change: none where the words are the same.
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const shortened = (code) => (code.length > 24 ? `…${code.slice(-20)}` : code);
const clock = (at) => new Intl.DateTimeFormat(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" }).format(at);
