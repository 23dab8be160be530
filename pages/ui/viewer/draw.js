// Paints one slice: image by window and level, then the layers that are on, then bar and letters.

const DASHES = { solid: [], dashed: [9, 5], dotted: [0.5, 5], "dash-dot": [10, 5, 0.5, 5], double: [] };
const CASING = "rgba(0, 0, 0, 0.65)"; // dark rim under every line, so that it reads on bright tissue too
const OUTLINE_STEP_PX = 5;

const sheet = (w, h) => Object.assign(document.createElement("canvas"), { width: w, height: h });

// Size of a voxel on screen and where the image's corner lies; spacing makes voxels oblong where they are.
function placement(viewer) {
  const { header, view, canvas } = viewer;
  const [, , rows, cols] = header.shape;
  const [sy, sx] = header.spacing ? header.spacing.slice(1) : [1, 1];
  const unit = Math.min(sy, sx);
  const fit = Math.min(canvas.width / ((cols * sx) / unit), canvas.height / ((rows * sy) / unit));
  const kx = fit * view.zoom * (sx / unit);
  const ky = fit * view.zoom * (sy / unit);
  const x0 = canvas.width / 2 - view.centre[0] * kx;
  const y0 = canvas.height / 2 - view.centre[1] * ky;
  return { rows, cols, kx, ky, x0, y0, mmPerPx: header.spacing ? sx / kx : null };
}

function paint(viewer) {
  const begin = performance.now();
  const { canvas, header, view } = viewer;
  const ctx = canvas.getContext("2d", { alpha: false });
  ctx.setTransform(1, 0, 0, 1, 0, 0);
  ctx.fillStyle = header.theme.ground;
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  const place = placement(viewer);
  const scene = { ctx, place, ratio: viewer.ratio, header, view, volume: viewer.volume, cache: viewer.cache };
  if (viewer.volume && isLoaded(header, view.slice)) {
    paintImage(scene);
    for (const kind of ["uncertainty", "errors", "prediction", "reference"]) {
      const layer = header.layers.find((each) => each.kind === kind);
      if (layer && view.layers[layer.id]) PAINTERS[kind](scene, layer);
    }
    paintRules(scene);
  }
  paintPin(scene);
  paintBar(scene);
  paintEdges(scene);
  return performance.now() - begin;
}

function paintImage(scene) {
  const { ctx, place, view, header, volume, cache } = scene;
  const windows = JSON.stringify([view.channel, view.windows]);
  const key = `${header.digest} ${view.slice} ${windows}`;
  if (cache.imageKey !== key) {
    cache.image ??= sheet(place.cols, place.rows);
    if (cache.image.width !== place.cols || cache.image.height !== place.rows) cache.image = sheet(place.cols, place.rows);
    const context = cache.image.getContext("2d");
    const pixels = context.createImageData(place.cols, place.rows);
    const shown = view.channel < 0 ? [0, 1, 2] : [view.channel, view.channel, view.channel];
    if (cache.tableKey !== windows + header.digest) {
      cache.tables = header.channels.map((channel, i) => windowTable(channel, view.windows[i], volume.images[i]));
      cache.tableKey = windows + header.digest;
    }
    const codes = shown.map((i) => sliceOf(volume.images[i], header, view.slice));
    const tables = shown.map((i) => cache.tables[i]);
    fillPixels(new Uint32Array(pixels.data.buffer), codes, tables, view.channel >= 0);
    context.putImageData(pixels, 0, 0);
    cache.imageKey = key;
  }
  ctx.imageSmoothingEnabled = view.smooth;
  ctx.imageSmoothingQuality = "high";
  blit(ctx, cache.image, place);
}

function blit(ctx, picture, { x0, y0, kx, ky, cols, rows }) {
  ctx.drawImage(picture, x0, y0, cols * kx, rows * ky);
}

// Grey value of every possible code; `relative` is the window as a share of the channel's first window.
function windowTable(channel, relative, codes) {
  const [low, high] = windowOf(channel, relative);
  const table = new Uint8ClampedArray(codes instanceof Uint16Array ? 65536 : 256);
  const gain = 255 / Math.max(1e-12, high - low);
  for (let code = 0; code < table.length; code++) table[code] = (code * channel.scale + channel.offset - low) * gain;
  return table;
}

function windowOf(channel, [from, to]) {
  const span = channel.high - channel.low;
  return [channel.low + from * span, channel.low + to * span];
}

// Pixels as little-endian 32-bit words: alpha, blue, green, red from the top.
function fillPixels(words, [red, green, blue], [tr, tg, tb], grey) {
  if (grey) {
    for (let i = 0; i < words.length; i++) words[i] = 0xff000000 | (tr[red[i]] * 0x010101);
    return;
  }
  for (let i = 0; i < words.length; i++) {
    words[i] = 0xff000000 | (tb[blue[i]] << 16) | (tg[green[i]] << 8) | tr[red[i]];
  }
}

