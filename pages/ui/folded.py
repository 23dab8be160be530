"""Parts of a page that are only computed and sent once somebody opens them."""

from __future__ import annotations

import streamlit as st


def folded(
    title: str, key: str, *, frame: bool = True, in_address: bool = False
) -> st.delta_generator.DeltaGenerator:
    """An expander; draw what is in it where its `open` says so. Opening it runs the page again.

    frame: whether a line goes around it. in_address: whether the address says that it is open.

    Every rerun and every session pays for what is drawn, also where nobody sees it: the limits of the checks
    alone are 44 widgets.
    """
    return st.expander(
        title, key=key, on_change="rerun", type="default" if frame else "compact",
        bind="query-params" if in_address else None,
    )  # fmt: skip
