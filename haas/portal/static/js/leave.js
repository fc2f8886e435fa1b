// Nobody is signed in here: what the scan page kept of the one who was goes, so that the next finds nothing of it.
// What still waits to be sent stays, under that person's name: only they will see it again, and send it.

import { openStore } from "./scan_store.js";

// A person's cards go before the page's public files: who closes the tab halfway has lost what matters first.
const kept = await indexedDB.databases?.().catch(() => []);
if (!kept || kept.some(({ name }) => name === "haas-scan")) await openStore().then((store) => store.leave());

const registration = await navigator.serviceWorker?.getRegistration("/scan");
if (registration) {
  await registration.unregister();
  for (const name of await caches.keys()) if (name.startsWith("haas-scan-")) await caches.delete(name);
}
