// Pointer, wheel and keys. A focused text field keeps its keys.

const KEY_LIST = [
  ["Wheel, ↑ ↓", "slice (Page Up, Page Down: ten; Home, End: first, last); a sideways swipe on a touch screen"],
  ["W", "the slice under ▼"],
  ["1–9", "layer on or off"],
  ["Right button drag", "window (sideways) and level (up, down); also under “Window”"],
  ["Ctrl + wheel, + −", "zoom; two fingers on a touch screen"],
  ["Drag", "move the image"],
  ["Double click, 0", "whole image"],
  ["Click, Shift + arrows", "set and move the read-out cross; Esc removes it"],
  ["A X N U", "on the review desk: accept, reject, needs correction, unsure"],
  ["K Z ← →", "on the review desk: skip, undo, other case"],
  ["?", "this list"],
];

function listenCanvas(viewer) {
  const { canvas } = viewer;
  const pointers = new Map();
  let travel = 0;
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    travel = 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    const last = pointers.get(event.pointerId);
    if (!last) return event.pointerType === "mouse" ? viewer.hover(event) : undefined;
    const [dx, dy] = [event.clientX - last.x, event.clientY - last.y];
    travel += Math.abs(dx) + Math.abs(dy);
    if (pointers.size === 2) pinch(viewer, pointers, event);
    else if (event.buttons & 2) viewer.dragWindow(dx, dy);
    else if (event.pointerType === "touch" && viewer.view.zoom <= 1) swipe(viewer, dx);
    else if (travel > 3) viewer.pan(dx, dy);
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    return undefined;
  });
  const lift = (event) => {
    const clicked = event.type === "pointerup" && event.button === 0 && travel <= 3 && pointers.size === 1;
    pointers.delete(event.pointerId);
    if (clicked) viewer.pinAt(event);
  };
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);
  canvas.addEventListener("pointerleave", () => viewer.hover(null));
  canvas.addEventListener("dblclick", () => viewer.fit());
  listenWheel(viewer);
}

// One finger over the whole image: sideways through the slices; up and down stays with the page.
function swipe(viewer, dx) {
  viewer.swiped = (viewer.swiped ?? 0) + dx;
  const steps = Math.trunc(viewer.swiped / 14);
  if (!steps) return;
  viewer.swiped -= steps * 14;
  viewer.go(viewer.view.slice + steps);
}

function pinch(viewer, pointers, event) {
  const [other] = [...pointers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
  const before = pointers.get(event.pointerId);
  const apart = (point) => Math.hypot(point.x - other.x, point.y - other.y);
  const now = { x: event.clientX, y: event.clientY };
  viewer.zoomAt(apart(now) / Math.max(1, apart(before)), (now.x + other.x) / 2, (now.y + other.y) / 2);
  viewer.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
}

function listenWheel(viewer) {
  let rest = 0;
  viewer.canvas.addEventListener("wheel", (event) => {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      viewer.zoomAt(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.002)), event.clientX, event.clientY);
      return;
    }
    if (viewer.header.shape[1] < 2) return;
    event.preventDefault();
    // A notch is 100 px in most browsers; a touch pad sends many small steps that add up.
    rest += event.deltaMode ? event.deltaY * 33 : event.deltaY;
    const steps = Math.trunc(rest / 60);
    if (!steps) return;
    rest = 0;
    viewer.go(viewer.view.slice + clamp(steps, -4, 4));
  }, { passive: false });
}

// Layer, W and ? work as long as nothing else is focused; arrows only when the viewer is meant.
function listenKeys(viewer) {
  const handler = (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || !viewer.root.isConnected) return;
    const [target] = event.composedPath();
    const inside = event.composedPath().includes(viewer.root);
    if (!inside && target !== document.body && target !== document.documentElement) return;
    if (target instanceof Element && swallows(target, event.key)) return;
    const aimed = inside || viewer.hovered;
    const act = (aimed && aimedAction(viewer, event)) || openAction(viewer, event);
    if (!act) return;
    act();
    event.preventDefault();
    event.stopPropagation();
  };
  document.addEventListener("keydown", handler);
  return () => document.removeEventListener("keydown", handler);
}

function swallows(target, key) {
  if (target.closest("dialog[open]")) return true;
  if (target.matches("textarea, [contenteditable=true], input:not([type=range], [type=checkbox])")) return true;
  return target.matches("select, input[type=range], [role=slider]") && !/^[0-9wW?]$/.test(key);
}

function openAction(viewer, { key }) {
  const layer = /^[1-9]$/.test(key) && viewer.header.layers.find((each) => each.key === key);
  if (layer) return () => viewer.toggle(layer.id);
  if (key === "w" || key === "W") return () => viewer.goWorst();
  if (key === "?") return () => viewer.help();
  return null;
}

function aimedAction(viewer, { key, shiftKey }) {
  const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[key];
  if (shiftKey && move) return () => viewer.movePin(...move);
  const last = viewer.header.shape[1] - 1;
  const z = viewer.view.slice;
  const target = { ArrowUp: z - 1, ArrowDown: z + 1, PageUp: z - 10, PageDown: z + 10, Home: 0, End: last }[key];
  if (target !== undefined && last > 0) return () => viewer.go(target);
  if (key === "0") return () => viewer.fit();
  if (key === "+" || key === "=") return () => viewer.zoomAt(1.25);
  if (key === "-") return () => viewer.zoomAt(0.8);
  if (key === "Escape" && viewer.view.pin) return () => viewer.movePin(null);
  return null;
}
