// Questions before a form is sent (data-confirm), and buttons that open a dialog (data-open-dialog).

export function ask(question, { label, danger } = {}) {
  const dialog = document.getElementById("confirm");
  dialog.querySelector("#confirm-text").textContent = question;
  const yes = dialog.querySelector("#confirm-yes");
  if (label) yes.textContent = label;
  yes.classList.toggle("is-danger", Boolean(danger));
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

export function startDialogs() {
  document.addEventListener("submit", onSubmit, true);
  // htmx asks through this event where an element has hx-confirm.
  document.addEventListener("htmx:confirm", (event) => {
    const question = event.target.getAttribute?.("hx-confirm");
    if (!question) return;
    event.preventDefault();
    ask(question).then((yes) => (yes ? event.detail.issueRequest() : event.detail.dropRequest?.()));
  });
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-open-dialog]");
    if (opener) document.getElementById(opener.dataset.openDialog)?.showModal();
    // A click beside the box closes it.
    if (event.target instanceof HTMLDialogElement && isBeside(event)) event.target.close("no");
  });
  for (const opener of document.querySelectorAll("[data-open-dialog]")) opener.hidden = false;
}

function isBeside(event) {
  const box = event.target.getBoundingClientRect();
  return event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
}

function onSubmit(event) {
  const form = event.target;
  // A button that does something else than the form asks its own question.
  const asked = event.submitter?.dataset.confirm ? event.submitter.dataset : form.dataset;
  const question = asked?.confirm;
  if (!question || form.dataset.confirmed) return;
  event.preventDefault();
  event.stopPropagation();
  ask(question, { label: asked.confirmLabel, danger: asked.confirmKind === "danger" }).then((yes) => {
    if (!yes) return;
    form.dataset.confirmed = "yes";
    form.requestSubmit(event.submitter ?? undefined);
    delete form.dataset.confirmed;
  });
}
