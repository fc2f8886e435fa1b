// Keys: / and Ctrl-K search, ? lists them, g and a letter goes to a page, j and k move through rows, Enter opens, c confirms.

const ROWS = ".table > tbody > tr:has(a[href]), a.needs-row, a.found-row";
let waitingForG = 0;

export function startShortcuts() {
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") return run(event, openSearch);
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    if (waitingForG && Date.now() - waitingForG < 1200) {
      waitingForG = 0;
      const link = document.querySelector(`.rail [data-key="${CSS.escape(event.key)}"]`);
      if (link) return run(event, () => location.assign(link.href));
    }
    switch (event.key) {
      case "/": return run(event, openSearch);
      case "?": return run(event, () => document.getElementById("shortcuts")?.showModal());
      case "g": waitingForG = Date.now(); return;
      case "j": return run(event, () => moveRow(1));
      case "k": return run(event, () => moveRow(-1));
      case "Enter": openRow(event); return;
      default: pressInRow(event);
    }
  });
}

function run(event, action) {
  event.preventDefault();
  action();
}

function isTyping(element) {
  return element.closest?.("input, textarea, select, [contenteditable]");
}

function openSearch() {
  const palette = document.getElementById("palette");
  if (palette) palette.dispatchEvent(new CustomEvent("haas:open"));
}

function moveRow(step) {
  const rows = [...document.querySelectorAll(ROWS)];
  if (!rows.length) return;
  const at = rows.findIndex((row) => row.classList.contains("is-current"));
  const next = rows[Math.min(Math.max(at + step, 0), rows.length - 1)];
  rows[at]?.classList.remove("is-current");
  next.classList.add("is-current");
  (next.matches("a") ? next : next.querySelector("a[href]")).focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

// A button of the row that is marked, by the key it names: "c" confirms what is suggested.
function pressInRow(event) {
  const button = document.querySelector(`tr.is-current [data-press-key="${CSS.escape(event.key)}"]`);
  if (button) run(event, () => button.click());
}

function openRow(event) {
  const row = document.querySelector("tr.is-current");
  if (row && !event.target.closest("a, button, summary")) row.querySelector("a[href]").click();
}
