// After a change: one repaint per frame, and the words that go with it.

const drawMethods = (viewer) => ({
  readTheme() {
    const style = getComputedStyle(viewer.root);
    const value = (name, fallback) => style.getPropertyValue(name).trim() || fallback;
    const text = value("--st-text-color", "#16202a");
    viewer.ground = isDark(value("--st-background-color", "#ffffff")) ? "dark" : "light";
    viewer.root.dataset.ground = viewer.ground;
    viewer.font = value("--st-font", "sans-serif");
    viewer.colours = {
      text, primary: value("--st-primary-color", "#0b6e99"),
      bar: `color-mix(in srgb, ${text} 55%, transparent)`, faint: `color-mix(in srgb, ${text} 20%, transparent)`,
    };
    if (viewer.seenGround && viewer.seenGround !== viewer.ground && viewer.header) drawVerdict(viewer);
    viewer.seenGround = viewer.ground;
  },
  resize() {
    viewer.ratio = window.devicePixelRatio || 1;
    const { canvas } = viewer;
    const [width, height] = [Math.round(canvas.clientWidth * viewer.ratio), Math.round(canvas.clientHeight * viewer.ratio)];
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    viewer.refresh();
  },
  refresh() {
    if (viewer.frame) return;
    viewer.frame = requestAnimationFrame(() => {
      viewer.frame = 0;
      if (viewer.header && viewer.canvas.width) viewer.redraw();
    });
  },
  redraw() {
    const { header, view, parts, root } = viewer;
    const total = header.shape[1];
    const spent = paint(viewer);
    if (total > 1) paintStrip(viewer);
    refreshLayers(viewer);
    viewer.readVoxel();
    viewer.readWindow();
    parts.where.textContent = total > 1 ? `Slice ${view.slice + 1} / ${total}` : "";
    parts.range.value = String(view.slice + 1);
    viewer.canvas.setAttribute("aria-label", `Image of ${header.name}, slice ${view.slice + 1} of ${total}`);
    viewer.canvas.style.touchAction = view.zoom > 1 ? "none" : "pan-y";
    const score = header.slices[view.slice];
    if (parts.sliceScore && score) parts.sliceScore.textContent = `${number(score.value)} ${score.value === null ? score.note : ""}`;
    if (viewer.volume && !isLoaded(header, view.slice)) viewer.say(`Loading the slices around ${view.slice + 1}…`);
    else if (viewer.volume) viewer.say("");
    Object.assign(root.dataset, { slice: view.slice, draw: spent.toFixed(2), zoom: view.zoom.toFixed(2) });
  },
  readVoxel() {
    const at = viewer.pointed ?? viewer.view.pin;
    viewer.parts.readout.textContent = at ? voxelWords(viewer, at) : "Point at the image to read a voxel; click to keep the place.";
  },
  readWindow() {
    const { view, parts, header } = viewer;
    const channel = shownChannel(viewer);
    const relative = view.windows[Math.max(0, view.channel)];
    const [low, high] = windowOf(channel, relative);
    const unit = header.unit ? ` ${header.unit}` : "";
    const text = view.channel < 0
      ? `W ${number((relative[1] - relative[0]) * 100)} % L ${number((relative[0] + relative[1]) * 50)} %`
      : `W ${number(high - low)} L ${number((low + high) / 2)}${unit}`;
    parts.window.textContent = text;
    parts.windowNumbers.textContent = text;
    const [from, to] = fullRange(channel);
    parts.level.value = String((((relative[0] + relative[1]) / 2 - from) / (to - from)) * 1000);
    parts.width.value = String(((relative[1] - relative[0]) / (to - from)) * 1000);
    parts.smooth.checked = view.smooth;
  },
});

const shownChannel = ({ header, view }) => header.channels[Math.max(0, view.channel)];

// All values of a channel as a share of its first window.
function fullRange({ low, high, smallest, largest }) {
  return [Math.min(0, (smallest - low) / (high - low)), Math.max(1, (largest - low) / (high - low))];
}

function voxelWords(viewer, [row, column]) {
  const { header, view, volume } = viewer;
  const words = [`slice ${view.slice + 1}, row ${row + 1}, column ${column + 1}`];
  const i = row * header.shape[3] + column;
  if (!volume || !isLoaded(header, view.slice)) return words[0];
  const shown = view.channel < 0 ? header.channels.map((_, k) => k) : [view.channel];
  for (const k of shown) {
    const { name, scale, offset } = header.channels[k];
    words.push(`${name} ${number(sliceOf(volume.images[k], header, view.slice)[i] * scale + offset, header.unit)}`);
  }
  const prob = sliceOf(volume.prob, header, view.slice);
  if (prob) words.push(`probability ${(prob[i] / 255).toFixed(2)}`);
  const map = header.maps[view.map];
  const codes = map && sliceOf(volume.maps[view.map], header, view.slice);
  if (codes) words.push(`${map.label.toLowerCase()} ${((codes[i] / 255) * map.upper).toFixed(3)} ${map.unit}`.trim());
  return words.join(" · ");
}

function isDark(colour) {
  const probe = sheet(1, 1).getContext("2d");
  probe.fillStyle = colour;
  probe.fillRect(0, 0, 1, 1);
  const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b < 128;
}
