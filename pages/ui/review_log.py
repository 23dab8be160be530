"""Says so when the review log is damaged; then nothing is decided until somebody has looked after it."""

from __future__ import annotations

import streamlit as st

from core.store import Store
from pages.ui.text import safe_text


def banner(store: Store) -> bool:
    """Whether the log is whole; where it is not, says where it breaks and what to do."""
    report = store.reviews.report()
    if not report.ok:
        st.error(
            f"**The review log is damaged: {safe_text('; '.join(report.problems), 300)}.** It can be read "
            f"up to entry {report.entries}, and nothing is added to it. Put an undamaged copy back in its "
            "place, or set it aside and begin a new one: `python -m core reviews set-aside --reader NAME`. "
            "`python -m core reviews verify` says the same.",
            icon=":material/link_off:",
        )
    return report.ok
