// The reader's desk. What is typed lies in this browser until the server has confirmed that it is kept.
const desks = new WeakMap();
const DECISIONS = [
  ["accept", "A", "Accept"], ["reject", "X", "Reject"], ["correct", "N", "Needs correction"], ["unsure", "U", "Unsure"],
];
const STEPS = [
  ["back", "←", "Previous"], ["forth", "→", "Next"], ["skip", "K", "Skip"], ["undo", "Z", "Undo"],
];
const SLOW_MS = 4000;
const MOST_TRIES = 15;
const LONGEST_PAUSE_S = 120; // a reader who is away longer than this is not reading

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const root = parentElement.querySelector(".desk");
  if (!root || !data) return undefined;
  let held = desks.get(root);
  if (!held) {
    held = makeDesk(root);
    desks.set(root, held);
  }
  held.send = (act) => setTriggerValue("act", act);
  held.receive(data);
  return () => held.listen(false);
}

const el = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
};

function makeDesk(root) {
  const held = { root, data: null, draft: null, send: () => {}, buttons: new Map(), chips: new Map(), listening: false, told: null };
  const press = (act) => () => step(held, act);
  const make = ([act, key, label], kind) => {
    const button = el("button", { type: "button", class: kind, title: `${label} (${key})`, onclick: press(act) },
      el("kbd", { "aria-hidden": "true" }, key), el("span", {}, label));
    held.buttons.set(act, button);
    return button;
  };
  held.place = el("p", { class: "place" });
  held.state = el("p", { class: "state", role: "status" });
  held.comment = el("textarea", { rows: "1", maxlength: "4000", "aria-label": "Comment", placeholder: "Comment (M to write, Esc to leave)" });
  held.summary = el("summary", {}, "");
  held.kinds = el("div", { class: "kinds" });
  held.details = el("details", {}, held.summary, held.kinds);
  root.append(
    el("div", { class: "head" }, el("div", {}, held.place, held.state), el("div", { class: "steps" }, ...STEPS.map((each) => make(each, "step")))),
    el("div", { class: "decisions", role: "group", "aria-label": "Your decision" }, ...DECISIONS.map((each) => make(each, "decision"))),
    el("div", { class: "why" }, held.details, held.comment),
  );
  held.comment.addEventListener("input", () => {
    held.draft.comment = held.comment.value;
    grow(held.comment);
    keep(held);
  });
  held.comment.addEventListener("keydown", (event) => {
    if (event.key === "Escape" || (event.key === "Enter" && (event.ctrlKey || event.metaKey))) {
      held.comment.blur();
      event.preventDefault();
    }
    event.stopPropagation();
  });
  held.onkey = (event) => listen(held, event);
  held.listen = (on) => {
    if (on === held.listening) return;
    held.listening = on;
    const hook = on ? "addEventListener" : "removeEventListener";
    document[hook]("keydown", held.onkey, true);
    for (const name of ["pointermove", "keydown", "wheel"]) document[hook](name, held.awake, { passive: true, capture: true });
    clearInterval(held.clock);
    clearTimeout(held.slow);
    if (on) held.clock = setInterval(() => tick(held), 1000);
  };
  held.receive = (data) => receive(held, data);
  held.awake = () => { held.active = Date.now(); };
  held.awake();
  return held;
}

// Drafts: one per reader and subject, in this browser alone.
const slot = (data) => `second-look-draft:${data.reader}:${data.subject}`;

function stored(name) {
  try {
    return JSON.parse(localStorage.getItem(name)) ?? null;
  } catch {
    return null;
  }
}

function keep(held) {
  try {
    localStorage.setItem(slot(held.data), JSON.stringify(held.draft));
  } catch {
    held.state.textContent = "This browser keeps no drafts: a reload would lose what is typed here.";
  }
}

// What stands, or what an undo has just taken back: nobody should have to type it again.
function fresh(data) {
  const words = data.standing ?? (data.undone?.subject === data.subject ? data.undone : null);
  return { kinds: [...(words?.kinds ?? [])], comment: words?.comment ?? "", seconds: 0, pending: null, nonce: "" };
}

const same = (draft, standing) => Boolean(standing) && draft.pending === standing.decision
  && draft.comment === standing.comment && [...draft.kinds].sort().join() === [...standing.kinds].sort().join();

function receive(held, data) {
  held.listen(true);
  if (data.saved) {
    const name = `second-look-draft:${data.reader}:${data.saved.subject}`;
    if (stored(name)?.nonce === data.saved.nonce) localStorage.removeItem(name);
  }
  const moved = !held.data || slot(held.data) !== slot(data);
  held.data = data;
  if (held.told && (moved || data.answered === held.told.nonce)) answered(held);
  let draft = moved ? stored(slot(data)) : held.draft;
  if (draft && (same(draft, data.standing) || (data.saved && draft.nonce && draft.nonce === data.saved.nonce))) {
    localStorage.removeItem(slot(data));
    draft = null;
  }
  held.draft = draft ?? fresh(data);
  if (moved) {
    held.comment.value = held.draft.comment;
    grow(held.comment);
    drawKinds(held);
  }
  held.root.dataset.subject = data.subject;
  held.root.dataset.decision = data.standing?.decision ?? "";
  held.place.textContent = data.place;
  for (const [act, button] of held.buttons) {
    const step = { back: data.back, forth: data.forth, undo: data.undo, skip: data.forth }[act];
    button.disabled = step === undefined ? !data.writable : !step;
    if (step === undefined) button.setAttribute("aria-pressed", String(data.standing?.decision === act));
  }
  if (!data.writable) held.buttons.get("undo").disabled = true;
  held.comment.disabled = !data.writable;
  drawSummary(held);
  if (!held.told) say(held);
}

