// Sends what was scanned and pressed: in order, each once, and only in the name of whoever did it. An entry leaves the
// phone when the server has answered it; what the server refuses stays, with its reason, until it is dismissed.

const PATIENCE_MS = 15000;
const AGAIN_MS = [1000, 8000]; // tried again after the first, doubled up to the second: "online" comes early or never
const FRESH_MS = 10000; // what was pressed just now happened when it arrives

// Two pages of one person take turns. Where there is no lock, the server's keys still count each move once.
const alone = (run) => (navigator.locks ? navigator.locks.request("haas-scan-queue", run) : run());

// `me`: the page's { csrf }, or none on a page that was opened without signal. `heard(entry, answer)` is told what each
// entry was answered, `changed()` that something is to be drawn anew, `elsewhere()` that somebody else is signed in.
export function makeQueue({ store, person, addresses, me, heard, changed, elsewhere }) {
  let running = null;
  let wanted = false;
  let retry = 0;
  let pause = AGAIN_MS[0];
  // A page that was opened without signal has none, whatever the browser thinks, until an answer comes.
  const queue = { signal: Boolean(me) && navigator.onLine, sending: null, add, undo, send, ask };
  return queue;

  async function add(entry) {
    await store.wait({ ...entry, person });
    await changed();
  }

  async function undo(number) {
    if (queue.sending === number) return; // on its way: too late to call it back
    await store.drop(number);
    await changed();
  }

  // Everything that waits; whoever calls while this runs waits for the same end.
  function send() {
    wanted = true;
    running ??= sendWanted().finally(() => (running = null));
    return running;
  }

  // One question with its answer now or never: a code while there is signal, a photo.
  async function ask(address, fields) {
    const answer = await post(address, fields);
    if (answer.verdict === "elsewhere") elsewhere();
    await changed();
    return answer;
  }

  async function sendWanted() {
    while (wanted) {
      wanted = false;
      clearTimeout(retry);
      if (navigator.onLine) await alone(sendAll);
      queue.sending = null;
      await changed();
    }
  }

  async function sendAll() {
    const trouble = queue.signal ? null : await identify();
    if (trouble) return stopFor(trouble);
    for (let entry = await next(); entry; entry = await next()) {
      queue.sending = entry.number;
      await changed();
      const answer = await deliver(entry);
      if (["elsewhere", "later"].includes(answer.verdict)) return stopFor(answer);
      pause = AGAIN_MS[0];
      if (answer.verdict === "refused") await store.change({ ...entry, refused: answer.reason });
      else await store.drop(entry.number);
      if (answer.card) await learn(entry.code, answer.card);
      await heard(entry, answer);
    }
  }

  function stopFor({ verdict, afterMs }) {
    if (verdict === "elsewhere") return elsewhere();
    retry = setTimeout(send, afterMs || pause);
    pause = Math.min(2 * pause, AGAIN_MS[1]);
  }

  async function next() {
    return (await store.waiting(person)).find((entry) => !entry.refused);
  }

  // One look-up is enough for all that waits for the same label.
  async function learn(code, { asset, tag }) {
    for (const entry of await store.waiting(person)) {
      if (code && entry.code === code && !entry.asset) await store.change({ ...entry, asset, tag });
    }
  }

  async function deliver(entry) {
    if (entry.verb && entry.asset) return move(entry, entry.asset);
    const found = await post(addresses.lookUp, { code: entry.code });
    if (!entry.verb || found.verdict !== "done") return found;
    return move(entry, found.card.asset);
  }

  async function move(entry, asset) {
    const { key, at, verb, serial = "", grade = "", reason = "" } = entry;
    const fields = { idempotency_key: key, serial, grade, reason };
    if (Date.now() - at > FRESH_MS) {
      // The phone's clock may be wrong; by how much is known once the server has told its own.
      if (me?.ahead === undefined) me = null;
      const trouble = await identify();
      if (trouble) return trouble;
      fields.happened_at = new Date(at - me.ahead).toISOString();
    }
    return post(addresses.move(asset, verb), fields);
  }

  async function identify() {
    if (me) return null;
    const asked = Date.now();
    const reply = await reach(addresses.me);
    if (!reply || reply.status >= 500) return { verdict: "later" };
    if (!reply.ok || isElsewhere(reply)) return { verdict: "elsewhere" };
    const told = await reply.json();
    if (told.person !== person) return { verdict: "elsewhere" };
    me = { csrf: told.csrf, ahead: (asked + Date.now()) / 2 - Date.parse(told.now) };
    return null;
  }

  async function post(address, fields, again = true) {
    const trouble = await identify();
    if (trouble) return trouble;
    const body = new FormData();
    for (const [name, value] of Object.entries({ ...fields, person })) body.set(name, value);
    const reply = await reach(address, { method: "POST", body, headers: { "X-CSRFToken": me.csrf } });
    if (!reply) return { verdict: "later" };
    if (isElsewhere(reply)) return { verdict: "elsewhere" };
    if (reply.status === 400 && again) {
      me = null; // signed in anew since the page was made: its token is no longer good
      return post(address, fields, false);
    }
    if (reply.status === 429 || reply.status >= 500) {
      return { verdict: "later", afterMs: 1000 * Number(reply.headers.get("Retry-After")) };
    }
    return read(await reply.text());
  }

  async function reach(address, { headers, ...options } = {}) {
    try {
      const reply = await fetch(address, {
        ...options,
        headers: { "HX-Request": "true", ...headers },
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      queue.signal = true;
      return reply;
    } catch {
      queue.signal = false;
      return null;
    }
  }
}

const isElsewhere = (reply) => reply.redirected || reply.headers.has("HX-Redirect");

// What the server says is a card, a refusal, or both. It is our own page's markup, so it is shown as it is.
function read(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  const refusal = page.querySelector("[data-refusal]");
  const card = page.querySelector("article[data-card]");
  return {
    verdict: refusal ? "refused" : "done",
    reason: refusal?.textContent.trim().replace(/\s+/g, " "),
    card: card ? JSON.parse(card.dataset.card) : null,
    nodes: page.querySelector("main") ? null : [...page.body.childNodes],
  };
}
