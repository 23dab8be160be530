// One button per case. Arrow keys walk, Enter opens. Text enters by textContent only.
export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const root = parentElement.querySelector(".rows");
  if (!root || !data) return;
  const at = [...root.querySelectorAll("button")].indexOf(root.getRootNode().activeElement);
  root.replaceChildren(...data.rows.map((each) => row(each, () => setTriggerValue("open", each.row))));
  if (at >= 0) root.querySelectorAll("button")[at]?.focus();
  root.onkeydown = (event) => walk(root, event);
}

function node(tag, name, text = "") {
  const made = document.createElement(tag);
  made.className = name;
  made.textContent = text;
  return made;
}

function row(each, open) {
  const button = node("button", "row");
  button.type = "button";
  button.addEventListener("click", open);
  const picture = node("span", "picture");
  if (each.picture) {
    const image = document.createElement("img");
    image.src = each.picture;
    image.alt = "";
    picture.append(image);
  }
  const words = node("span", "words");
  const head = node("span", "head");
  head.append(node("strong", "name", each.name), node("span", "quiet", each.group));
  const chips = node("span", "chips");
  for (const { letter, label, dark, light } of each.chips) {
    const chip = node("span", "chip");
    const sign = node("span", "letter", letter);
    sign.setAttribute("aria-hidden", "true");
    sign.style.background = `light-dark(${light[0]}, ${dark[0]})`;
    sign.style.color = `light-dark(${light[1]}, ${dark[1]})`;
    chip.append(sign, node("span", "", label));
    chips.append(chip);
  }
  words.append(head, chips);
  if (!each.chips.length && each.found) chips.append(node("span", "quiet", each.found));
  const numbers = node("span", "numbers");
  if (each.confidence) numbers.append(node("span", "confidence", each.confidence), node("span", "quiet", "confidence"));
  const state = node("span", each.decision ? "decided" : "quiet", each.decision || "open");
  button.append(picture, words, numbers, state);
  const item = document.createElement("li");
  item.append(button);
  return item;
}

function walk(root, event) {
  const buttons = [...root.querySelectorAll("button")];
  const at = buttons.indexOf(root.getRootNode().activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
  if (to === undefined || !buttons[to]) return;
  buttons[to].focus();
  event.preventDefault();
}
