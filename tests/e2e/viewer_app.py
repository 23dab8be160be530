"""A small app around the case view with synthetic cases, for the browser tests and for trying it by hand.

Run: streamlit run tests/e2e/viewer_app.py -- then choose by address, e.g. ?case=volume.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import streamlit as st

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.types import Analysis, Case, FixedPoint
from core.view.volume import LIMIT_BYTES, Volume, build_volume
from pages.ui.viewer import ViewState, case_view, component
from tests.core.view.cases import CASES

st.set_page_config(page_title="Viewer", layout="wide")
name = st.query_params.get("case", "volume")
case, analysis, verdict = CASES[name]()


def build_small(
    case: Case, analysis: Analysis, *, around: int | None = None, doubt: FixedPoint | None = None
) -> Volume:
    limit = 60_000 if case.id.startswith("4") else LIMIT_BYTES
    return build_volume(case, analysis, around=around, limit_bytes=limit, doubt=doubt)


component.build_volume = build_small


def first() -> None:
    st.title("May I trust this one?")
    wanted = ViewState(slice=3) if st.button("Slice 4", key="ask") else None
    facts = (("Place in the cohort", "31st of 40 cases"),)
    view = case_view(case, analysis, verdict, key="viewer", view_state=wanted, facts=facts)
    st.text(f"python knows slice {view.slice}")


def second() -> None:
    st.title("Another page")
    st.text(f"mean {np.mean(case.image.values):.3g}")


pages = [st.Page(first, title="Case", default=True), st.Page(second, title="Other", url_path="other")]
st.navigation(pages).run()
