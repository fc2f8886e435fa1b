// Filters that apply themselves, buttons that send once, texts that copy, messages that close.

export function startForms() {
  document.addEventListener("change", (event) => {
    const form = event.target.closest?.("form[data-autosubmit]");
    if (form && event.target.matches("select, input[type=checkbox], input[type=date]")) form.requestSubmit();
  });
  // Empty filters stay out of the address.
  document.addEventListener("submit", (event) => {
    if (event.target.matches("form[data-autosubmit]:not([hx-get])")) leaveOutEmpty(event.target);
    if (event.target.method === "post" && !event.defaultPrevented) sendOnce(event.target);
  });
  document.addEventListener("htmx:config:request", (event) => {
    const { sourceElement, request } = event.detail.ctx;
    if (!sourceElement?.matches?.("form[data-autosubmit]") || !(request.body instanceof FormData)) return;
    for (const [name, value] of [...request.body]) if (value === "") request.body.delete(name);
  });
  document.addEventListener("click", (event) => {
    const copy = event.target.closest("[data-copy]");
    if (copy) copyText(copy);
    event.target.closest("[data-close-toast]")?.closest(".toast-note").remove();
  });
  for (const button of document.querySelectorAll("[data-close-toast]")) button.hidden = false;
  document.querySelector("[data-focus]")?.focus();
  // A page that comes back from the browser's memory may be sent again.
  addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("button[data-sent]")) release(button);
  });
}

function leaveOutEmpty(form) {
  for (const field of form.elements) {
    if (field.name && field.value === "" && !field.disabled) {
      field.disabled = true;
      setTimeout(() => (field.disabled = false));
    }
  }
}

function sendOnce(form) {
  // After this event, so that the pressed button's own value is still sent.
  setTimeout(() => {
    for (const button of form.querySelectorAll("button:not([type=button])")) {
      button.dataset.sent = "yes";
      button.disabled = true;
    }
  });
  // A download leaves the page as it is.
  setTimeout(() => form.querySelectorAll("button[data-sent]").forEach(release), 4000);
}

function release(button) {
  delete button.dataset.sent;
  button.disabled = false;
}

async function copyText(button) {
  await navigator.clipboard.writeText(button.dataset.copy);
  const use = button.querySelector("use");
  const before = use.getAttribute("href");
  use.setAttribute("href", before.replace(/#.*/, "#check"));
  setTimeout(() => use.setAttribute("href", before), 1200);
}
