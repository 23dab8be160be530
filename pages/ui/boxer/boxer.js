// One canvas: a slice, outlines, and a box that is moved by mouse, finger or keys. Nothing leaves the page but the box.
const editors = new WeakMap();
const WAIT_MS = 150;
const GRIP = 8;

export default function (component) {
  const { parentElement, data, setStateValue } = component;
  const root = parentElement.querySelector(".boxer");
  if (!root || !data) return;
  let editor = editors.get(root);
  if (!editor) {
    editor = makeEditor(root);
    editors.set(root, editor);
  }
  editor.send = (box) => setStateValue("box", { box });
  editor.receive(data);
}

function makeEditor(root) {
  const canvas = document.createElement("canvas");
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  const words = document.createElement("p");
  words.setAttribute("aria-live", "polite");
  root.append(canvas, words);
  const image = new Image();
  const editor = { canvas, words, image, data: null, box: null, held: null, timer: 0, send: () => {} };
  image.onload = () => { root.dataset.ready = "yes"; draw(editor); };
  editor.receive = (data) => {
    const other = !editor.data || editor.data.picture !== data.picture;
    editor.data = data;
    if (other) image.src = data.picture;
    // While a person drags, their box is newer than what the server answers.
    if (!editor.held && !editor.timer) editor.box = [...data.box];
    canvas.setAttribute("aria-label",
      `${data.name}. Arrow keys move the box, shift and arrow keys change its size.`);
    draw(editor);
  };
  canvas.addEventListener("pointerdown", (event) => grab(editor, event));
  canvas.addEventListener("pointermove", (event) => drag(editor, event));
  for (const name of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(name, () => { editor.held = null; });
  }
  canvas.addEventListener("keydown", (event) => key(editor, event));
  return editor;
}

function place(editor, event) {
  const frame = editor.canvas.getBoundingClientRect();
  return [
    ((event.clientY - frame.top) / frame.height) * editor.data.rows,
    ((event.clientX - frame.left) / frame.width) * editor.data.columns,
  ];
}

function grab(editor, event) {
  if (!editor.data) return;
  editor.canvas.setPointerCapture(event.pointerId);
  const [row, column] = place(editor, event);
  const reach = (GRIP / editor.canvas.getBoundingClientRect().width) * editor.data.columns;
  const [top, left, bottom, right] = editor.box;
  const near = (a, b) => Math.abs(a - b) <= reach;
  const within = (v, low, high) => v >= low - reach && v <= high + reach;
  const sides = {
    top: near(row, top) && within(column, left, right),
    bottom: near(row, bottom) && within(column, left, right),
    left: near(column, left) && within(row, top, bottom),
    right: near(column, right) && within(row, top, bottom),
  };
  const inside = row > top && row < bottom && column > left && column < right;
  if (sides.top || sides.bottom || sides.left || sides.right) editor.held = { sides, from: [row, column], box: [...editor.box] };
  else if (inside) editor.held = { move: true, from: [row, column], box: [...editor.box] };
  else {
    editor.box = [row, column, row + 1, column + 1];
    editor.held = { sides: { bottom: true, right: true }, from: [row, column], box: [...editor.box] };
  }
  event.preventDefault();
  editor.canvas.focus();
}

function drag(editor, event) {
  if (!editor.held) return;
  const [row, column] = place(editor, event);
  const { from, box, move, sides } = editor.held;
  const [down, across] = [row - from[0], column - from[1]];
  const next = [...box];
  if (move) shift(next, down, across, editor.data);
  else {
    if (sides.top) next[0] = Math.min(box[0] + down, box[2] - 1);
    if (sides.bottom) next[2] = Math.max(box[2] + down, box[0] + 1);
    if (sides.left) next[1] = Math.min(box[1] + across, box[3] - 1);
    if (sides.right) next[3] = Math.max(box[3] + across, box[1] + 1);
  }
  change(editor, next);
}

function shift(box, down, across, data) {
  const rows = Math.max(-box[0], Math.min(down, data.rows - box[2]));
  const columns = Math.max(-box[1], Math.min(across, data.columns - box[3]));
  box[0] += rows; box[2] += rows; box[1] += columns; box[3] += columns;
}

function key(editor, event) {
  const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
  if (!step || !editor.data) return;
  event.preventDefault();
  event.stopPropagation();
  const next = [...editor.box];
  if (event.shiftKey) {
    next[2] = Math.max(next[2] + step[0], next[0] + 1);
    next[3] = Math.max(next[3] + step[1], next[1] + 1);
  } else shift(next, step[0], step[1], editor.data);
  change(editor, next);
}

function change(editor, box) {
  const { rows, columns } = editor.data;
  const round = (v, high) => Math.max(0, Math.min(Math.round(v), high));
  editor.box = [round(box[0], rows - 1), round(box[1], columns - 1), round(box[2], rows), round(box[3], columns)];
  draw(editor);
  clearTimeout(editor.timer);
  editor.timer = setTimeout(() => { editor.timer = 0; editor.send(editor.box); }, WAIT_MS);
}

function draw(editor) {
  const { canvas, data, image, box } = editor;
  if (!data || !image.complete || !box) return;
  const scale = Math.max(1, Math.round(640 / data.columns));
  if (canvas.width !== data.columns * scale) {
    canvas.width = data.columns * scale;
    canvas.height = data.rows * scale;
  }
  const pen = canvas.getContext("2d");
  pen.imageSmoothingEnabled = false;
  pen.drawImage(image, 0, 0, canvas.width, canvas.height);
  outline(pen, data.reference, scale, "#ffffff", [5, 4]);
  outline(pen, data.mask, scale, "#35d0ff", []);
  pen.setLineDash([]);
  pen.lineWidth = 2;
  pen.strokeStyle = "#ffb000";
  const [top, left, bottom, right] = box.map((each) => each * scale);
  pen.strokeRect(left, top, right - left, bottom - top);
  pen.fillStyle = "#ffb000";
  for (const y of [top, bottom]) for (const x of [left, right]) pen.fillRect(x - 4, y - 4, 8, 8);
  editor.words.textContent =
    `Box: rows ${box[0] + 1} to ${box[2]}, columns ${box[1] + 1} to ${box[3]}. Drag it or its edges, or use the arrow keys.`;
}

function outline(pen, outlines, scale, colour, dash) {
  pen.strokeStyle = colour;
  pen.lineWidth = 2;
  pen.setLineDash(dash);
  for (const each of outlines) {
    pen.beginPath();
    for (let k = 0; k < each.length; k += 2) pen.lineTo((each[k] + 0.5) * scale, (each[k + 1] + 0.5) * scale);
    pen.closePath();
    pen.stroke();
  }
}
