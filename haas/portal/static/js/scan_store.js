// What the phone keeps of scanning: who scans, the cards seen of late, and what waits to be sent. Each card and each
// entry belongs to one person at one partner; another person on the same phone neither sees nor sends it.

const NAME = "haas-scan";
const SEEN_FOR_MS = 12 * 3600 * 1000; // as long as a session without use

// What makes a move count once, however often it is sent. Only an address without https lacks the first.
export const newKey = () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2)}`;

const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

function opened() {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => {
    const base = request.result;
    base.createObjectStore("person");
    base.createObjectStore("cards", { keyPath: ["person", "asset"] });
    base.createObjectStore("waiting", { keyPath: "number", autoIncrement: true }).createIndex("key", "key", { unique: true });
  };
  return done(request);
}

export async function openStore() {
  const base = await opened();
  const rows = (name, mode = "readonly") => base.transaction(name, mode).objectStore(name);
  const changed = (name, change) => done(change(rows(name, "readwrite")));

  return {
    // Who was signed in last: the page that opens without signal is theirs.
    person: () => done(rows("person").get("now")),

    // The person of this page. What was seen by somebody else before is forgotten; what waits for them stays theirs.
    async enter(kit) {
      const before = await done(rows("person").get("now"));
      if (before && before.person !== kit.person) await changed("cards", (cards) => cards.clear());
      await changed("person", (person) => person.put(kit, "now"));
    },

    // Nobody is signed in any more.
    async leave() {
      await changed("person", (person) => person.clear());
      await changed("cards", (cards) => cards.clear());
    },

    // The newest last.
    async cards(person) {
      const all = await done(rows("cards").getAll());
      const young = all.filter((card) => card.person === person && Date.now() - card.seen < SEEN_FOR_MS);
      return young.sort((one, other) => one.seen - other.seen);
    },
    keepCard: (card) => changed("cards", (cards) => cards.put(card)),

    // In the order in which it happened.
    async waiting(person) {
      const all = await done(rows("waiting").getAll());
      return all.filter((entry) => entry.person === person);
    },
    // A second press of one button has the same key, and counts once.
    wait: (entry) => changed("waiting", (waiting) => waiting.add(entry)).catch((failure) => {
      if (failure.name !== "ConstraintError") throw failure;
    }),
    change: (entry) => changed("waiting", (waiting) => waiting.put(entry)),
    drop: (number) => changed("waiting", (waiting) => waiting.delete(number)),
  };
}
