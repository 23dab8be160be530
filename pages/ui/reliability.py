"""The Reliability page below its title: answer, choices, diagrams, recalibration, numbers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress

import streamlit as st

from core.errors import SettingsProblem
from core.metrics.reliability.histogram import BIN_CHOICES
from core.metrics.reliability.recalibration import RECALIBRATIONS
from core.metrics.reliability.records import RecalibrationEffect, ReliabilityPart, ReliabilityReport
from core.metrics.reliability.report import DEFAULT_BINS, PreparedReliability
from core.store import Store
from core.types import Estimate, Progress, RunRecord
from core.view.charts import CONFIG, BinMark, reliability_chart
from core.view.words import NOT_AVAILABLE, count, interval, number
from pages.ui import outcomes, ready, run_tables, tables
from pages.ui.run_tables import Loaded
from pages.ui.text import plain_text, safe_text

BINNINGS = {"width": "Equal width", "mass": "Equal counts"}
REGIONS = {
    "image": ("Whole image", "Every pixel. Background hides the lesion here."),
    "prediction": ("Predicted foreground", "Where the network says lesion. It cannot see misses."),
    "union": ("Prediction or reference", "Where either mask says lesion, slightly widened: misses count."),
    "boundary": ("Boundary band", "Around the predicted outline, where doubt belongs."),
    "top-label": ("Predicted class", "The probability of the predicted class, and how often it was right."),
    "confidence": ("Confidence", "The stated confidence, and the quality that came."),
}
"""Title and one line of help of each part that has a name of its own; a class is called by its name."""
WHERE = {
    "union": "Where the prediction or the reference says lesion, stated probabilities",
    "top-label": "Probabilities of the predicted class",
    "confidence": "Stated confidences",
}
"""How the answer begins."""
ALL_CLASSES = "All classes together"
BY_ROW = 4
NEGLIGIBLE_SHIFT = 0.005
SETTLED = 9
"""Decimals beyond which a sum of probabilities is rounding; a perfect answer reads 0, not 10⁻¹⁴."""


def show(store: Store) -> None:
    """The page for the selected run."""
    answer = st.container(key="answer")
    pick, count_once = st.columns([3, 1.4], gap="small", vertical_alignment="bottom")
    with pick:
        run = run_tables.pick_run(store)
    if run is None:
        return
    with count_once:
        level = run_tables.pick_level(run)
    number_of_bins, kind_of_bins = st.columns([3, 1.4], gap="small", vertical_alignment="bottom")
    with number_of_bins:
        bins = st.select_slider(
            "Bins", BIN_CHOICES, DEFAULT_BINS, key="bins", bind="query-params", persist_state="session",
            help="Into how many bins probabilities are sorted. More bins make the calibration error larger.",
        )  # fmt: skip
    with kind_of_bins:
        binning = st.segmented_control(
            "Bins of", list(BINNINGS), default="width", format_func=BINNINGS.get, key="binning",
            required=True, bind="query-params", persist_state="session",
            help="Equal width: 0 to 0.1, 0.1 to 0.2 and so on. Equal counts: as many outcomes in each.",
        )  # fmt: skip
    run_tables.notes(run)
    started = time.perf_counter()
    with store.trace() as trace:
        loaded = run_tables.load(run, level)
        prepared = _prepared(loaded, run)
        if prepared is None:
            return
        recalibration, class_name = _more(loaded, prepared)
        report = prepared.report(
            bins=bins, binning=binning, recalibration=recalibration, class_name=class_name
        )
    seconds = time.perf_counter() - started
    answer.markdown(_answer(report, loaded))
    if report.caution:
        st.warning(f"{safe_text(report.caution[:1].upper() + report.caution[1:], 300)}.")
    diagrams(report)
    st.caption(
        "How to read this: points on the diagonal are honest; below it the network claims too much, above "
        "it too little. Whiskers are 95 % intervals over patients; bars count what each bin holds. It cannot "
        "say whether cases are ranked well (see Risk and coverage), nor how other scanners would do."
    )
    _effects(report)
    _numbers(report, loaded)
    run_tables.footer(loaded, seconds, trace.sentence)


def _more(loaded: Loaded, prepared: PreparedReliability) -> tuple[str, str | None]:
    with st.expander("Conventions", key="conventions"):
        impossible = prepared.report().temperature.reason
        possible = ["none"] if impossible else list(RECALIBRATIONS)
        recalibration = st.selectbox(
            "Recalibration shown in the diagrams", possible, key="recalibration", bind="query-params",
            format_func=lambda key: RECALIBRATIONS[key].label, disabled=bool(impossible),
            persist_state="session",
            help=f"Not possible: {safe_text(impossible, 200)}."
            if impossible
            else "Fitted on one half of the patients, drawn on the other half.",
        )  # fmt: skip
        class_name = None
        names = loaded.table.class_names
        if prepared.kind == "regions" and len(names) > 1:
            picked = st.selectbox(
                "Class", [ALL_CLASSES, *names], key="class_shown", format_func=plain_text,
                help="All classes counted together, or one against the rest.",
            )  # fmt: skip
            class_name = None if picked == ALL_CLASSES else picked
        spec = RECALIBRATIONS[recalibration]
        st.caption(
            f"{safe_text(spec.label, 60)}: {safe_text(spec.objective, 200)}. "
            f"{'Keeps' if spec.keeps_argmax else 'May change'} the predicted class, "
            f"{'keeps' if spec.keeps_ranking else 'may change'} the order of the cases."
        )
    return recalibration, class_name


def _answer(report: ReliabilityReport, loaded: Loaded) -> str:
    part = _telling(report)
    gap = part.ece
    if gap.value is None:
        return f"Nothing can be said of **{_title(part)[0].lower()}**: nothing was counted there."
    direction = _direction(part)
    return (
        f"**{WHERE.get(part.name, 'Stated probabilities')} are off by {_points(gap.value)} points on "
        f"average** "
        f"[{_points(gap.low)}–{_points(gap.high)}], {direction} "
        f"(expected calibration error, {report.bins} bins of {BINNINGS[report.binning].lower()}; "
        f"{run_tables.headline(loaded)}; {safe_text(report.shown_on)})."
    )


def _telling(report: ReliabilityReport) -> ReliabilityPart:
    """What the answer speaks of: prediction or reference for a segmentation, else what comes first."""
    return report.part("union") if report.kind == "regions" else report.parts[0]


def _direction(part: ReliabilityPart) -> str:
    shift = part.shift or 0.0
    if abs(shift) < NEGLIGIBLE_SHIFT:
        return "neither too high nor too low overall"
    return f"**{'too high' if shift > 0 else 'too low'}** overall, by {number(100 * abs(shift))} points"


def diagrams(report: ReliabilityReport, by_row: int = BY_ROW) -> None:
    """The diagram of every part, so many beside each other."""
    for first in range(0, len(report.parts), by_row):
        some = report.parts[first : first + by_row]
        # As many columns as a full row has, so that a single diagram keeps its size.
        columns = st.columns(max(len(some), min(by_row, 3)), gap="small")
        for column, part in zip(columns, some, strict=False):
            with column:
                _diagram(part)


def _diagram(part: ReliabilityPart) -> None:
    title, text = _title(part)
    st.markdown(f"**{title}**", help=text or None)
    if part.ece.value is None:
        st.caption("Undefined: nothing was counted here.")
        return
    st.plotly_chart(
        reliability_chart(_marks(part)),
        key=f"diagram_{part.name}", config=CONFIG, theme="streamlit",
        alt=f"Reliability diagram, {part.name}: expected calibration error {number(part.ece.value)}",
    )  # fmt: skip
    words = _estimate(part.ece)
    st.caption(f"Calibration error {words}, n = {part.outcomes:,.0f}{_undefined(part)}")


def _undefined(part: ReliabilityPart) -> str:
    if not part.undefined_units:
        return ""
    return f"; undefined in {part.undefined_units} of {part.units + part.undefined_units} units"


def _marks(part: ReliabilityPart) -> list[BinMark]:
    return [
        BinMark(each.confidence, each.frequency, each.low, each.high, each.lower, each.upper, each.count)
        for each in part.bins
    ]


def _effects(report: ReliabilityReport) -> None:
    effect = report.temperature
    st.header("What a temperature would do")
    if effect.reason:
        st.caption(f"Not available: {safe_text(effect.reason, 200)}.")
        return
    st.markdown(
        f"**T = {number(effect.value)}**, fitted on {count(effect.groups_fit, 'patient')} "
        f"({count(effect.units_fit, 'unit')}) and shown on the other "
        f"{count(effect.groups_report, 'patient')} ({count(effect.units_report, 'unit')}). "
        f"{_temperature_words(effect)}"
    )
    tables.show(
        ("Where", "ECE before", "ECE after", "Brier before", "Brier after", "NLL before", "NLL after"),
        [
            (
                _title(old)[0], _estimate(old.ece), _estimate(new.ece), _estimate(old.brier),
                _estimate(new.brier), _estimate(old.nll), _estimate(new.nll),
            )
            for old, new in zip(effect.before, effect.after, strict=True)
        ],
    )  # fmt: skip
    st.caption(
        "A calibration error can fall just because every answer moved towards the base rate; Brier and NLL "
        "(natural logarithm) beside it would show that. A temperature changes no predicted class."
    )


def _temperature_words(effect: RecalibrationEffect) -> str:
    if effect.value is None:
        return ""
    if effect.note:
        return f"{safe_text(effect.note[:1].upper() + effect.note[1:], 200)}."
    if effect.value > 1.0:
        return (
            "Above 1: the network was too sure of itself, and its probabilities are drawn towards one half."
        )
    return "Below 1: the network was too timid, and its probabilities are drawn apart."


def _numbers(report: ReliabilityReport, loaded: Loaded) -> None:
    with st.expander("Numbers", key="numbers"):
        tables.show(
            ("Where", "ECE", "MCE", "in a bin of", "Brier", "NLL", "Counted", "Units without"),
            [
                (
                    _title(part)[0], _estimate(part.ece), _estimate(part.mce),
                    NOT_AVAILABLE if part.mce_count is None else f"{part.mce_count:,.0f}",
                    _estimate(part.brier), _estimate(part.nll), f"{part.outcomes:,.0f}",
                    f"{part.undefined_units} of {part.units + part.undefined_units}",
                )
                for part in report.parts
            ],
        )  # fmt: skip
        for line in report.conventions:
            st.caption(safe_text(line, 300))
        for part in report.parts[:1]:
            st.caption(f"Brier score: {safe_text(part.brier_form)}. Event: {safe_text(part.event, 200)}.")
        left_out = report.without_reference
        if left_out:
            st.caption(f"{count(left_out, 'unit')} without a reference left out.")
        tables.downloads(
            f"reliability-{loaded.run.id[:8]}", report.model_dump(mode="json"), _bin_rows(report)
        )


def _bin_rows(report: ReliabilityReport) -> list[dict[str, object]]:
    return [{"where": part.name, **each.model_dump()} for part in report.parts for each in part.bins]


def _title(part: ReliabilityPart) -> Sequence[str]:
    return REGIONS.get(part.name, (safe_text(part.name, 40), ""))


def _estimate(value: Estimate) -> str:
    ends = (None if each is None else round(each, SETTLED) for each in (value.value, value.low, value.high))
    return interval(*ends)


def _points(value: float | None) -> str:
    return NOT_AVAILABLE if value is None else number(round(100.0 * value, SETTLED))


def _prepared(loaded: Loaded, run: RunRecord) -> PreparedReliability | None:
    """Sums over patients and their draws, and every recalibration fitted: each control answers at once."""
    table = loaded.table

    def work(progress: Progress) -> PreparedReliability:
        progress(0.0, "Drawing patients for the intervals")
        made = PreparedReliability(table, seed=0)
        for place, (key, spec) in enumerate(RECALIBRATIONS.items(), 1):
            progress(0.5 + 0.5 * place / (len(RECALIBRATIONS) + 1), spec.label)
            # What cannot be fitted is not offered, or says so when it is chosen.
            with suppress(SettingsProblem):
                made.report(recalibration=key)
        return made

    key = (run.id, table.level, run.done, run.failed, outcomes.deletions())
    return ready.ready("reliability", "Counting the probabilities", key, work)