const PAINTERS = {
  prediction(scene, layer) {
    const outlines = outlinesOf(scene, "prediction");
    scene.ctx.globalAlpha = scene.view.opacity[layer.id];
    scene.ctx.fillStyle = layer.colour;
    scene.ctx.fill(pathOf(outlines, scene.place, 0), "evenodd");
    scene.ctx.globalAlpha = 1;
    stroke(scene, outlines, layer, 0, 1.8);
  },
  reference(scene, layer) {
    scene.ctx.globalAlpha = scene.view.opacity[layer.id];
    stroke(scene, outlinesOf(scene, "reference"), layer, 0, 1.8);
    scene.ctx.globalAlpha = 1;
  },
  uncertainty: paintMap,
  errors: paintErrors,
};

function paintMap(scene, layer) {
  const { ctx, place, view, header, volume, cache } = scene;
  const codes = sliceOf(volume.maps[view.map], header, view.slice);
  if (!codes) return;
  const key = `${header.digest} ${view.slice} ${view.map}`;
  if (cache.mapKey !== key) {
    cache.map = sheet(place.cols, place.rows);
    const context = cache.map.getContext("2d");
    const pixels = context.createImageData(place.cols, place.rows);
    const words = new Uint32Array(pixels.data.buffer);
    const table = mapTable(header.theme);
    for (let i = 0; i < words.length; i++) words[i] = table[codes[i]];
    context.putImageData(pixels, 0, 0);
    cache.mapKey = key;
  }
  ctx.globalAlpha = view.opacity[layer.id];
  ctx.imageSmoothingEnabled = false;
  blit(ctx, cache.map, place);
  ctx.globalAlpha = 1;
}

function mapTable(theme) {
  return Uint32Array.from(theme.map, (colour, code) => {
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
    return code < theme.hidden * 255 ? 0 : ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
  });
}

function paintErrors(scene, layer) {
  const { ctx, place, header, ratio } = scene;
  const { positive, negative } = header.theme;
  const over = outlinesOf(scene, "positive");
  const missed = outlinesOf(scene, "negative");
  ctx.globalAlpha = scene.view.opacity[layer.id];
  ctx.fillStyle = positive;
  ctx.fill(pathOf(over, place, 0), "evenodd");
  ctx.fillStyle = ctx.createPattern(hatch(negative, 7 * ratio, 2.5 * ratio), "repeat");
  ctx.fill(pathOf(missed, place, 0), "evenodd");
  ctx.globalAlpha = 1;
  stroke(scene, over, { line: "solid", colour: positive }, 0, 1);
  stroke(scene, missed, { line: "solid", colour: negative }, 0, 1);
}

function hatch(colour, step, width) {
  const size = Math.round(step);
  const tile = sheet(size, size);
  const ctx = tile.getContext("2d");
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  for (const shift of [-size, 0, size]) {
    ctx.beginPath();
    ctx.moveTo(shift - 2, size + 2);
    ctx.lineTo(shift + size + 2, -2);
    ctx.stroke();
  }
  return tile;
}

// Outlines of a named mask on the shown slice, remembered for the slices seen last.
function outlinesOf(scene, name, make = () => MASKS[name](scene)) {
  const { cache, header, view, place } = scene;
  const key = `${header.digest} ${view.slice} ${name}`;
  let outlines = cache.outlines.get(key);
  if (!outlines) {
    const mask = make();
    outlines = mask ? traceOutlines(mask, place.rows, place.cols) : [];
    if (mask || scene.volume.complete === true) cache.outlines.set(key, outlines);
    if (cache.outlines.size > 300) cache.outlines.delete(cache.outlines.keys().next().value);
  }
  return outlines;
}

const MASKS = {
  prediction: (scene) => sliceOf(scene.volume.labels, scene.header, scene.view.slice),
  reference: (scene) => sliceOf(scene.volume.reference, scene.header, scene.view.slice),
  positive: (scene) => differing(MASKS.prediction(scene), MASKS.reference(scene)),
  negative: (scene) => differing(MASKS.reference(scene), MASKS.prediction(scene)),
};

const differing = (inside, outside) => inside && outside && inside.map((value, i) => (value && !outside[i] ? 1 : 0));

function pathOf(outlines, { x0, y0, kx, ky }, distance) {
  const path = new Path2D();
  for (const points of outlines) {
    for (let k = 0; k < points.length; k += 4) {
      const x = x0 + points[k] * kx + points[k + 2] * distance;
      const y = y0 + points[k + 1] * ky + points[k + 3] * distance;
      if (k === 0) path.moveTo(x, y);
      else path.lineTo(x, y);
    }
    path.closePath();
  }
  return path;
}

function stroke(scene, outlines, { line, colour }, distance, width) {
  const { ctx, place, ratio } = scene;
  const parallel = line === "double" ? [distance, distance + 3 * ratio] : [distance];
  ctx.lineJoin = "round";
  ctx.lineCap = line === "dotted" || line === "dash-dot" ? "round" : "butt";
  ctx.setLineDash(DASHES[line].map((length) => length * ratio));
  for (const shift of parallel) {
    const path = pathOf(outlines, place, shift);
    ctx.strokeStyle = CASING;
    ctx.lineWidth = (width + 1.6) * ratio;
    ctx.stroke(path);
    ctx.strokeStyle = colour;
    ctx.lineWidth = width * ratio;
    ctx.stroke(path);
  }
  ctx.setLineDash([]);
}
