// Container -> header and typed arrays. Layout: core/view/payload.py.

const volumes = new Map(); // digest -> Promise of a volume; survives page switches, which destroy the node

function readContainer(bytes) {
  const length = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  const text = new TextDecoder().decode(bytes.subarray(4, 4 + length));
  const header = JSON.parse(text);
  let offset = 4 + length;
  const parts = new Map();
  for (const part of header.parts) {
    parts.set(part.name, { ...part, blob: bytes.subarray(offset, offset + part.bytes) });
    offset += part.bytes;
  }
  const tail = bytes.subarray(offset);
  const order = tail.length ? JSON.parse(new TextDecoder().decode(tail)) : { seq: 0, view: null };
  return { text, header, parts, order };
}

async function inflate(part) {
  const stream = new Blob([part.blob]).stream().pipeThrough(new DecompressionStream("deflate"));
  const raw = new Uint8Array(await new Response(stream).arrayBuffer());
  if (raw.length !== part.raw) throw new Error(`${part.name} has ${raw.length} bytes instead of ${part.raw}`);
  if (part.dtype === "u1") return raw;
  const half = raw.length / 2;
  const codes = new Uint16Array(half);
  for (let i = 0; i < half; i++) codes[i] = raw[i] | (raw[half + i] << 8);
  return codes;
}

// The first picture needs labels and image only; the other arrays arrive behind it.
function loadVolume(header, parts) {
  const known = volumes.get(header.digest);
  if (known) return known;
  const load = (name) => (parts.has(name) ? inflate(parts.get(name)) : Promise.resolve(null));
  const first = Promise.all([load("labels"), ...header.channels.map((_, i) => load(`image${i}`))]);
  const loading = first.then(([labels, ...images]) => {
    const volume = { labels, images, prob: null, reference: null, maps: [], complete: null };
    volume.complete = loadRest(volume, header, load);
    return volume;
  });
  volumes.set(header.digest, loading);
  // Two volumes at most: the one on screen and the one before it.
  for (const digest of [...volumes.keys()].slice(0, -2)) volumes.delete(digest);
  loading.catch(() => volumes.delete(header.digest));
  return loading;
}

async function loadRest(volume, header, load) {
  [volume.prob, volume.reference] = await Promise.all([load("prob"), load("reference")]);
  volume.maps = await Promise.all(header.maps.map((_, i) => load(`map${i}`)));
}

// One slice of an array as a view, null where the slice is not loaded.
function sliceOf(array, header, z) {
  const size = header.shape[2] * header.shape[3];
  const local = z - header.first;
  if (!array || local < 0 || local >= header.loaded) return null;
  return array.subarray(local * size, (local + 1) * size);
}

const isLoaded = (header, z) => z >= header.first && z < header.first + header.loaded;
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

// Three significant digits, as core/view/words.py words them.
function number(value, unit = "") {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  let text = Number(value.toPrecision(3)).toString();
  if (value !== 0 && Math.abs(value) >= 1e-4 && Math.abs(value) < 1e6) {
    const exponent = Math.floor(Math.log10(Math.abs(Number(value.toPrecision(3)))));
    text = Number(value.toPrecision(3)).toFixed(clamp(2 - exponent, 0, 6));
  }
  return unit ? `${text} ${unit}` : text;
}
