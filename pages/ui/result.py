"""The Case page below its title: one result, or what to do where there is none."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.detector import FAMILIARITY
from core.inference import estimator_spec
from core.models import list_models
from core.pipeline import Outcome
from core.store import AnalysisSummary, Store
from core.types import Case
from core.uncertainty import SCORES
from core.view.words import count
from pages.ui import analysing, answer, downloads, jobs, limits, numbers, outcomes, recent, selection
from pages.ui.menu import OPEN_CASE
from pages.ui.text import safe_text
from pages.ui.viewer import case_view, forget_case

VIEW = "case_view"


def show_selected(store: Store, writable: bool, running: str) -> None:
    """The selected result; without one, the next step towards it.

    running: id of the analysis that goes on, "" when none does.
    """
    chosen = selection.current()
    case = outcomes.load_case(chosen.case) if chosen.case else None
    if running and case is None:
        jobs.show_progress(running)
        return
    if not chosen.case and not chosen.analysis:
        _nothing_selected("No case is selected. Upload one, or pick a synthetic sample.")
        return
    known = store.analyses_of(chosen.case) if case else ()
    key = chosen.analysis or next((each.key for each in known if each.arrays_kept), "")
    outcome = outcomes.load_outcome(key) if key else None
    if outcome is not None:
        selection.choose(case=outcome.case.id, analysis=key)
        _show(store, outcome, writable, running)
    elif case is None:
        _nothing_selected("The case that this address names is not kept here (any more). Open it again.")
    else:
        _not_analysed(store, case, known, writable, running)


def _show(store: Store, stored: Outcome, writable: bool, running: str) -> None:
    model_id = stored.analysis.made_by.config.model_id
    defaults = stored.limits
    in_force = limits.in_force(defaults)
    before = outcomes.deletions()
    outcome = outcomes.load_outcome(stored.analysis.key, in_force)
    if outcome is None:
        _nothing_selected("The case was deleted meanwhile. Open it again.")
        return
    changed = sum(a != b for a, b in zip(defaults.rules, in_force.rules, strict=True))
    titles = {record.id: record.title for record in list_models()}
    if running:
        jobs.show_progress(running)
    with st.container(key="answer"):
        st.markdown(answer.answer_sentence(outcome, titles.get(model_id, model_id), changed))
    _view(outcome, before)
    st.caption(_how_to_read(outcome))
    _details(store, outcome, defaults, writable)


def _view(outcome: Outcome, before: int) -> None:
    """The case view; what it packed is dropped when a case was deleted since `before`."""
    try:
        case_view(
            outcome.case, outcome.analysis, outcome.verdict, key=VIEW,
            score_labels={spec.key: spec.label for spec in (*SCORES, FAMILIARITY)}, facts=numbers.overlap_facts(outcome),
        )  # fmt: skip
    finally:
        if outcomes.deletions() != before:
            forget_case(outcome.case.id)


def _details(store: Store, outcome: Outcome, defaults, writable: bool) -> None:
    with st.expander("Numbers", key="numbers"):
        numbers.case_numbers(outcome)
    with st.expander("Limits of the checks", key="limits"):
        limits.limit_form(defaults, outcome.limits)
    with st.expander("Other model or estimator, earlier results", key="others"):
        _others(store, outcome, writable)
    take, copy, remove = st.columns(3)
    with take:
        downloads.downloads(outcome, VIEW)
    with copy:
        downloads.link()
    with remove:
        recent.delete_button(store, outcome.case.id, outcome.case.name, "Delete case", disabled=not writable)
    answer.footer(outcome)


def _others(store: Store, outcome: Outcome, writable: bool) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Analyse again with other settings**")
        analysing.run_form(store, outcome.case, writable)
    with right:
        st.markdown("**Results of this case**")
        for summary in store.analyses_of(outcome.case.id):
            _result_row(summary, shown=summary.key == outcome.analysis.key)


def _result_row(summary: AnalysisSummary, shown: bool) -> None:
    config = summary.made_by.config
    words, button = st.columns([4, 1], vertical_alignment="center")
    label = estimator_spec(config.estimator.kind).label
    detail = f"{count(summary.made_by.samples, 'prediction')} per slice, seed {config.estimator.seed}"
    when = summary.created_utc[:16].replace("T", " ")
    lost = "; its maps were dropped to save room" if not summary.arrays_kept else ""
    words.markdown(f"{safe_text(config.model_id)}, {label.lower()}  \n:gray[{detail}; {when} UTC{lost}]")
    button.button(
        "Shown" if shown else "Show", key=f"show_{summary.key[:16]}", width="stretch",
        disabled=shown or not summary.arrays_kept, on_click=selection.choose,
        kwargs={"analysis": summary.key, "job": ""},
    )  # fmt: skip


def _not_analysed(
    store: Store, case: Case, known: Sequence[AnalysisSummary], writable: bool, running: str
) -> None:
    if known:
        st.info("The result was dropped to save room. The same settings give the same numbers again.")
    else:
        st.markdown("This case has not been analysed yet.")
    analysing.case_card(store, writable, running)


def _nothing_selected(sentence: str) -> None:
    st.markdown(sentence)
    if st.button("Open a case", type="primary", key="to_open_case"):
        selection.choose(case="", analysis="", job="")
        st.switch_page(OPEN_CASE)


def _how_to_read(outcome: Outcome) -> str:
    words = (
        "How to read this: the outline is where the network sees lesion, the colour map where it is unsure; "
        "a reason shows its place when clicked. It cannot show a lesion that every network misses."
    )
    return f"{words} This case is synthetic." if outcome.case.format == "synthetic" else words
