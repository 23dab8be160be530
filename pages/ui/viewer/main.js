// One viewer per mounted component. The entry runs on every rerun of the page with the same parent element.

const viewers = new WeakMap();

export default function mount(component) {
  const { parentElement, data } = component;
  const root = parentElement.querySelector(".second-look");
  let viewer = viewers.get(root);
  if (!viewer) {
    viewer = makeViewer(root, component);
    viewers.set(root, viewer);
  }
  viewer.api = component;
  viewer.receive(data);
  return () => viewer.destroy();
}

function makeViewer(root, api) {
  const viewer = {
    root, api, header: null, view: null, volume: null, text: "", seq: null, ratio: 1, hovered: false, frame: 0,
    font: "", colours: {}, ground: "light", cache: { outlines: new Map() },
  };
  Object.assign(viewer, dataMethods(viewer), viewMethods(viewer), pointerMethods(viewer), drawMethods(viewer));
  viewer.parts = buildLayout(viewer);
  viewer.canvas = viewer.parts.canvas;
  viewer.reporter = makeReporter(viewer);
  listenCanvas(viewer);
  const forgetKeys = listenKeys(viewer);
  const watcher = new ResizeObserver(() => viewer.header && viewer.resize());
  watcher.observe(viewer.parts.canvas);
  watcher.observe(viewer.parts.strip.canvas);
  viewer.destroy = () => {
    forgetKeys();
    watcher.disconnect();
    viewer.reporter.stop();
    cancelAnimationFrame(viewer.frame);
    viewers.delete(root);
  };
  return viewer;
}

const dataMethods = (viewer) => ({
  receive(data) {
    viewer.readTheme();
    if (!(data instanceof Uint8Array)) return;
    const { text, header, parts, order } = readContainer(data);
    header.font = viewer.font;
    const sameVolume = viewer.header?.digest === header.digest;
    const sameWords = viewer.text === text;
    const ordered = order.view && order.seq !== viewer.seq;
    viewer.header = header;
    viewer.text = text;
    viewer.seq = order.seq;
    const first = !viewer.view;
    if (first) viewer.view = firstView(header);
    viewer.view = fitView(header, ordered ? { ...viewer.view, ...order.view } : viewer.view);
    if (first || ordered) viewer.reporter.known(viewer.view);
    if (!sameWords || !sameVolume) viewer.fill();
    else viewer.refresh();
    if (!sameVolume) viewer.load(header, parts);
  },
  async load(header, parts) {
    viewer.volume = null;
    viewer.say("Unpacking the images…");
    try {
      const volume = await loadVolume(header, parts);
      if (viewer.header.digest !== header.digest) return;
      viewer.volume = volume;
      viewer.say("");
      viewer.refresh();
      await volume.complete;
      volume.complete = true;
      viewer.root.dataset.ready = header.digest;
      viewer.refresh();
    } catch (error) {
      viewer.say(`The images could not be unpacked in this browser: ${error.message}. Reload the page, or use a current browser.`);
    }
  },
  say(text) {
    viewer.parts.message.textContent = text;
    viewer.parts.message.hidden = !text;
  },
  fill() {
    viewer.parts.slices.hidden = viewer.header.shape[1] < 2;
    viewer.parts.worst.hidden = viewer.header.shape[1] < 2 || viewer.header.worst === null;
    viewer.parts.range.max = String(viewer.header.shape[1]);
    viewer.cache.blobsKey = null;
    viewer.cache.outlines.clear();
    labelStrip(viewer);
    drawVerdict(viewer);
    drawClasses(viewer);
    drawSlabs(viewer);
    drawLayers(viewer);
    drawChannels(viewer);
    viewer.resize();
  },
});
