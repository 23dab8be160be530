// Remembers the reader for this tab alone: another tab may be another person.
const SLOT = "second-look-reader";

export default function (component) {
  const { data, setTriggerValue } = component;
  try {
    if (data.reader) sessionStorage.setItem(SLOT, JSON.stringify(data.reader));
    else if (data.forget) sessionStorage.removeItem(SLOT);
    else {
      const known = JSON.parse(sessionStorage.getItem(SLOT) ?? "null");
      if (known) setTriggerValue("known", known);
    }
  } catch {
    // A browser that keeps nothing asks again after a reload.
  }
}
