// The skeleton of the view: built once, filled by panel.js, laid out by viewer.css.

function buildLayout(viewer) {
  const canvas = el("canvas", { class: "image", tabindex: "0", role: "img", "aria-label": "Slice of the image" });
  const strip = makeStrip(viewer);
  const parts = {
    canvas, strip,
    where: el("div", { class: "corner top left" }),
    window: el("div", { class: "corner top right" }),
    message: el("div", { class: "message", role: "status" }),
    readout: el("p", { class: "readout" }),
    spoken: el("p", { class: "unseen", role: "status" }),
    range: el("input", { type: "range", class: "slice-range", min: "1", step: "1", "aria-label": "Slice" }),
    channels: el("div", { class: "group", role: "group", "aria-label": "Image channel" }),
    layers: el("div", { class: "layers", role: "group", "aria-label": "Layers and legend" }),
    opacity: el("input", { type: "range", min: "0", max: "100", step: "5", "aria-label": "Opacity of the layer used last" }),
    opacityName: el("span", { class: "opacity-name" }),
    mapChoice: el("div", { class: "map-choice" }),
    classes: el("section", { class: "classes", "aria-label": "Probability of each class" }),
    verdict: el("section", { class: "verdict", "aria-label": "Verdict and reasons" }),
    numbers: el("section", { class: "numbers", "aria-label": "Confidence" }),
    worst: button("", "", () => viewer.goWorst()),
    stripNote: el("p", { class: "strip-note quiet" }),
    slabs: el("section", { class: "slabs", "aria-label": "Slabs of slices" }),
    dialog: keyDialog(),
  };
  parts.windowPanel = windowPanel(viewer, parts);
  const tools = el("div", { class: "tools" }, parts.channels, el("div", { class: "group" },
    parts.worst,
    button("−", "Zoom out (−)", () => viewer.zoomAt(0.8)),
    button("+", "Zoom in (+)", () => viewer.zoomAt(1.25)),
    button("Fit", "Show the whole image (0)", () => viewer.fit()),
    parts.windowButton,
    button("?", "List of keys (?)", () => viewer.help())));
  const stage = el("div", { class: "stage" }, canvas, parts.where, parts.window, parts.message);
  const slices = el("div", { class: "slices" }, parts.range, strip.strip,
    parts.stripNote);
  parts.tuning = el("div", { class: "tuning" }, el("label", { class: "opacity" }, parts.opacityName, parts.opacity), parts.mapChoice);
  const legend = el("div", { class: "legend" }, parts.layers, parts.tuning);
  const main = el("div", { class: "main" }, tools, parts.windowPanel, stage, parts.readout, slices, parts.spoken);
  const side = el("div", { class: "side" }, parts.verdict, parts.classes, parts.slabs, legend, parts.numbers);
  viewer.root.replaceChildren(el("div", { class: "frame" }, main, side), parts.dialog);
  parts.slices = slices;
  parts.range.addEventListener("input", () => viewer.go(Number(parts.range.value) - 1));
  parts.opacity.addEventListener("input", () => viewer.setOpacity(Number(parts.opacity.value) / 100));
  return parts;
}

const button = (text, label, onclick) =>
  el("button", { type: "button", class: "tool", title: label, "aria-label": label, onclick }, text);

function keyDialog() {
  const rows = KEY_LIST.flatMap(([keys, meaning]) => [el("dt", {}, keys), el("dd", {}, meaning)]);
  const close = el("button", { type: "button", class: "tool" }, "Close");
  const dialog = el("dialog", { "aria-label": "Keys" }, el("h2", {}, "Keys"), el("dl", {}, ...rows),
    el("p", { class: "quiet" }, "Slices, rows and columns are counted from 1."), close);
  close.addEventListener("click", () => dialog.close());
  return dialog;
}

// Window and level without a right mouse button: for touch screens and for the keyboard.
function windowPanel(viewer, parts) {
  const slider = (label) => el("input", { type: "range", min: "0", max: "1000", step: "1", "aria-label": label });
  parts.level = slider("Level");
  parts.width = slider("Window width");
  parts.smooth = el("input", { type: "checkbox" });
  parts.windowNumbers = el("span", { class: "quiet" });
  const panel = el("div", { class: "window-panel", hidden: true, id: "window-panel" },
    el("label", {}, "Level", parts.level), el("label", {}, "Width", parts.width), parts.windowNumbers,
    button("1–99 %", "Window from the 1st to the 99th percentile", () => viewer.presetWindow("percentiles")),
    button("Full range", "Window over all values", () => viewer.presetWindow("full")),
    el("label", { class: "check" }, parts.smooth, "Smooth between voxels"));
  parts.windowButton = button("Window", "Window and level", () => {
    panel.hidden = !panel.hidden;
    parts.windowButton.setAttribute("aria-expanded", String(!panel.hidden));
  });
  parts.windowButton.setAttribute("aria-expanded", "false");
  parts.windowButton.setAttribute("aria-controls", "window-panel");
  for (const input of [parts.level, parts.width]) input.addEventListener("input", () => viewer.slideWindow());
  parts.smooth.addEventListener("change", () => viewer.change({ smooth: parts.smooth.checked }));
  return panel;
}

function drawChannels(viewer) {
  const { header, view } = viewer;
  const choices = header.channels.map((channel, index) => [index, channel.name]);
  if (header.composite) choices.push([-1, "Colour"]);
  viewer.parts.channels.hidden = choices.length < 2;
  viewer.parts.channels.replaceChildren(...choices.map(([index, name]) => {
    const title = index < 0 ? `Red, green, blue: ${header.channels.map((c) => c.name).join(", ")}` : `Show ${name}`;
    const node = el("button", { type: "button", class: "tool", title, "aria-pressed": String(view.channel === index) }, name);
    node.addEventListener("click", () => viewer.chooseChannel(index));
    return node;
  }));
}
