// What the fired rules point at: outlines around blobs, frames around the image, letters; then bar and edges.

function paintRules(scene) {
  const { header, view } = scene;
  const shown = header.layers.filter((layer) => layer.kind === "rule" && view.layers[layer.id]);
  const letters = new Map(); // corner of a blob -> layers that mean it
  let rank = 0;
  for (const layer of shown) {
    const flags = header.flags.filter((f) => f.cause === layer.id && (f.slice === null || f.slice === view.slice));
    if (!flags.length) continue;
    if (layer.line === "frame" || layer.line === "hatch-frame") paintFrame(scene, layer);
    else if (outlineBlobs(scene, layer, flags, rank, letters)) rank += 1;
  }
  for (const { x, y, layers } of letters.values()) paintLetters(scene, x, y, layers);
}

function outlineBlobs(scene, layer, flags, rank, letters) {
  const { view, header, cache, place, ratio } = scene;
  const blobs = cachedBlobs(scene);
  const chosen = [...new Set(flags.flatMap((flag) => blobsOfFlag(blobs, flag.box)))];
  if (!chosen.length) return false;
  // Each rule's line runs a step further out than the one before, so that none hides another.
  const distance = OUTLINE_STEP_PX * ratio * (rank + 1);
  const voxel = Math.min(place.kx, place.ky);
  const steps = Math.floor(distance / voxel);
  const name = `${layer.id} ${steps} ${chosen.map((blob) => blob.label).join(",")}`;
  const outlines = outlinesOf(scene, name, () => {
    const wanted = new Set(chosen.map((blob) => blob.label));
    const mask = Uint8Array.from(blobs.labels, (label) => (wanted.has(label) ? 1 : 0));
    return widen(mask, place.rows, place.cols, steps);
  });
  scene.ctx.globalAlpha = view.opacity[layer.id];
  stroke(scene, outlines, layer, distance - steps * voxel, 2);
  scene.ctx.globalAlpha = 1;
  const lettered = chosen.length > 6 ? [...chosen].sort((a, b) => b.area - a.area).slice(0, 6) : chosen;
  for (const blob of lettered.filter((each) => isOnCanvas(each.box, scene))) {
    const key = `${header.digest} ${view.slice} ${blob.label}`;
    const x = place.x0 + blob.box[3] * place.kx + distance + 4 * ratio;
    const y = place.y0 + blob.box[0] * place.ky - distance - 4 * ratio;
    const held = letters.get(key);
    letters.set(key, { x, y, layers: [...(held?.layers ?? []), layer] });
  }
  return true;
}

function isOnCanvas([top, left, bottom, right], { ctx, place: { x0, y0, kx, ky } }) {
  const { width, height } = ctx.canvas;
  return x0 + right * kx > 0 && x0 + left * kx < width && y0 + bottom * ky > 0 && y0 + top * ky < height;
}

function cachedBlobs({ cache, header, view, volume, place }) {
  const key = `${header.digest} ${view.slice}`;
  if (cache.blobsKey !== key) {
    cache.blobs = findBlobs(sliceOf(volume.labels, header, view.slice), place.rows, place.cols);
    cache.blobsKey = key;
  }
  return cache.blobs;
}

function paintFrame(scene, layer) {
  const { ctx, place, ratio, view } = scene;
  const width = (layer.line === "frame" ? 4 : 9) * ratio;
  const [w, h] = [place.cols * place.kx, place.rows * place.ky];
  ctx.globalAlpha = view.opacity[layer.id];
  ctx.strokeStyle = layer.line === "frame" ? layer.colour : ctx.createPattern(hatch(layer.colour, 8 * ratio, 2.5 * ratio), "repeat");
  ctx.lineWidth = width;
  ctx.strokeRect(place.x0 + width / 2, place.y0 + width / 2, w - width, h - width);
  ctx.globalAlpha = 1;
  paintLetters(scene, place.x0 + width + 6 * ratio, place.y0 + width + 26 * ratio, [layer]);
}

