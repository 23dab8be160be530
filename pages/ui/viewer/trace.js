// Masks -> outlines along voxel edges, and the blobs that a fired rule points at.

// Closed outlines of a (row, column) mask: flat arrays [x, y, nx, ny, ...], where (nx, ny) points out of the
// mask at that corner. All corners are right angles, so a parallel outline at distance d is x + nx * d, y + ny * d.
function traceOutlines(mask, rows, cols) {
  const stride = cols + 1;
  const starts = new Map(); // vertex -> outgoing ends, foreground on the right-hand side
  const add = (from, to) => {
    const held = starts.get(from);
    if (held === undefined) starts.set(from, [to]);
    else held.push(to);
  };
  for (let r = 0; r < rows; r++) {
    for (let c = 0, i = r * cols; c < cols; c++, i++) {
      if (!mask[i]) continue;
      const v = r * stride + c;
      if (r === 0 || !mask[i - cols]) add(v, v + 1);
      if (c === cols - 1 || !mask[i + 1]) add(v + 1, v + 1 + stride);
      if (r === rows - 1 || !mask[i + cols]) add(v + 1 + stride, v + stride);
      if (c === 0 || !mask[i - 1]) add(v + stride, v);
    }
  }
  const outlines = [];
  for (const [start] of starts) {
    while (starts.get(start)?.length) outlines.push(corners(walk(starts, start), stride));
  }
  return outlines;
}

function walk(starts, start) {
  const loop = [];
  let at = start;
  do {
    loop.push(at);
    at = starts.get(at).pop();
  } while (at !== start);
  return loop;
}

function corners(loop, stride) {
  const out = [];
  const n = loop.length;
  for (let k = 0; k < n; k++) {
    const before = loop[k] - loop[(k + n - 1) % n];
    const after = loop[(k + 1) % n] - loop[k];
    if (before === after) continue;
    const [ax, ay] = outward(before, stride);
    const [bx, by] = outward(after, stride);
    out.push(loop[k] % stride, Math.floor(loop[k] / stride), ax + bx, ay + by);
  }
  return out;
}

const outward = (step, stride) =>
  step === 1 ? [0, -1] : step === -1 ? [0, 1] : step === stride ? [1, 0] : [-1, 0];

// Blobs of a mask (neighbours touch at edges or corners), with half-open boxes (top, left, bottom, right).
function findBlobs(mask, rows, cols) {
  const labels = new Int32Array(mask.length);
  const blobs = [];
  const stack = [];
  for (let seed = 0; seed < mask.length; seed++) {
    if (!mask[seed] || labels[seed]) continue;
    const blob = { label: blobs.length + 1, area: 0, box: [rows, cols, 0, 0] };
    labels[seed] = blob.label;
    stack.push(seed);
    while (stack.length) grow(stack, mask, labels, blob, rows, cols);
    blobs.push(blob);
  }
  return { labels, blobs };
}

function grow(stack, mask, labels, blob, rows, cols) {
  const i = stack.pop();
  const r = Math.floor(i / cols);
  const c = i % cols;
  const box = blob.box;
  blob.area += 1;
  blob.box = [Math.min(box[0], r), Math.min(box[1], c), Math.max(box[2], r + 1), Math.max(box[3], c + 1)];
  for (let y = Math.max(0, r - 1); y <= Math.min(rows - 1, r + 1); y++) {
    for (let x = Math.max(0, c - 1); x <= Math.min(cols - 1, c + 1); x++) {
      const j = y * cols + x;
      if (mask[j] && !labels[j]) {
        labels[j] = blob.label;
        stack.push(j);
      }
    }
  }
}

// A flag's box is that of one blob, or encloses several; without a box the whole prediction is meant.
function blobsOfFlag(found, box) {
  if (!box) return found.blobs;
  const same = found.blobs.filter((blob) => blob.box.every((edge, k) => edge === box[k]));
  if (same.length) return same;
  return found.blobs.filter(
    ({ box: b }) => b[0] >= box[0] && b[1] >= box[1] && b[2] <= box[2] && b[3] <= box[3],
  );
}

// Widens a mask by `steps` voxels, by turns over edges and over corners, which keeps round things round.
function widen(mask, rows, cols, steps) {
  const [top, left, bottom, right] = boundsOf(mask, rows, cols);
  let now = mask;
  for (let step = 0; step < steps; step++) {
    const next = now.slice();
    const ways = step % 2 ? EDGES_AND_CORNERS : EDGES;
    for (let r = Math.max(0, top - step); r < Math.min(rows, bottom + step); r++) {
      for (let c = Math.max(0, left - step); c < Math.min(cols, right + step); c++) {
        if (!now[r * cols + c]) continue;
        for (const [dx, dy] of ways) {
          const [x, y] = [c + dx, r + dy];
          if (y >= 0 && y < rows && x >= 0 && x < cols) next[y * cols + x] = 1;
        }
      }
    }
    now = next;
  }
  return now;
}

function boundsOf(mask, rows, cols) {
  const box = [rows, cols, 0, 0];
  for (let i = mask.indexOf(1); i >= 0; i = mask.indexOf(1, i + 1)) {
    const r = Math.floor(i / cols);
    const c = i % cols;
    box[0] = Math.min(box[0], r);
    box[1] = Math.min(box[1], c);
    box[2] = r + 1;
    box[3] = Math.max(box[3], c + 1);
  }
  return box;
}

const EDGES = [[-1, 0], [1, 0], [0, -1], [0, 1]];
const EDGES_AND_CORNERS = [...EDGES, [-1, -1], [-1, 1], [1, -1], [1, 1]];
