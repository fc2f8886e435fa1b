// Ctrl-K: pages by name at once, rows by tag, serial, client or number from the server.

let rows = [];
let chosen = 0;
let asked = 0;

export function startPalette(dialog) {
  const input = dialog.querySelector("#palette-input");
  const list = dialog.querySelector("#palette-list");
  const hint = dialog.querySelector("#palette-hint");
  const hintText = hint.textContent;
  const url = dialog.querySelector("[data-search-url]").dataset.searchUrl;
  const sprite = document.querySelector("svg.icon use").getAttribute("href").replace(/#.*/, "");

  const show = (found) => {
    rows = found;
    chosen = 0;
    list.replaceChildren(...found.map((row, index) => rowElement(row, index, sprite)));
    input.setAttribute("aria-expanded", String(found.length > 0));
    hint.textContent = found.length || !input.value.trim() ? hintText : hint.dataset.none;
    choose(0);
  };
  const choose = (index) => {
    const items = list.children;
    if (!items.length) return input.removeAttribute("aria-activedescendant");
    items[chosen]?.setAttribute("aria-selected", "false");
    chosen = (index + items.length) % items.length;
    items[chosen].setAttribute("aria-selected", "true");
    items[chosen].scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", items[chosen].id);
  };
  const search = async () => {
    const number = ++asked;
    const query = input.value.trim();
    const headers = { Accept: "application/json" };
    // Offline, or the page is being left: what is shown stays.
    const answer = await fetch(`${url}?q=${encodeURIComponent(query)}`, { headers }).catch(() => null);
    if (!answer?.ok || number !== asked) return; // an older answer must not overtake a newer one
    show((await answer.json()).results);
  };
  const open = (begun = "") => {
    if (dialog.open) return;
    input.value = begun;
    dialog.showModal();
    input.focus();
    search();
  };

  let pause;
  input.addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(search, 90);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") choose(chosen + 1);
    else if (event.key === "ArrowUp") choose(chosen - 1);
    else if (event.key === "Escape") dialog.close(); // a search field would only empty itself
    else if (event.key === "Enter" && rows[chosen]) location.assign(rows[chosen].url);
    else return;
    event.preventDefault();
  });
  list.addEventListener("click", (event) => {
    const item = event.target.closest("[data-index]");
    if (item) location.assign(rows[item.dataset.index].url);
  });
  dialog.addEventListener("haas:open", () => open());
  // Not by focus: who goes past it by Tab would be caught in the dialog.
  const field = document.querySelector("[data-palette-open]");
  field?.addEventListener("click", () => open());
  field?.addEventListener("input", (event) => {
    if (event.isComposing) return;
    open(field.value);
    field.value = "";
  });
}

function rowElement(row, index, sprite) {
  const item = document.createElement("li");
  item.className = "palette-row";
  item.id = `palette-${index}`;
  item.dataset.index = index;
  item.setAttribute("role", "option");
  item.setAttribute("aria-selected", "false");
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${sprite}#${row.icon}`);
  svg.append(use);
  const title = document.createElement("strong");
  title.textContent = row.title;
  const detail = document.createElement("span");
  detail.textContent = row.detail;
  item.append(svg, title, detail);
  return item;
}
