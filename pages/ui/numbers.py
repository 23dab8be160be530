"""Tables of the numbers behind a verdict; labels, units and help texts come from each number's own table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import streamlit as st

from core.detector import (
    FAMILIARITY,
    QUALITY_SPECS,
    SLICE_MEASURES,
    STUDY_MEASURES,
    VOLUME_MEASURES,
    measure_study,
)
from core.metrics import summarise
from core.pipeline import Outcome
from core.types import Measure, Overlap, OverlapReport, Score, SliceSummary
from core.uncertainty import SCORES, ScoreSpec
from core.view.words import NOT_AVAILABLE, number, percent
from pages.ui.labels import CASE_SPECS
from pages.ui.text import safe_text

STATES = {
    "both present": "both masks hold something",
    "both empty": "both masks are empty: counts as 1",
    "reference empty": "only the reference is empty: counts as 0",
    "prediction empty": "only the prediction is empty: counts as 0",
}
COUNTED = {"pixels", "blobs", "slices", "stacks", "pieces"}
"""Units of whole numbers."""
OVERLAPS = (
    ("dice", "Dice", "Twice the common area divided by the sum of both areas."),
    ("jaccard", "Jaccard", "The common area divided by the area that either covers."),
    (
        "boundary_f1_2px",
        "Boundary F1 at 2 px",
        "How much of each outline lies within 2 pixels of the other.",
    ),
)


def case_numbers(outcome: Outcome) -> None:
    """Scores, shape and overlap of the whole case, then of each slice."""
    st.markdown("**Confidence of the case** (higher is safer)")
    score_table(outcome.analysis.scores, CASE_SPECS)
    st.markdown("**Shape of the prediction**")
    shapes = {spec.key: spec for spec in STUDY_MEASURES}
    _table([_row(each, shapes[each.key]) for each in measure_study(outcome.analysis.slices)])
    if outcome.overlap is None:
        st.caption("No reference mask, so there is no overlap to report.")
    else:
        st.markdown("**Overlap with the reference**")
        _overlap(outcome.overlap)
    if len(outcome.analysis.slices) > 1 or outcome.overlap is None:
        st.markdown("**Each slice**")
    _slices(outcome)


def score_table(scores: Iterable[Score], specs: Mapping[str, ScoreSpec]) -> None:
    """One row for each score that has a spec: label, value or why there is none, and what it says."""
    _table([_row(score, specs[score.key]) for score in scores if score.key in specs])


def overlap_facts(outcome: Outcome) -> tuple[tuple[str, str], ...]:
    """(name, value) of the agreement with the reference; nothing when there is none."""
    if outcome.overlap is None:
        return ()
    whole = outcome.overlap.whole
    facts = [(label, number(getattr(whole, key))) for key, label, _ in OVERLAPS]
    if whole.state != "both present":
        facts.append(("Compared with the reference", STATES[whole.state]))
    return tuple(facts)


def _overlap(report: OverlapReport) -> None:
    _table([_overlap_row(report.whole, *each) for each in OVERLAPS])
    st.caption(f"Whole case: {STATES[report.whole.state]}.")
    if len(report.slices) < 2:
        return
    means = summarise(report.slices)
    st.caption(
        f"Mean Dice over {means.n} slices: {number(means.mean_dice)}; over the {means.n_present} slices "
        f"whose reference holds a lesion: {number(means.mean_dice_present)}; something predicted on "
        f"{percent(means.false_alarm_rate)} of the slices with an empty reference. "
        f"Both masks are empty on {means.n_empty_agree} slices."
    )


def _slices(outcome: Outcome) -> None:
    slices = outcome.analysis.slices
    rows: dict[str, Sequence[object]] = {"Slice": [each.index + 1 for each in slices]}
    config = {"Slice": st.column_config.NumberColumn(pinned=True)}
    for spec in (*SCORES, FAMILIARITY, *QUALITY_SPECS, *SLICE_MEASURES, *VOLUME_MEASURES):
        rows[spec.label] = [_value(each, spec.key) for each in slices]
        unit = f" In {spec.unit}." if spec.unit else ""
        config[spec.label] = st.column_config.NumberColumn(format="%.3g", help=spec.help + unit)
    if outcome.overlap is not None:
        for key, label, text in OVERLAPS:
            rows[label] = [getattr(each, key) for each in outcome.overlap.slices]
            config[label] = st.column_config.NumberColumn(format="%.3g", help=text)
        rows["Masks"] = [each.state for each in outcome.overlap.slices]
    rows["Why not available"] = [_reasons(each) for each in slices]
    st.dataframe(
        rows, hide_index=True, column_config=config, placeholder=NOT_AVAILABLE, key="slice_numbers",
        height=min(360, 36 * (len(slices) + 1) + 3), alt="Scores and shape measures of each slice",
    )  # fmt: skip


def _row(item: Score | Measure, spec: object) -> tuple[str, str, str]:
    counted = spec.unit in COUNTED and item.value is not None
    shown = f"{item.value:.0f} {spec.unit}" if counted else number(item.value, spec.unit)
    why = f" {NOT_AVAILABLE}: {item.note}." if item.value is None and item.note else ""
    return spec.label, shown, spec.help + why


def _overlap_row(overlap: Overlap, key: str, label: str, text: str) -> tuple[str, str, str]:
    return label, number(getattr(overlap, key)), text


def _table(rows: Iterable[tuple[str, str, str]]) -> None:
    columns = zip(*rows, strict=True)
    names = ("Number", "Value", "What it says")
    st.table(
        {
            name: [safe_text(each, 400) for each in column]
            for name, column in zip(names, columns, strict=True)
        },
        border="horizontal",
        hide_index=True,
    )


def _value(summary: SliceSummary, key: str) -> float | None:
    return next((each.value for each in (*summary.scores, *summary.measures) if each.key == key), None)


def _reasons(summary: SliceSummary) -> str:
    notes = [each.note for each in (*summary.scores, *summary.measures) if each.value is None and each.note]
    return "; ".join(dict.fromkeys(notes))
