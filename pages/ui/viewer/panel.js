// Everything around the canvas that is words: verdict, reasons, layers, numbers. Text enters by textContent only.

function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const chip = (letter, [fill, ink]) =>
  el("span", { class: "chip", style: `background:${fill};color:${ink}`, "aria-hidden": "true" }, letter);

const MOST_REASONS = 4; // the worst ones; the rest would push the legend off the screen

function drawVerdict(viewer) {
  const { header, ground } = viewer;
  const review = header.answer === "review";
  const answer = { review: "Review this case", consistent: "Looks consistent" }[header.answer] ?? header.words.alone;
  const groups = groupFlags(header.flags);
  const items = groups.map((flags) => reasonItem(viewer, flags));
  const [first, rest] = [items.slice(0, MOST_REASONS), items.slice(MOST_REASONS)];
  const folded = rest.length
    ? el("details", { class: "more" }, el("summary", {}, `${rest.length} more ${rest.length === 1 ? "check" : "checks"} fired`),
      el("ul", { class: "reasons" }, ...rest))
    : null;
  viewer.parts.verdict.replaceChildren(
    el("h2", { class: `answer ${header.answer === "consistent" ? "fine" : "review"}` }, answer),
    review
      ? el("ul", { class: "reasons" }, ...first)
      : el("p", { class: "quiet" }, header.words.fine),
    ...(folded ? [folded] : []),
  );
  drawNumbers(viewer, ground);
}

// One line per rule: its worst flag in full, its other slices as buttons.
function groupFlags(flags) {
  const groups = new Map();
  for (const flag of flags) groups.set(flag.rule, [...(groups.get(flag.rule) ?? []), flag]);
  return [...groups.values()];
}

function reasonItem(viewer, flags) {
  const { header, ground } = viewer;
  const [worst, ...others] = flags;
  const place = worst.slice === null ? header.words.whole : `slice ${worst.slice + 1}`;
  const main = el(
    "button", { type: "button", class: "reason", onclick: () => viewer.show(worst), title: "Show the place in the image" },
    chip(worst.letter, header.theme.marks[worst.cause][ground]),
    el("span", { class: "reason-text" },
      el("span", { class: "reason-head" }, el("strong", {}, worst.label), el("span", { class: "where" }, place)),
      el("span", { class: "sentence" }, worst.sentence)),
  );
  if (!others.length) return el("li", {}, main);
  const buttons = slicesInRow(others).map((run) => {
    const [first, last] = [run[0].slice + 1, run.at(-1).slice + 1];
    const text = first === last ? `${first}` : `${first}–${last}`;
    const best = others.find((flag) => run.includes(flag)); // flags come worst first
    return el("button", {
      type: "button", class: "also", title: best.sentence, onclick: () => viewer.show(best),
      "aria-label": `${best.label}, slice ${text}: ${best.sentence}`,
    }, text);
  });
  const few = el("span", { class: "also-row" }, el("span", { class: "quiet" }, "also on slice"), ...buttons.slice(0, 8));
  if (buttons.length <= 8) return el("li", {}, main, few);
  const rest = el("span", { class: "also-row" }, ...buttons.slice(8));
  return el("li", {}, main, few, el("details", { class: "more" }, el("summary", {}, `${buttons.length - 8} more`), rest));
}

// Flags of neighbouring slices, together in one run.
function slicesInRow(flags) {
  const runs = [];
  for (const flag of [...flags].sort((a, b) => a.slice - b.slice)) {
    if (runs.length && flag.slice - runs.at(-1).at(-1).slice === 1) runs.at(-1).push(flag);
    else runs.push([flag]);
  }
  return runs;
}

function drawNumbers(viewer) {
  const { header } = viewer;
  const [first, ...scores] = header.scores;
  const rows = [];
  if (first) rows.push(...scoreRow({ ...first, label: "Confidence of the case" }, first.label));
  viewer.parts.sliceScore = el("dd", {});
  if (first && header.slices.length > 1) rows.push(el("dt", {}, header.strip.slice), viewer.parts.sliceScore);
  for (const [name, text] of header.facts) rows.push(el("dt", {}, name), el("dd", {}, text));
  const all = [...(first ? [first] : []), ...scores];
  const folded = all.length > 1
    ? el("details", { class: "scores" }, el("summary", {}, "All confidence scores"), el("dl", {}, ...all.flatMap((s) => scoreRow(s, "", viewer))))
    : null;
  viewer.parts.numbers.replaceChildren(
    el("dl", {}, ...rows),
    ...(folded ? [folded] : []),
    ...header.notes.map((note) => el("p", { class: "note" }, note)),
  );
}

// With a viewer, a score that was decided at one place gets a button that goes there.
function scoreRow(score, hint = "", viewer = null) {
  const missing = score.value === null;
  const title = [hint && `Score: ${hint}.`, score.note].filter(Boolean).join(" ");
  const value = el("dd", { title: title || null }, number(score.value));
  if (missing && score.note) value.append(el("span", { class: "quiet" }, ` ${score.note}`));
  if (viewer && score.slice !== null) value.append(placeButton(viewer, score));
  return [el("dt", { title: hint || null }, score.label), value];
}

