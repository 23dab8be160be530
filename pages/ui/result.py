"""The Case page below its title: one result, or what to do where there is none."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.models import every_model
from core.pipeline import Outcome, Result, maker, results_of
from core.store import AnalysisSummary, Store
from core.types import Case
from pages.ui import (
    analysing,
    answer,
    bag_result,
    case_study,
    class_result,
    doubt,
    downloads,
    earlier,
    jobs,
    limits,
    numbers,
    outcomes,
    recent,
    selection,
    unit_page,
    units,
)
from pages.ui.folded import folded
from pages.ui.labels import CASE_SPECS
from pages.ui.menu import OPEN_CASE, STRESS
from pages.ui.units import Unit
from pages.ui.viewer import ViewState, case_view, forget_case

VIEW = class_result.VIEW


def show_selected(store: Store, writable: bool, running: str) -> None:
    """The selected result; without one, the next step towards it.

    running: id of the analysis that goes on, "" when none does.
    """
    chosen = selection.current()
    case = outcomes.load_case(chosen.case) if chosen.case else None
    if running and case is None:
        jobs.show_progress(running)
        return
    unit = units.selected(store) if case is None and not chosen.analysis else None
    if unit is not None:
        unit_page.show(store, unit)
        return
    if not chosen.case and not chosen.analysis:
        _nothing_selected("No case is selected. Upload one, or pick a synthetic sample.")
        return
    known = results_of(store, chosen.case) if case else ()
    key = chosen.analysis or next((each.key for each in known if each.arrays_kept), "")
    found = outcomes.load_result(key) if key else None
    if found is not None:
        selection.choose(case=found.case.id, analysis=key)
        _show(store, found, writable, running)
    elif case is None:
        _nothing_selected("The case that this address names is not kept here (any more). Open it again.")
    else:
        _not_analysed(store, case, known, writable, running)


def _show(store: Store, stored: Result, writable: bool, running: str) -> None:
    key, defaults = maker(stored).key, stored.limits
    in_force = limits.in_force(defaults)
    before = outcomes.deletions()
    result = outcomes.load_result(key, in_force)
    if result is None:
        _nothing_selected("The case was deleted meanwhile. Open it again.")
        return
    if running:
        jobs.show_progress(running)
    changed = sum(a != b for a, b in zip(defaults.rules, in_force.rules, strict=True))
    model_id = maker(result).config.model_id
    title = next((record.title for record in every_model() if record.id == model_id), model_id)
    unit = units.of_result(store, key)
    if isinstance(result, Outcome):
        _mask(result, title, changed, unit, before)
    else:
        page = bag_result if result.classification.bags else class_result
        page.show(store, result, title, changed, unit, before)
    _details(store, result, defaults, writable)


def _mask(outcome: Outcome, title: str, changed: int, unit: Unit | None, before: int) -> None:
    """Answer and view of a mask; what was packed is dropped when a case was deleted since `before`."""
    units.answer(answer.answer_sentence(outcome, title, changed), unit)
    map_of_doubt = doubt.wanted(outcome)
    asked = ViewState(slice=unit.slice) if unit is not None and unit.slice is not None else None
    if map_of_doubt is not None and asked is None:
        asked = doubt.VIEW
    try:
        case_view(
            outcome.case, outcome.analysis, outcome.verdict, key=VIEW, view_state=asked,
            score_labels={key: spec.label for key, spec in CASE_SPECS.items()},
            facts=numbers.overlap_facts(outcome), doubt=map_of_doubt,
        )  # fmt: skip
    finally:
        if outcomes.deletions() != before:
            forget_case(outcome.case.id)
    doubt.switch(outcome)
    st.caption(_how_to_read(outcome))
    with folded("Numbers", "numbers") as opened:
        if opened.open:
            numbers.case_numbers(outcome)


def _details(store: Store, result: Result, defaults, writable: bool) -> None:
    with folded("Limits of the checks", "limits") as opened:
        if opened.open:
            limits.limit_form(defaults, result)
    if isinstance(result, Outcome):
        with folded("Case study", "study") as opened:
            if opened.open:
                case_study.show(store, result)
    with folded("Other model or estimator, earlier results", "others") as opened:
        if opened.open:
            earlier.others(store, result, writable)
    take, copy, worse, remove = st.columns(4)
    with take:
        downloads.downloads(result, VIEW)
    with copy:
        downloads.link()
    with worse:
        st.page_link(
            STRESS, label="Stress this case", query_params={"case": result.case.id}, width="stretch",
            help="What a worse scan would have done.",
        )  # fmt: skip
    with remove:
        recent.delete_button(store, result.case.id, result.case.name, "Delete case", disabled=not writable)
    answer.footer(result)


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
        selection.choose(case="", analysis="", job="", unit="")
        st.switch_page(OPEN_CASE)


def _how_to_read(outcome: Outcome) -> str:
    words = (
        "How to read this: the outline is where the network sees lesion, the colour map where it is unsure; "
        "a reason shows its place when clicked. It cannot show a lesion that every network misses."
    )
    return f"{words} This case is synthetic." if outcome.case.format == "synthetic" else words