// A row of chips; kept inside the canvas, so that a letter never disappears with a blob at the edge.
function paintLetters(scene, x, y, layers) {
  const { ctx, ratio, header } = scene;
  const size = 18 * ratio;
  const left = clamp(x, 2 * ratio, ctx.canvas.width - (size + 3 * ratio) * layers.length - 2 * ratio);
  const top = clamp(y - size, 2 * ratio, ctx.canvas.height - size - 2 * ratio);
  ctx.font = `700 ${13 * ratio}px ${header.font}`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  layers.forEach((layer, k) => {
    const at = left + k * (size + 3 * ratio);
    const [fill, ink] = header.theme.marks[layer.id].dark;
    ctx.beginPath();
    ctx.roundRect(at, top, size, size, 4 * ratio);
    ctx.fillStyle = fill;
    ctx.fill();
    ctx.strokeStyle = CASING;
    ctx.lineWidth = 1.5 * ratio;
    ctx.stroke();
    ctx.fillStyle = ink;
    ctx.fillText(layer.letter, at + size / 2, top + size / 2 + ratio);
  });
}

function paintPin({ ctx, place, view, ratio }) {
  if (!view.pin) return;
  const x = place.x0 + (view.pin[1] + 0.5) * place.kx;
  const y = place.y0 + (view.pin[0] + 0.5) * place.ky;
  const [near, far] = [5 * ratio, 13 * ratio];
  ctx.beginPath();
  for (const [dx, dy] of EDGES) {
    ctx.moveTo(x + dx * near, y + dy * near);
    ctx.lineTo(x + dx * far, y + dy * far);
  }
  for (const [colour, width] of [[CASING, 3.5], ["#ffffff", 1.5]]) {
    ctx.strokeStyle = colour;
    ctx.lineWidth = width * ratio;
    ctx.stroke();
  }
}

// The longest of 1, 2, 5 times a power of ten that fits into a quarter of the width.
function paintBar({ ctx, place, ratio, header }) {
  if (!place.mmPerPx) return;
  const room = (ctx.canvas.width / 4) * place.mmPerPx;
  const power = 10 ** Math.floor(Math.log10(room));
  const length = [5, 2, 1].find((step) => step * power <= room) * power;
  const width = length / place.mmPerPx;
  const x = ctx.canvas.width - width - 16 * ratio;
  const y = ctx.canvas.height - 16 * ratio;
  ctx.fillStyle = CASING;
  ctx.fillRect(x - ratio, y - ratio, width + 2 * ratio, 5 * ratio);
  ctx.fillStyle = "#ffffff";
  ctx.fillRect(x, y, width, 3 * ratio);
  outlinedText({ ctx, ratio, header }, length >= 10 ? `${length / 10} cm` : `${length} mm`, x + width / 2, y - 9 * ratio, 12);
}

// Orientation letters (top, bottom, left, right), only where the file says how the slice lies.
function paintEdges(scene) {
  const { ctx, header, ratio } = scene;
  if (!header.edges) return;
  const { width, height } = ctx.canvas;
  const [top, bottom, left, right] = header.edges;
  const inset = 14 * ratio;
  outlinedText(scene, top, width / 2, inset, 15);
  outlinedText(scene, bottom, width / 2, height - inset, 15);
  outlinedText(scene, left, inset, height / 2, 15);
  outlinedText(scene, right, width - inset, height / 2, 15);
}

function outlinedText({ ctx, ratio, header }, text, x, y, size) {
  ctx.font = `600 ${size * ratio}px ${header.font}`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.lineJoin = "round";
  ctx.strokeStyle = "rgba(0, 0, 0, 0.85)";
  ctx.lineWidth = 3 * ratio;
  ctx.strokeText(text, x, y);
  ctx.fillStyle = "#f2f5f7";
  ctx.fillText(text, x, y);
}