function placeButton(viewer, score) {
  const text = `slice ${score.slice + 1}`;
  const place = { ...score, sentence: `Confidence there ${number(score.value)}.` };
  return el("button", {
    type: "button", class: "also", title: "Show the place in the image", "aria-label": `${score.label}: show ${text}`,
    onclick: () => viewer.show(place),
  }, text);
}

// The toggles are the legend: swatch, name, letter and key of each layer, always in view.
function drawLayers(viewer) {
  const { header } = viewer;
  viewer.parts.toggles = new Map();
  const buttons = header.layers.map((layer) => {
    const button = el("button", { type: "button", class: "layer", title: layer.help, onclick: () => viewer.toggle(layer.id) },
      el("kbd", { "aria-hidden": "true" }, layer.key || "·"), swatch(layer, header.theme), el("span", {}, layer.label),
      layer.letter ? chip(layer.letter, header.theme.marks[layer.id].dark) : null);
    viewer.parts.toggles.set(layer.id, button);
    return button;
  });
  viewer.parts.layers.replaceChildren(...buttons);
  drawMapChoice(viewer);
}

function swatch(layer, theme) {
  const canvas = sheet(56, 32);
  const ctx = canvas.getContext("2d");
  ctx.fillStyle = theme.ground;
  ctx.fillRect(0, 0, 56, 32);
  if (layer.kind === "uncertainty") {
    theme.map.forEach((colour, k) => {
      ctx.fillStyle = colour;
      ctx.fillRect(Math.floor((k * 56) / 256), 0, 1, 32);
    });
  } else if (layer.kind === "errors") {
    ctx.fillStyle = theme.positive;
    ctx.fillRect(4, 4, 22, 24);
    ctx.fillStyle = ctx.createPattern(hatch(theme.negative, 14, 5), "repeat");
    ctx.fillRect(30, 4, 22, 24);
  } else if (layer.line === "frame" || layer.line === "hatch-frame") {
    ctx.strokeStyle = layer.line === "frame" ? layer.colour : ctx.createPattern(hatch(layer.colour, 12, 4), "repeat");
    ctx.lineWidth = 8;
    ctx.strokeRect(8, 6, 40, 20);
  } else {
    ctx.strokeStyle = layer.colour;
    ctx.lineWidth = 4;
    ctx.lineCap = DASHES[layer.line].includes(0.5) ? "round" : "butt";
    ctx.setLineDash(DASHES[layer.line].map((length) => length * 1.7));
    for (const y of layer.line === "double" ? [11, 21] : [16]) ctx.stroke(new Path2D(`M6 ${y}H50`));
  }
  canvas.className = "swatch";
  canvas.setAttribute("aria-hidden", "true");
  return canvas;
}

function drawMapChoice(viewer) {
  const { header } = viewer;
  if (!header.maps.length) return viewer.parts.mapChoice.replaceChildren();
  const select = mapSelect(viewer);
  const bar = el("div", { class: "bar", style: `background:linear-gradient(to right, ${header.theme.map.join(",")})` });
  viewer.parts.mapSelect = select;
  viewer.parts.mapScale = el("span", { class: "scale" });
  return viewer.parts.mapChoice.replaceChildren(select, el("div", { class: "bar-box" }, bar, viewer.parts.mapScale));
}

// A single map needs no choice; its layer's toggle names it already.
function mapSelect({ header, view, chooseMap }) {
  if (header.maps.length === 1) return el("span", { class: "unseen" }, header.maps[0].label);
  const select = el("select", { "aria-label": header.words.map, onchange: (event) => chooseMap(Number(event.target.value)) });
  header.maps.forEach((map, k) => select.append(el("option", { value: k }, map.label)));
  select.value = String(view.map);
  return select;
}

function refreshLayers(viewer) {
  const { header, view, parts } = viewer;
  for (const [id, button] of parts.toggles) {
    button.setAttribute("aria-pressed", String(Boolean(view.layers[id])));
    button.classList.toggle("focused", id === view.focus);
  }
  const focused = header.layers.find((layer) => layer.id === view.focus);
  parts.tuning.hidden = !focused;
  if (!focused) return;
  parts.opacity.value = String(Math.round(view.opacity[view.focus] * 100));
  const what = ["prediction", "errors"].includes(focused.kind) ? "Fill of" : "Opacity of";
  parts.opacityName.textContent = `${what} ${focused.label.toLowerCase()} ${parts.opacity.value} %`;
  const map = header.maps[view.map];
  if (!map) return;
  parts.mapSelect.value = String(view.map);
  parts.mapSelect.title = map.help;
  const hidden = number(map.upper * header.theme.hidden, map.unit);
  parts.mapScale.replaceChildren(
    el("span", {}, "0"), el("span", { class: "quiet" }, `below ${hidden} not drawn`), el("span", {}, number(map.upper, map.unit)),
  );
}