function say(held) {
  const { data, draft } = held;
  const label = (decision) => DECISIONS.find(([key]) => key === decision)?.[2].toLowerCase();
  if (!data.writable) held.state.textContent = data.why ?? "Nothing can be decided here.";
  else if (draft.pending) held.state.textContent = `“${label(draft.pending)}” has not been kept yet. Press its key again to keep it.`;
  else if (data.standing) held.state.textContent = `You decided: ${label(data.standing.decision)}, ${data.standing.when}. Another decision replaces it; the log keeps both.`;
  else held.state.textContent = "Not decided by you yet.";
}

function drawKinds(held) {
  held.chips.clear();
  const groups = held.data.groups.map((group) => {
    const chips = held.data.kinds.filter((each) => each.group === group).map((each) => {
      const chip = el("button", { type: "button", class: "kind", onclick: () => toggle(held, each.key) }, each.label);
      held.chips.set(each.key, chip);
      return chip;
    });
    return el("div", { class: "kind-group", role: "group", "aria-label": group }, el("span", { class: "group-name" }, group), ...chips);
  });
  held.kinds.replaceChildren(...groups);
  held.details.open = held.draft.kinds.length > 0;
}

function toggle(held, key) {
  if (!held.data.writable) return;
  const { kinds } = held.draft;
  held.draft.kinds = kinds.includes(key) ? kinds.filter((each) => each !== key) : [...kinds, key];
  keep(held);
  drawSummary(held);
}

function drawSummary(held) {
  for (const [key, chip] of held.chips) {
    chip.setAttribute("aria-pressed", String(held.draft.kinds.includes(key)));
    chip.disabled = !held.data.writable;
  }
  const names = held.data.kinds.filter((each) => held.draft.kinds.includes(each.key)).map((each) => each.label);
  held.summary.textContent = `Kind of failure (T): ${names.join("; ") || "none named"}`;
}

function grow(area) {
  area.style.height = "auto";
  area.style.height = `${Math.min(area.scrollHeight + 2, 140)}px`;
}

function tick(held) {
  if (!held.draft || held.told || document.visibilityState !== "visible" || !held.root.isConnected) return;
  if (Date.now() - held.active > LONGEST_PAUSE_S * 1000) return;
  held.draft.seconds += 1;
  if (held.draft.seconds % 5 === 0 && stored(slot(held.data))) keep(held);
}

function step(held, act) {
  const { data, draft } = held;
  if (held.told || held.buttons.get(act).disabled) return;
  const nonce = crypto.getRandomValues(new Uint32Array(2)).join("-");
  const told = { subject: data.subject, nonce, act };
  if (DECISIONS.some(([key]) => key === act)) {
    Object.assign(draft, { pending: act, nonce });
    keep(held);
    Object.assign(told, { act: "decide", decision: act, kinds: draft.kinds, comment: draft.comment, seconds: draft.seconds });
    held.state.textContent = "Keeping …";
  } else if (draft.comment || draft.kinds.length) keep(held);
  held.told = told;
  held.tries = 0;
  tell(held);
}

// An act can be lost on the way, with the connection or with a rerun that another one overtakes. The server knows
// each act by its nonce, so telling it again does nothing twice.
function tell(held) {
  held.send(held.told);
  held.tries += 1;
  held.slow = setTimeout(() => {
    held.state.textContent = "No answer from the server yet. What you typed is kept in this browser.";
    if (held.tries < MOST_TRIES) tell(held);
    else answered(held);
  }, SLOW_MS);
}

function answered(held) {
  clearTimeout(held.slow);
  held.told = null;
}

function listen(held, event) {
  if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || !held.root.isConnected || !held.data) return;
  const [target] = event.composedPath();
  if (target instanceof Element && (target.closest("dialog[open], [role=dialog], [role=combobox], [role=listbox], [role=slider]")
    || target.matches("textarea, select, [contenteditable=true], input:not([type=checkbox], [type=button])"))) return;
  const inKinds = target instanceof Element && target.closest(".kinds");
  const act = action(held, event, inKinds);
  if (!act) return;
  act();
  event.preventDefault();
  event.stopPropagation();
}

function action(held, { key, shiftKey, repeat }, inKinds) {
  if (inKinds) {
    const chips = [...held.chips.values()];
    const at = chips.indexOf(inKinds.getRootNode().activeElement);
    const move = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[key];
    if (move) return () => chips[(at + move + chips.length) % chips.length].focus();
    if (key === "Escape") return () => chips[at]?.blur();
  }
  if (repeat || (shiftKey && key.startsWith("Arrow"))) return null;
  const letter = { ArrowLeft: "←", ArrowRight: "→" }[key] ?? key.toUpperCase();
  const known = [...DECISIONS, ...STEPS].find(([, each]) => each === letter);
  if (known) return () => step(held, known[0]);
  if (letter === "M") return () => held.comment.focus();
  if (letter === "T") return () => {
    held.details.open = true;
    held.chips.values().next().value?.focus();
  };
  return null;
}
