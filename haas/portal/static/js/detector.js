// The decoder of labels: WebAssembly from our own host, loaded by the pages that scan and by no other.

const FORMATS = ["qr_code", "data_matrix", "code_128", "code_39"];

function loadScript(url, integrity) {
  return new Promise((done, failed) => {
    const script = Object.assign(document.createElement("script"), { src: url, integrity, onload: done, onerror: failed });
    document.head.append(script);
  });
}

export async function makeDetector({ decoder, decoderIntegrity, wasm }) {
  // The browser's own detector, where there is one, would read fewer damaged labels than this one.
  await loadScript(decoder, decoderIntegrity);
  const { BarcodeDetector, prepareZXingModule } = window.BarcodeDetectionAPI;
  prepareZXingModule({ overrides: { locateFile: (path, folder) => (path.endsWith(".wasm") ? wasm : folder + path) } });
  return new BarcodeDetector({ formats: FORMATS });
}
