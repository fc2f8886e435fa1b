// Forms that a passkey fills in: <form data-passkey="get|create" data-options="URL">.
// The challenge is fetched, the authenticator asked, and its answer sent as an ordinary form.

const canUse =
  window.PublicKeyCredential &&
  PublicKeyCredential.parseRequestOptionsFromJSON &&
  PublicKeyCredential.parseCreationOptionsFromJSON;

if (canUse) {
  for (const hidden of document.querySelectorAll("[data-passkey-only], form[data-passkey][hidden]")) hidden.hidden = false;
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      event.stopPropagation();
      ask(form);
    });
  }
}

async function ask(form) {
  const button = form.querySelector("button[type=submit]");
  const error = form.querySelector("[data-passkey-error]");
  button.disabled = true;
  error.hidden = true;
  try {
    const options = await fetchOptions(form);
    if (options === null) return;
    const credential =
      form.dataset.passkey === "create"
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
    form.elements.credential.value = JSON.stringify(credential.toJSON());
    form.submit();
  } catch (refusal) {
    error.textContent = form.dataset.refused;
    error.hidden = false;
    console.info("passkey:", refusal.name, refusal.message);
  } finally {
    button.disabled = false;
  }
}

async function fetchOptions(form) {
  const answer = await fetch(form.dataset.options, {
    method: "POST",
    headers: { "X-CSRFToken": form.elements.csrf_token.value, Accept: "application/json" },
  });
  if (answer.redirected && form.dataset.confirmAt) {
    // The last proof is too long ago: confirm first, then come back.
    location.assign(form.dataset.confirmAt);
    return null;
  }
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.json();
}
