"""`evaluate`: how good a run is, every metric with its interval over patients."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core.commands.gates import Gate, check_known, fail_on, leave_if_failed
from core.commands.options import level_option
from core.commands.output import one_line
from core.errors import SettingsProblem

if TYPE_CHECKING:
    from core.metrics.evaluation_records import EvaluationReport, MetricRow
    from core.types import Estimate, Level, UnitTable


@click.command()
@click.argument("cohort", required=False)
@click.option("--run", "run_id", help="Run of the cohort, by id or its beginning; default: the latest one.")
@click.option(
    "--table", type=click.Path(path_type=Path, dir_okay=False), help="CSV or Parquet instead of a cohort."
)
@level_option
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Seed of the bootstrap over patients.")
@click.option("--replicates", type=click.IntRange(100, 100_000), default=1000, help="Bootstrap draws.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@fail_on
def evaluate(
    cohort: str | None,
    run_id: str | None,
    table: Path | None,
    level: Level | None,
    seed: int,
    replicates: int,
    as_json: bool,
    gates: tuple[Gate, ...],
) -> None:
    """How good the latest run of COHORT is, or a table of predictions: every metric with a 95 % interval.

    Gates name a metric, "dice" or "dice:<class>", or per patient "patient.dice".
    """
    from core.metrics.evaluation import evaluate as evaluated

    report = evaluated(_units(cohort, run_id, table, level), seed=seed, replicates=replicates)
    check_known(gates, report.values())
    click.echo(
        json.dumps(report_record(report), ensure_ascii=False, allow_nan=False) if as_json else _text(report)
    )
    leave_if_failed(gates, report.values())


def _units(cohort: str | None, run_id: str | None, table: Path | None, level: Level | None) -> UnitTable:
    if (table is None) == (cohort is None and run_id is None):
        raise SettingsProblem(
            "It is not clear what to evaluate", found="neither or both of a cohort and --table",
            expected="a cohort or a run, or a table", fix="give COHORT, or --table FILE",
        )  # fmt: skip
    if table is not None:
        from core.io.tables import read_table_path

        return read_table_path(table, level or "case")
    from core.pipeline.runs import run_of, unit_table
    from core.store import Store

    with Store.open() as store:
        return unit_table(store, run_of(store, cohort, run_id).id, level)


def report_record(report: EvaluationReport) -> dict[str, Any]:
    """The report as plain JSON values: "metrics" per unit of the table, "patients" with the counts pooled."""
    return {
        "title": report.title,
        "task": report.task,
        "level": report.level,
        "n": report.units,
        "patients_n": report.patients,
        "without_reference": report.without_reference,
        "interval": report.interval,
        "replicates": report.replicates,
        "seed": report.seed,
        "sd_of": report.sd_of,
        "metrics": {row.key: _row(row) for row in report.rows if row.level == report.level},
        "patients": {row.key: _row(row) for row in report.rows if row.level == "patient"},
        "empty": [each.model_dump(mode="json") for each in report.empties],
        "confusion": [each.model_dump(mode="json") for each in report.confusion],
        "not_available": list(report.not_available),
        "classes_absent": list(report.classes_absent),
    }


def _row(row: MetricRow) -> dict[str, Any]:
    record: dict[str, Any] = {
        **row.value.model_dump(),
        "n": row.n,
        "undefined": row.undefined,
        "metric": row.metric,
        "class": row.class_name,
    }
    if row.present is not None:
        record |= {
            "sd": row.sd,
            "median": row.median,
            "present": row.present.model_dump(),
            "n_present": row.n_present,
        }
    return record


def _text(report: EvaluationReport) -> str:
    lines = [
        f"{one_line(report.title)}: {report.units} units per {report.level} of {report.patients} patients, "
        f"{report.without_reference} without a reference left out",
        f"intervals: {100 * report.interval:g} %, {report.replicates} draws of patients; SD: {report.sd_of}",
        f"{'metric':34} {'per':8} {'value':>9} {'interval':>21} {'SD':>8} {'median':>8} {'n':>6} "
        f"{'undef.':>6}  {'reference not empty':>31}",
    ]
    for row in report.rows:
        present = "" if row.present is None else _estimate(row.present)
        lines.append(
            f"{row.key:34} {row.level:8} {_estimate(row.value):>31} {_number(row.sd):>8} "
            f"{_number(row.median):>8} {row.n:6d} {row.undefined:6d}  {present:>31}"
        )
    lines += [
        f"empty masks of {each.class_name or 'all classes'} per {each.level}: {each.n_agree} both empty, "
        f"{each.n_missed} missed, {each.n_false_alarms} false alarms; false-positive rate "
        f"{_estimate(each.false_positive_rate)}"
        for each in report.empties
    ]
    for confusion in report.confusion:
        lines.append(f"reference by prediction ({', '.join(confusion.class_names)}):")
        lines += [
            f"  {name}: {counts}"
            for name, counts in zip(confusion.class_names, confusion.counts, strict=True)
        ]
    if report.classes_absent:
        lines.append(f"in no reference, so undefined: {', '.join(report.classes_absent)}")
    if report.not_available:
        lines.append(f"not available here: {', '.join(report.not_available)}")
    return "\n".join(lines)


def _estimate(estimate: Estimate) -> str:
    if estimate.value is None:
        return "undefined"
    if estimate.low is None:
        return f"{_number(estimate.value)} (no interval)"
    return f"{_number(estimate.value):>9} [{_number(estimate.low)}, {_number(estimate.high)}]"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
