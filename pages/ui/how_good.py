"""How good a set of predictions is: every metric with its interval over patients."""

from __future__ import annotations

import streamlit as st

from core.metrics.agreement.segmentation import METRICS
from core.metrics.classes.classification import CLASS_METRICS
from core.metrics.evaluation import evaluate
from core.metrics.evaluation_records import EvaluationReport, MetricRow
from core.types import Estimate, RunRecord
from core.view.words import NOT_AVAILABLE, count, interval, number, percent
from pages.ui import outcomes, resources, run_tables, tables
from pages.ui.run_tables import Loaded
from pages.ui.text import safe_text

KEPT = 8
SPECS = {spec.key: spec for spec in (*METRICS, *CLASS_METRICS)}


def show(run: RunRecord) -> None:
    """The evaluation of a run, in tables."""
    loaded = run_tables.load(run, run.levels[0])
    report = _report(loaded, run.id, run.done, run.failed, outcomes.deletions())
    st.markdown(_answer(report))
    rows = [each for each in report.rows if each.level == report.level]
    with_means = any(each.present is not None for each in rows)
    names = ("Metric", "Mean [95 %]", "SD", "Non-empty reference", "n", "Undefined")
    plain = ("Metric", "Value [95 %]", "n", "Undefined")
    tables.show(names if with_means else plain, [_row(each, with_means) for each in rows])
    st.caption(
        f"Both masks empty count as 1, one empty as 0; distances to nothing are undefined and counted. SD: "
        f"{report.sd_of}. Intervals: {report.replicates} draws of {count(report.patients, 'patient')}."
        if with_means
        else f"Intervals: {report.replicates} draws of {count(report.patients, 'patient')}."
    )
    for confusion in report.confusion:
        tables.show(
            ("Reference", *(f"said {safe_text(name, 30)}" for name in confusion.class_names)),
            [
                (name, *(str(each) for each in counts))
                for name, counts in zip(confusion.class_names, confusion.counts, strict=True)
            ],
        )
    lines = [
        {"metric": each.key, "per": each.level, "n": each.n, **each.value.model_dump()}
        for each in report.rows
    ]
    tables.downloads(f"evaluation-{run.id[:8]}", report.model_dump(mode="json"), lines)


def _answer(report: EvaluationReport) -> str:
    if report.task == "segmentation":
        row = report.row("dice")
        empties = next((each for each in report.empties if each.class_name is None), None)
        alarms = ""
        if empties is not None and empties.false_positive_rate.value is not None:
            alarms = (
                f"; something found on {percent(empties.false_positive_rate.value)} of the empty references"
            )
        return (
            f"**Mean Dice {_value(row.value)}** over {count(row.n, 'case')}, "
            f"{_value(row.present or Estimate(value=None))} where there is something to find{alarms}."
        )
    best = next((each for each in report.rows if each.metric == "accuracy"), report.rows[0])
    return f"**{_label(best)} {_value(best.value)}**, n = {count(report.units, report.level)}."


def _row(row: MetricRow, with_means: bool) -> tuple[str, ...]:
    if with_means:
        present = NOT_AVAILABLE if row.present is None else _value(row.present)
        return _label(row), _value(row.value), number(row.sd), present, str(row.n), str(row.undefined)
    return _label(row), _value(row.value), str(row.n), str(row.undefined)


def _label(row: MetricRow) -> str:
    spec = SPECS.get(row.metric)
    label = spec.label if spec else row.metric
    return f"{label}, {row.class_name}" if row.class_name else label


def _value(value: Estimate) -> str:
    return interval(value.value, value.low, value.high)


@st.cache_resource(max_entries=KEPT, show_spinner="Drawing samples of patients", scope=resources.SCOPE)
def _report(_loaded: Loaded, run_id: str, done: int, failed: int, deletions: int) -> EvaluationReport:
    return evaluate(_loaded.table, seed=0, replicates=500)
