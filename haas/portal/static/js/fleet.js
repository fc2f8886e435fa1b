// The fleet list: tick all, how many are ticked, and buttons that appear with the first one.

const start = (form) => {
  if (form.dataset.ready) return;
  form.dataset.ready = "yes";
  const all = form.querySelector("[data-tick-all]");
  const count = form.querySelector("[data-bulk-count]");
  const boxes = [...form.querySelectorAll("input[name=id]")];
  const show = () => {
    const ticked = boxes.filter((box) => box.checked).length;
    form.classList.toggle("has-ticks", ticked > 0);
    count.textContent = ticked ? `${ticked} ${count.dataset.some}` : count.dataset.none;
    all.checked = ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
  };
  all.hidden = false;
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    show();
  });
  form.addEventListener("change", show);
  show();
};

const startAll = () => document.querySelectorAll("form[data-bulk]").forEach(start);
startAll();
document.addEventListener("htmx:after:swap", startAll);
