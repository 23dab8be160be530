"""Cases that are kept already: open one again, or delete it with everything derived from it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.store import CaseSummary, Store
from core.view.words import count
from pages.ui import access, outcomes, selection, uploads
from pages.ui.frame import boundary
from pages.ui.text import safe_text
from pages.ui.viewer import forget_case

SHOWN, UNFOLDED = 6, 50
"""Newest cases at once, and of the others when they are unfolded."""


def recent_cases(store: Store, writable: bool) -> bool:
    """The newest cases, the rest folded; True when one of them has just been selected."""
    cases = store.case_summaries()
    if not cases:
        st.caption("No case is kept yet.")
        return False
    st.caption(
        "Kept on the machine that runs this page until deleted; everyone who can open the page sees them."
    )
    opened = [_row(store, case, writable) for case in cases[:SHOWN]]
    if len(cases) > SHOWN:
        opened += _older(store, cases[SHOWN:], writable)
    return any(opened)


def _older(store: Store, cases: Sequence[CaseSummary], writable: bool) -> list[bool]:
    """Drawn when unfolded: a store may keep thousands, and every visitor's page would wait for them."""
    with st.expander(count(len(cases), "older case"), key="older", on_change="rerun") as older:
        if not older.open:
            return []
        place = st.container()
        pages = -(-len(cases) // UNFOLDED)
        page = st.pagination(pages, key="older_page") if pages > 1 else 1
        with place:
            return [_row(store, case, writable) for case in cases[(page - 1) * UNFOLDED : page * UNFOLDED]]


def delete_button(
    store: Store, case_id: str, name: str, label: str, disabled: bool, width: str = "stretch"
) -> None:
    """A button that asks once more before a case goes."""
    refused = disabled or not access.may("admin")
    with st.popover(label, disabled=refused, key=f"ask_{case_id[:16]}", width=width):
        st.markdown(f"Delete **{safe_text(name)}** with every result derived from it? This cannot be undone.")
        st.button(
            "Delete for good", type="primary", key=f"delete_{case_id[:16]}", on_click=_delete,
            args=(store, case_id, name),
        )  # fmt: skip


def case_words(case: CaseSummary) -> str:
    """Size, what is known, and when it was opened, in one line."""
    _, slices, rows, columns = case.shape
    parts = [count(slices, "slice"), f"{rows} × {columns}", case.format, count(case.analyses, "result")]
    if case.has_reference:
        parts.append("with reference")
    return f"{', '.join(parts)}; opened {case.created_utc[:16].replace('T', ' ')} UTC"


def _row(store: Store, case: CaseSummary, writable: bool) -> bool:
    row = st.container(horizontal=True, vertical_alignment="center")
    row.markdown(f"**{safe_text(case.name)}**  \n:gray[{safe_text(case_words(case))}]", width="stretch")
    opened = row.button(
        "Open", key=f"open_{case.id[:16]}", on_click=selection.choose,
        kwargs={"case": case.id, "analysis": "", "job": "", "unit": ""},
    )  # fmt: skip
    with row:
        delete_button(store, case.id, case.name, "Delete", disabled=not writable, width="content")
    return opened


def _delete(store: Store, case_id: str, name: str) -> None:
    with boundary():
        access.require("admin")
        store.delete_case(case_id)
        outcomes.forget()
        forget_case(case_id)
        uploads.forget_source(case_id)
        if selection.current().case == case_id:
            selection.choose(case="", analysis="", job="", unit="")
        st.toast(f"Deleted {safe_text(name)} and everything derived from it.")
