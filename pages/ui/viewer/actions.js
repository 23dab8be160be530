// What a control, a key or a gesture does to the view: every change goes through `change`.

const viewMethods = (viewer) => ({
  change(part) {
    viewer.view = fitView(viewer.header, { ...viewer.view, ...part });
    viewer.refresh();
    viewer.reporter.later();
  },
  go(slice) {
    const z = clamp(slice, 0, viewer.header.shape[1] - 1);
    if (z === viewer.view.slice) return;
    viewer.change({ slice: z });
    if (!isLoaded(viewer.header, z)) viewer.api.setStateValue("around", z);
  },
  goWorst() {
    if (viewer.header.worst !== null) viewer.go(viewer.header.worst);
  },
  toggle(id) {
    viewer.change({ layers: { ...viewer.view.layers, [id]: !viewer.view.layers[id] }, focus: id });
  },
  setOpacity(value) {
    viewer.change({ opacity: { ...viewer.view.opacity, [viewer.view.focus]: value } });
  },
  chooseMap(index) {
    const { id } = viewer.header.layers.find((layer) => layer.kind === "uncertainty");
    viewer.change({ map: index, layers: { ...viewer.view.layers, [id]: true }, focus: id });
  },
  chooseChannel(index) {
    viewer.change({ channel: index });
    drawChannels(viewer);
  },
  help() {
    viewer.parts.dialog.showModal();
  },
  // A reason was chosen: its slice, its place in the middle and large enough, its layer on.
  show(flag) {
    const { header, view } = viewer;
    const [, , rows, cols] = header.shape;
    const part = { slice: flag.slice ?? header.worst ?? view.slice };
    if (flag.cause in view.layers) Object.assign(part, { layers: { ...view.layers, [flag.cause]: true }, focus: flag.cause });
    if (flag.box) {
      const [top, left, bottom, right] = flag.box;
      const share = Math.max((bottom - top) / rows, (right - left) / cols);
      Object.assign(part, { centre: [(left + right) / 2, (top + bottom) / 2], zoom: clamp(0.45 / share, 1, 5) });
    } else {
      Object.assign(part, { centre: [cols / 2, rows / 2], zoom: 1 });
    }
    viewer.change(part);
    if (!isLoaded(header, part.slice)) viewer.api.setStateValue("around", part.slice);
    viewer.parts.spoken.textContent = `Slice ${part.slice + 1}: ${flag.label}. ${flag.sentence}`;
  },
});

const pointerMethods = (viewer) => ({
  voxelAt(event) {
    const box = viewer.canvas.getBoundingClientRect();
    const { x0, y0, kx, ky, rows, cols } = placement(viewer);
    const column = Math.floor(((event.clientX - box.left) * viewer.ratio - x0) / kx);
    const row = Math.floor(((event.clientY - box.top) * viewer.ratio - y0) / ky);
    return row >= 0 && column >= 0 && row < rows && column < cols ? [row, column] : null;
  },
  hover(event) {
    viewer.hovered = event !== null;
    viewer.pointed = event && viewer.voxelAt(event);
    viewer.readVoxel();
  },
  pinAt(event) {
    viewer.change({ pin: viewer.voxelAt(event) });
  },
  movePin(down, right) {
    if (down === null) return viewer.change({ pin: null });
    const [, , rows, cols] = viewer.header.shape;
    const [row, column] = viewer.view.pin ?? [Math.floor(viewer.view.centre[1]), Math.floor(viewer.view.centre[0])];
    viewer.change({ pin: [clamp(row + down, 0, rows - 1), clamp(column + right, 0, cols - 1)] });
    viewer.parts.spoken.textContent = voxelWords(viewer, viewer.view.pin);
    return undefined;
  },
  pan(dx, dy) {
    const { kx, ky } = placement(viewer);
    const [x, y] = viewer.view.centre;
    viewer.change({ centre: [x - (dx * viewer.ratio) / kx, y - (dy * viewer.ratio) / ky] });
  },
  // The point under the cursor stays where it is; without a cursor the middle does.
  zoomAt(factor, clientX, clientY) {
    const zoom = clamp(viewer.view.zoom * factor, 0.5, 32);
    const box = viewer.canvas.getBoundingClientRect();
    const { kx, ky } = placement(viewer);
    const [dx, dy] = clientX === undefined ? [0, 0] : [clientX - box.left - box.width / 2, clientY - box.top - box.height / 2];
    const keep = 1 - viewer.view.zoom / zoom;
    const [x, y] = viewer.view.centre;
    viewer.change({ zoom, centre: [x + (dx * viewer.ratio * keep) / kx, y + (dy * viewer.ratio * keep) / ky] });
  },
  fit() {
    const [, , rows, cols] = viewer.header.shape;
    viewer.change({ zoom: 1, centre: [cols / 2, rows / 2] });
  },
  editWindow(edit) {
    const { view } = viewer;
    viewer.change({ windows: view.windows.map((pair, i) => (view.channel < 0 || view.channel === i ? edit(pair, i) : pair)) });
  },
  dragWindow(dx, dy) {
    viewer.editWindow(([from, to]) => {
      const width = Math.max(0.01, to - from + dx / 250);
      const level = (from + to) / 2 + dy / 250;
      return [level - width / 2, level + width / 2];
    });
  },
  presetWindow(name) {
    viewer.editWindow((_, i) => {
      const { low, high, smallest, largest } = viewer.header.channels[i];
      if (name === "percentiles" || largest <= smallest) return [0, 1];
      return [(smallest - low) / (high - low), (largest - low) / (high - low)];
    });
  },
  slideWindow() {
    const [from, to] = fullRange(shownChannel(viewer));
    const level = from + (Number(viewer.parts.level.value) / 1000) * (to - from);
    const width = Math.max(0.002, Number(viewer.parts.width.value) / 1000) * (to - from);
    viewer.editWindow(() => [level - width / 2, level + width / 2]);
  },
});
