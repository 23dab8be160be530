"""The Stress lab below its title: one case, one corruption, everything that follows from its severity."""

from __future__ import annotations

import streamlit as st

from core.pipeline import ClassOutcome
from core.pipeline.stress import Stressed
from core.store import Store
from core.types import Case
from pages.ui import (
    downloads,
    lab_choices,
    lab_compare,
    lab_curves,
    lab_place,
    lab_words,
    lab_work,
    numbers,
    outcomes,
    selection,
)
from pages.ui.class_result import CLASS_SPECS
from pages.ui.lab_choices import Choices
from pages.ui.labels import CASE_SPECS
from pages.ui.menu import CASE, OPEN_CASE
from pages.ui.viewer import case_view, class_view

VIEW = "lab_view"


def show(store: Store) -> None:
    """The whole page."""
    case_id = selection.current().case
    case = outcomes.load_case(case_id) if case_id else None
    if case is None:
        _nothing_selected(gone=bool(case_id))
        return
    answer_place = st.container(key="answer")
    choices = lab_choices.choose(store, case)
    if choices is None:
        return
    waiting = st.container()
    with waiting:
        now = lab_work.look(store, choices, choices.severity)
    shown, stale = lab_work.shown(store, choices, now)
    lab_work.fetch_ahead(store, choices)
    if shown is None:
        answer_place.markdown(
            f"Working out what {lab_words.named(choices, choices.severity)} would have done."
        )
        return
    severity, stressed = shown
    if stale:
        waiting.warning(lab_words.stale(choices, severity))
    answer_place.markdown(lab_words.answer(choices, severity, stressed, lab_work.readings(store, choices)))
    _view(case, stressed)
    st.caption(
        "How to read this: picture, outline, uncertainty, confidence and checks belong to the corrupted "
        "picture. It is a simulation: a worse scanner may fail in other ways."
    )
    _facts(stressed)
    lab_curves.show(store, choices, severity)
    lab_place.show(store, choices, severity, stressed)
    lab_compare.show(store, choices)
    _take_along(store, stressed, choices)
    lab_words.footer(choices, stressed)


def _view(case: Case, stressed: Stressed) -> None:
    result = stressed.result
    if isinstance(result, ClassOutcome):
        class_view(
            result.case, result.classification, result.verdict, key=VIEW,
            score_labels={key: spec.label for key, spec in CLASS_SPECS.items()},
        )  # fmt: skip
        return
    case_view(
        result.case, result.analysis, result.verdict, key=VIEW,
        score_labels={key: spec.label for key, spec in CASE_SPECS.items()},
        facts=numbers.overlap_facts(result),
    )  # fmt: skip


def _facts(stressed: Stressed) -> None:
    for line in lab_words.applied(stressed):
        st.caption(line)


def _take_along(store: Store, stressed: Stressed, choices: Choices) -> None:
    take, copy, back = st.columns(3)
    with take:
        downloads.downloads(stressed.result, VIEW)
    with copy:
        downloads.link()
    with back:
        st.page_link(
            CASE, label="The case as it is", query_params={"case": choices.whole.id}, width="stretch"
        )
    lab_curves.downloads(store, choices)


def _nothing_selected(*, gone: bool) -> None:
    st.markdown(
        "The case that this address names is not kept here (any more). Open it again."
        if gone
        else "No case is selected. **Open one, or a synthetic sample**, and see at which severity of which "
        "corruption the model breaks, and whether it says so in time."
    )
    if st.button("Open a case", type="primary", key="to_open_case"):
        st.switch_page(OPEN_CASE)
