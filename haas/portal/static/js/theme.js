// Runs before the first paint, so that "automatic" never flashes in the wrong theme. Not a module: those wait.
(() => {
  const root = document.documentElement;
  root.classList.add("scripted");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const wanted = root.dataset.theme;
    root.dataset.bsTheme = wanted === "dark" || (wanted !== "light" && dark.matches) ? "dark" : "light";
  };
  dark.addEventListener("change", () => {
    apply();
    root.dispatchEvent(new CustomEvent("haas:theme"));
  });
  apply();
})();
