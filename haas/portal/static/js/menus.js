// Menus are <details>: here they close on Escape, on a click elsewhere, and when another opens.

export function startMenus() {
  document.addEventListener("click", (event) => closeAll(event.target.closest(".menu")));
  document.addEventListener("focusin", (event) => closeAll(event.target.closest(".menu")));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = document.querySelector(".menu[open]");
    if (!open) return;
    open.open = false;
    open.querySelector("summary").focus();
  });
}

function closeAll(except) {
  for (const menu of document.querySelectorAll(".menu[open]")) if (menu !== except) menu.open = false;
}
