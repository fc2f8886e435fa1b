// The scan page's service worker. It keeps the page's own files, each of them public, so that the page opens without
// signal. Nothing that a session answers is ever kept, and every request that changes something goes past it.

const KEPT = {{ files|tojson }};
const SHELL = {{ shell_address|tojson }};
const PAGE = {{ scan|tojson }};
const FAMILY = "haas-scan-";
const CACHE = FAMILY + {{ version|tojson }};
const PATIENCE_MS = 5000; // one bar in a cellar is no signal: then the kept page is quicker than the true one

self.addEventListener("install", (event) => {
  self.skipWaiting();
  // Without the cookie: what is kept is what a stranger would see.
  const asked = [SHELL, ...KEPT].map((address) => new Request(address, { credentials: "omit" }));
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(asked)));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(dropOlder().then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request;
  const address = new URL(url);
  if (method !== "GET" || address.origin !== location.origin) return;
  if (mode === "navigate" && address.pathname === PAGE) event.respondWith(freshOrShell(event.request));
  else if (KEPT.includes(address.pathname)) event.respondWith(keptOrFetched(event.request));
});

async function dropOlder() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(FAMILY) && name !== CACHE).map((name) => caches.delete(name)));
}

async function freshOrShell(request) {
  const kept = await caches.match(SHELL, { ignoreVary: true });
  if (!kept) return fetch(request);
  const impatience = new Promise((_done, tooLate) => setTimeout(tooLate, PATIENCE_MS));
  return Promise.race([fetch(request), impatience]).catch(() => kept);
}

async function keptOrFetched(request) {
  return (await caches.match(request, { ignoreVary: true })) ?? fetch(request);
}
