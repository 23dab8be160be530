// Streamlit's sign-in always returns to the first page; this tab remembers which one was asked for.
const SLOT = "second-look-wanted";

export default function ({ data }) {
  try {
    const here = location.pathname + location.search;
    if (data.asking) {
      sessionStorage.setItem(SLOT, here);
      return;
    }
    const wanted = sessionStorage.getItem(SLOT);
    sessionStorage.removeItem(SLOT);
    if (wanted && wanted !== here && /^\/(?![/\\])/.test(wanted)) location.replace(wanted);
  } catch {
    // A browser that keeps nothing stays on the first page.
  }
}
