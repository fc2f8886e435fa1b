// What every page runs. Each module works on what the server rendered; none of them is needed to read a page.
import { startDialogs } from "./dialogs.js";
import { startForms } from "./forms.js";
import { startMenus } from "./menus.js";
import { startPalette } from "./palette.js";
import { startShortcuts } from "./shortcuts.js";

startDialogs();
startForms();
startMenus();
startShortcuts();

const palette = document.getElementById("palette");
if (palette) startPalette(palette);

// On a phone there are more tabs than fit: the one that is open is brought into sight.
const tab = document.querySelector(".tabs > .tab.active");
if (tab) {
  const tabs = tab.parentElement;
  tabs.scrollLeft = tab.offsetLeft - tabs.offsetLeft - (tabs.clientWidth - tab.offsetWidth) / 2;
}

// Charts come with their library only where there is one.
const drawCharts = (within) => {
  if (within.querySelector?.("[data-chart]:not([data-drawn])")) {
    // Without the library (offline, or the page is being left) the table behind a chart still says it all.
    import("./charts.js").then(({ drawAll }) => drawAll(within)).catch((failure) => console.warn(failure));
  }
};
drawCharts(document);
document.addEventListener("htmx:after:swap", () => drawCharts(document));
