// The classes of a classified picture: a bar for the mean, a dot for every sample, words for what colour says.

function drawClasses(viewer) {
  const { header, parts } = viewer;
  parts.classes.hidden = !header.classes;
  if (!header.classes) return;
  parts.classes.replaceChildren(
    el("h3", {}, header.half ? "Probability of each finding" : "Probability of each class"),
    el("ul", {}, ...header.classes.map((each) => classItem(each, header.half))),
    el("p", { class: "quiet" }, header.classes_note),
  );
}

function classItem(each, half) {
  const several = each.samples.length > 1;
  const range = several ? `${each.low.toFixed(3)}–${each.high.toFixed(3)}` : "";
  const given = each.given ? el("span", { class: "tag" }, half ? "found" : "given") : null;
  const reference = each.reference ? el("span", { class: "tag outlined" }, "reference") : null;
  return el("li", { class: each.given ? "class given" : "class" },
    el("div", { class: "class-head" },
      el("span", { class: "class-name" }, each.name), given, reference,
      el("span", { class: "class-value" }, number(each.prob), several ? el("span", { class: "quiet" }, ` ${range}`) : null)),
    classTrack(each, half));
}

// The same numbers stand in words beside it, so readers of the screen need not hear the picture as well.
function classTrack({ prob, samples }, half) {
  const at = (share) => `left:${clamp(share, 0, 1) * 100}%`;
  const dots = samples.length > 1 ? samples.map((share) => el("i", { class: "dot", style: at(share) })) : [];
  return el("div", { class: samples.length > 12 ? "track many" : "track", "aria-hidden": "true" },
    el("div", { class: "fill", style: `width:${clamp(prob, 0, 1) * 100}%` }),
    half ? el("i", { class: "half" }) : null, ...dots);
}
