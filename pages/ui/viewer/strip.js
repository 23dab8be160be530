// The slice strip: one cell per slice, height = confidence, ticks in the colours of the fired rules.

const STRIP_TICKS_PX = 26;

function makeStrip(viewer) {
  const canvas = el("canvas", { class: "strip-canvas" });
  const tip = el("div", { class: "strip-tip", hidden: "" });
  const strip = el("div", {
    class: "strip", role: "slider", tabindex: "0", "aria-orientation": "horizontal", "aria-valuemin": "1",
  }, canvas, tip);
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    const total = viewer.header.shape[1];
    return clamp(Math.floor(((event.clientX - box.left) / box.width) * total), 0, total - 1);
  };
  strip.addEventListener("pointerdown", (event) => {
    strip.setPointerCapture(event.pointerId);
    viewer.go(at(event));
  });
  strip.addEventListener("pointermove", (event) => {
    const z = at(event);
    if (event.buttons & 1) viewer.go(z);
    showTip(viewer, tip, z, event.clientX - canvas.getBoundingClientRect().left, canvas.clientWidth);
  });
  strip.addEventListener("pointerleave", () => (tip.hidden = true));
  strip.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, PageUp: -10, PageDown: 10 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    viewer.go(viewer.view.slice + step);
  });
  return { strip, canvas };
}

function showTip(viewer, tip, z, x, width) {
  tip.replaceChildren(el("strong", {}, `Slice ${z + 1}`), el("span", {}, sliceSentence(viewer.header, z)));
  tip.hidden = false;
  tip.style.left = `${clamp(x - tip.offsetWidth / 2, 0, Math.max(0, width - tip.offsetWidth))}px`;
}

// "confidence 0.65 · A Area anomaly", in words for the tip and for screen readers; header.strip names the value.
function sliceSentence(header, z) {
  const slice = header.slices[z];
  if (!slice) return "no scores";
  const { value, blank, marked } = header.strip;
  const words = [slice.value === null ? `${value} – (${slice.note || "not available"})` : `${value} ${number(slice.value)}`];
  words.push(...(slice.more ?? []));
  if (slice.empty) words.push(blank);
  for (const cause of slice.causes) words.push(`${header.theme.marks[cause].letter} ${labelOf(header, cause)}`);
  if (z === header.worst) words.push(marked);
  return words.join(" · ");
}

const labelOf = (header, cause) => header.flags.find((flag) => flag.cause === cause)?.label ?? cause;

function paintStrip(viewer) {
  const { header, view, ratio, colours } = viewer;
  const { strip, canvas } = viewer.parts.strip;
  const total = header.shape[1];
  const [width, height] = [canvas.clientWidth * ratio, canvas.clientHeight * ratio];
  if (canvas.width !== Math.round(width)) canvas.width = Math.round(width);
  if (canvas.height !== Math.round(height)) canvas.height = Math.round(height);
  const ctx = canvas.getContext("2d");
  ctx.clearRect(0, 0, width, height);
  const cell = width / total;
  const floor = height - STRIP_TICKS_PX * ratio;
  const room = floor - 14 * ratio;
  ctx.fillStyle = colours.faint;
  ctx.fillRect(0, floor, width, ratio);
  for (let z = 0; z < total; z++) paintCell({ viewer, ctx, z, cell, floor, room });
  paintSlabs({ viewer, ctx, cell, height });
  ctx.strokeStyle = colours.primary;
  ctx.lineWidth = 2 * ratio;
  const mark = Math.max(cell, 4 * ratio);
  ctx.strokeRect(clamp((view.slice + 0.5) * cell - mark / 2, ratio, width - mark - ratio), ratio, mark, height - 2 * ratio);
  if (header.worst !== null) paintWorst(ctx, clamp((header.worst + 0.5) * cell, 5 * ratio, width - 5 * ratio), ratio, colours.text);
  strip.setAttribute("aria-label", header.strip.label);
  strip.setAttribute("aria-valuemax", total);
  strip.setAttribute("aria-valuenow", view.slice + 1);
  strip.setAttribute("aria-valuetext", `Slice ${view.slice + 1} of ${total}, ${sliceSentence(header, view.slice)}`);
}

function paintCell({ viewer, ctx, z, cell, floor, room }) {
  const { header, ratio, colours, ground } = viewer;
  const slice = header.slices[z];
  const gap = cell > 5 * ratio ? ratio : 0;
  const [x, w] = [z * cell + gap, Math.max(ratio * 0.75, cell - 2 * gap)];
  if (slice && slice.value !== null) {
    const h = Math.max(2 * ratio, clamp(slice.value / header.strip.scale, 0, 1) * room);
    ctx.fillStyle = z === viewer.view.slice ? colours.primary : slice.empty ? colours.faint : colours.bar;
    ctx.fillRect(x, floor - h, w, h);
    ctx.fillStyle = colours.bar;
    ctx.fillRect(x, floor - h, w, 1.5 * ratio);
  }
  const causes = slice ? slice.causes : [];
  const tall = Math.min(13 * ratio, ((STRIP_TICKS_PX - 4) * ratio) / Math.max(1, causes.length));
  causes.forEach((cause, k) => {
    const mark = header.theme.marks[cause];
    const [fill, ink] = mark[ground];
    const y = floor + 3 * ratio + k * tall;
    const wide = Math.min(Math.max(w, 3 * ratio), 16 * ratio);
    ctx.fillStyle = fill;
    ctx.fillRect(x + (w - wide) / 2, y, wide, tall - ratio);
    if (wide < 10 * ratio || tall < 11 * ratio) return;
    ctx.fillStyle = ink;
    ctx.font = `700 ${10 * ratio}px ${header.font}`;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.fillText(mark.letter, x + w / 2, y + (tall - ratio) / 2 + ratio * 0.5);
  });
}

function paintWorst(ctx, x, ratio, colour) {
  ctx.fillStyle = colour;
  ctx.beginPath();
  ctx.moveTo(x - 5 * ratio, 2 * ratio);
  ctx.lineTo(x + 5 * ratio, 2 * ratio);
  ctx.lineTo(x, 11 * ratio);
  ctx.fill();
}

function labelStrip({ header: { strip }, parts }) {
  parts.worst.textContent = strip.jump;
  parts.worst.title = strip.help;
  parts.worst.setAttribute("aria-label", strip.help);
  parts.stripNote.textContent = strip.note;
}
