// The slabs of a volume: a row for each that goes to its slice with most attention, a line for each under the strip.

const SLAB_LINE_PX = 2;

function drawSlabs(viewer) {
  const { slabs = [] } = viewer.header;
  viewer.parts.slabs.hidden = !slabs.length;
  viewer.parts.slabs.replaceChildren(
    el("h3", {}, "Where its attention lies"),
    el("ul", {}, ...slabs.map((slab, k) => el("li", {}, slabButton(viewer, slab, k)))),
    el("p", { class: "quiet" }, "Attention says what the answer leans on, not where an illness is."),
  );
}

function slabButton(viewer, slab, k) {
  const range = slab.samples > 1 ? el("span", { class: "quiet" }, ` ${slab.low.toFixed(3)}–${slab.high.toFixed(3)}`) : null;
  const spread = slab.effective === null ? "" : `, ${number(slab.effective)} effective`;
  const name = viewer.header.slabs.length > 1 ? `Slab ${k + 1}` : "All slices";
  return el("button", { type: "button", class: "slab", onclick: () => showSlab(viewer, slab, name), title: `Go to slice ${slab.top + 1}` },
    el("span", { class: "class-head" },
      el("span", { class: "class-name" }, name), el("span", { class: "where" }, `slices ${slab.first + 1}–${slab.last + 1}`),
      slab.decides && viewer.header.slabs.length > 1 ? el("span", { class: "tag" }, "decides") : null,
      el("span", { class: "class-value" }, `${slab.class} ${number(slab.prob)}`, range)),
    el("span", { class: "sentence" }, `most on slice ${slab.top + 1}${spread}`));
}

function showSlab(viewer, slab, name) {
  viewer.go(slab.top);
  viewer.parts.spoken.textContent = `Slice ${slab.top + 1}, with most attention of ${name.toLowerCase()}.`;
}

// Neighbouring slabs may overlap, so their lines lie at two heights in turn.
function paintSlabs({ viewer, ctx, cell, height }) {
  const { header, ratio, colours } = viewer;
  (header.slabs ?? []).forEach((slab, k) => {
    const thick = (slab.decides ? 2 : 1) * SLAB_LINE_PX * ratio;
    ctx.fillStyle = slab.decides ? colours.text : colours.bar;
    ctx.fillRect(slab.first * cell + ratio, height - (k % 2 ? 3 : 8) * ratio - thick / 2, (slab.last - slab.first + 1) * cell - 2 * ratio, thick);
  });
}
