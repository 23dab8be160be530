"""What a sweep says: the worst corruption first, heat map, ranking, curves, every number."""

from __future__ import annotations

import json
from collections.abc import Sequence

import streamlit as st

from core.corruptions import corruption_spec
from core.metrics.robustness.report import SweepReport, SweepRow, SweptTable
from core.metrics.robustness.statistics import StatisticSpec, statistic_specs
from core.pipeline.sweeps import Sweep
from core.report import named
from core.report.sweeps import sweep_files, sweep_record
from core.types import CohortRecord, Estimate
from core.view.charts import CONFIG
from core.view.sweep_charts import Banded, band_chart, heat_map
from core.view.words import NOT_AVAILABLE, count, interval, number, percent
from pages.ui import tables
from pages.ui.save import save_button
from pages.ui.text import safe_text


def show(
    sweep: Sweep,
    cohort: CohortRecord,
    report: SweepReport,
    swept: tuple[SweptTable, ...],
    answer_place: st.delta_generator.DeltaGenerator,
) -> None:
    """Everything about one sweep at one level."""
    answer_place.markdown(_answer(report, cohort))
    specs = statistic_specs(report.task)
    there = [spec for spec in specs if any(row.statistic == spec.key for row in report.rows)]
    spec = _pick(there, report.quality)
    _map(report, spec)
    left, right = st.columns([2, 3], gap="large")
    with left:
        _ranking(report)
    with right:
        _curves(report, spec)
    _table(report, there)
    _take_along(sweep, report, swept)
    st.caption(
        f"Made by {safe_text(sweep.config.model_id)}, {sweep.config.estimator.kind}, suite {sweep.suite}, "
        f"seed {sweep.seed}, over {safe_text(cohort.name, 60)}: {report.units} units ({report.level}) of "
        f"{count(report.patients, 'patient')}"
        + (f", {report.left_out} left out: some severity lacks them" if report.left_out else "")
        + f". Intervals: {100 * report.interval:.0f} %, {report.replicates} draws of whole patients. "
        "Flags by the limits and the operating point in force now."
    )


def label(key: str) -> str:
    """How a corruption is called on screen."""
    return corruption_spec(key).label if key else "Clean pictures"


def _answer(report: SweepReport, cohort: CohortRecord) -> str:
    if not report.worst:
        return f"Only the clean pictures of **{safe_text(cohort.name, 60)}** are there so far."
    worst = report.worst[0].key
    last = max(row.severity for row in report.rows if row.key == worst)
    spec = next(each for each in statistic_specs(report.task) if each.key == report.quality)
    row, clean = report.row(worst, last, report.quality), report.row("", 0.0, report.quality)
    flagged = report.row(worst, last, "flagged")
    assert row is not None and clean is not None
    caught = (
        ""
        if flagged is None or flagged.value.value is None
        else f"; {percent(flagged.value.value)} of the failures there were flagged"
    )
    return (
        f"**{label(worst)} hurts most**: at severity {last:g} the mean {spec.label} falls from "
        f"{number(clean.value.value)} to **{number(row.value.value)}** (change {_words(row.delta)}, n = "
        f"{count(report.patients, 'patient')}){caught}. Over all corruptions the loss is "
        f"{_words(report.overall.loss)}."
    )


def _pick(specs: Sequence[StatisticSpec], quality: str) -> StatisticSpec:
    labels = {spec.key: spec.label for spec in specs}
    key = st.selectbox(
        "Number", list(labels), index=list(labels).index(quality), format_func=labels.get,
        key="sweep_statistic", help="What the heat map and the curves show.",
    )  # fmt: skip
    spec = next(each for each in specs if each.key == key)
    st.caption(f"{spec.help} {'Higher' if spec.direction == 'higher' else 'Lower'} is better.")
    return spec


def _map(report: SweepReport, spec: StatisticSpec) -> None:
    st.header("How much is lost, and where")
    severities = [each for each in report.severities if each > 0.0]
    sign = -1.0 if spec.direction == "higher" else 1.0
    keys = [each.key for each in report.worst]
    rows = [[report.row(key, severity, spec.key) for severity in severities] for key in keys]
    losses = [[_loss(row, sign) for row in line] for line in rows]
    words = [[NOT_AVAILABLE if row is None else number(row.value.value) for row in line] for line in rows]
    clean = report.row("", 0.0, spec.key)
    st.plotly_chart(
        heat_map([label(key) for key in keys], severities, losses, words=words, title="worse by"),
        key="sweep_map", config=CONFIG, theme="streamlit",
        alt=f"Heat map of {spec.label} by corruption and severity; the table below has every number",
    )  # fmt: skip
    at_first = NOT_AVAILABLE if clean is None else _words(clean.value)
    st.caption(
        f"How to read this: each cell holds the {spec.label} at that severity, its colour how much worse it "
        f"is than on the clean pictures ({at_first}). The worst corruption stands on top. Severities of "
        "different corruptions are not comparable."
    )


def _ranking(report: SweepReport) -> None:
    st.header("Worst first")
    tables.show(
        ("Corruption", "Severity-weighted loss"),
        [
            *((label(each.key), _words(each.loss)) for each in report.worst),
            ("All", _words(report.overall.loss)),
        ],
    )
    st.caption(safe_text(report.definition, 400))


def _curves(report: SweepReport, spec: StatisticSpec) -> None:
    st.header("Along the severities")
    keys = [each.key for each in report.worst]
    chosen = st.multiselect(
        "Corruptions in the chart", keys, default=keys[:3], format_func=label, key="sweep_curves",
        max_selections=6, help="At most six at a time.",
    )  # fmt: skip
    st.plotly_chart(
        band_chart([_banded(report, key, spec.key) for key in chosen], y_title=spec.label),
        key="sweep_chart", config=CONFIG, theme="streamlit",
        alt=f"{spec.label} against severity with intervals over patients",
    )  # fmt: skip
    st.caption("Whiskers are 95 % intervals over patients of each value; changes have narrower ones.")


def _banded(report: SweepReport, key: str, statistic: str) -> Banded:
    rows = [row for row in report.rows if row.statistic == statistic and row.key in {"", key}]
    rows.sort(key=lambda row: row.severity)
    return Banded(
        label(key),
        tuple(row.severity for row in rows),
        tuple(row.value.value for row in rows),
        tuple(row.value.low for row in rows),
        tuple(row.value.high for row in rows),
    )


def _table(report: SweepReport, specs: Sequence[StatisticSpec]) -> None:
    with st.expander("Every number", key="sweep_numbers"):
        kinds = {spec.key: spec.label for spec in specs}
        st.dataframe(
            {
                "Corruption": [label(row.key) for row in report.rows],
                "Severity": [row.severity for row in report.rows],
                "Number": [kinds[row.statistic] for row in report.rows],
                "Value": [_words(row.value) for row in report.rows],
                "SD": [row.sd for row in report.rows],
                "Change": [_words(row.delta) if row.key else NOT_AVAILABLE for row in report.rows],
                "n": [row.n for row in report.rows],
                "Undefined": [row.undefined for row in report.rows],
            },
            hide_index=True, key="sweep_rows", height=420, placeholder=NOT_AVAILABLE,
            column_config={"SD": st.column_config.NumberColumn(format="%.3g")},
            alt="Every statistic of the sweep at every severity",
        )  # fmt: skip
        st.caption(
            "SD is that of the units (n - 1). A change is paired: the same patients are drawn for both."
        )


def _take_along(sweep: Sweep, report: SweepReport, swept: tuple[SweptTable, ...]) -> None:
    with st.popover("Downloads", key="sweep_downloads", on_change="rerun") as menu:
        if not menu.open:
            return
        for file in sweep_files(sweep, report, swept):
            suffix = file.name.rpartition(".")[2]
            label = f"Every number ({suffix.upper() if suffix == 'csv' else 'Parquet'})"
            save_button(label, file, key=f"take_sweep_{suffix}")
        text = json.dumps(sweep_record(sweep, report, 0), indent=1, allow_nan=False, ensure_ascii=False)
        file = named(f"second-look-sweep-{sweep.config.model_id}", ".json", text.encode())
        save_button("Everything (JSON)", file, key="take_sweep_json")


def _loss(row: SweepRow | None, sign: float) -> float | None:
    return None if row is None or row.delta.value is None else sign * row.delta.value


def _words(estimate: Estimate) -> str:
    return interval(estimate.value, estimate.low, estimate.high)
