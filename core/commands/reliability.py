"""`reliability`: is the confidence honest?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core.commands.gates import Gate, check_known, fail_on, leave_if_failed
from core.commands.options import level_option
from core.commands.output import one_line
from core.types import Estimate, Level, UnitTable

if TYPE_CHECKING:
    from core.metrics.reliability.records import (
        RecalibrationEffect,
        ReliabilityPart,
        ReliabilityReport,
    )

GATES = ("ece", "mce", "brier", "nll", "temperature")


@click.command()
@click.argument("cohort", required=False)
@click.option(
    "--table",
    type=click.Path(path_type=Path, dir_okay=False),
    help="CSV or Parquet with `case`, and `label` and one prob_* column per class, or `confidence,risk`.",
)
@click.option("--run", "run_id", help="Which run of the cohort; default: the newest.")
@level_option
@click.option("--class", "class_name", help="One class of a segmentation; default: all, pooled.")
@click.option("--bins", type=click.IntRange(2, 100), default=15, show_default=True)
@click.option("--binning", type=click.Choice(("width", "mass")), default="width", show_default=True)
@click.option(
    "--recalibration",
    default="none",
    show_default=True,
    help="none, temperature, vector or isotonic. Another than none is shown on the half that it was not "
    "fitted on.",
)
@click.option(
    "--fit",
    type=click.Choice(("half", "all")),
    default="half",
    show_default=True,
    help="half: fit on half of the patients, show on the rest. all: fit and show on all (in sample).",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--replicates", type=click.IntRange(100, 10_000), default=1000, show_default=True)
@fail_on
@click.option("--json", "as_json", is_flag=True, help="The whole result as one JSON document.")
def reliability(
    cohort: str | None,
    table: Path | None,
    run_id: str | None,
    level: Level | None,
    gates: tuple[Gate, ...],
    as_json: bool,
    **choices: Any,
) -> None:
    """Calibration of COHORT's newest run, or of a table of predictions made elsewhere.

    The numbers per region or class are of all cases as the model states them (unless --recalibration).
    The temperature is fitted on one half of the patients, "before" and "after" are of the other half.
    --fail-on takes ece, mce, brier, nll (of the first part: top-label or image) and temperature.
    """
    if (cohort is None) == (table is None):
        raise click.UsageError("give either COHORT or --table FILE")
    if table is not None and run_id is not None:
        raise click.UsageError("--run belongs to a COHORT, not to --table")
    from core.metrics.reliability.report import reliability_report

    check_known(gates, GATES)
    units = _of_table(table, level) if table is not None else _of_cohort(str(cohort), run_id, level)
    report = reliability_report(units, **choices)
    if as_json:
        record = reliability_record(report, choices["seed"], choices["replicates"])
        click.echo(json.dumps(record, ensure_ascii=False, allow_nan=False))
    else:
        _print(report)
    first = report.parts[0]
    values = {key: getattr(first, key).value for key in GATES[:4]}
    leave_if_failed(gates, {**values, "temperature": report.temperature.value})


def reliability_record(report: ReliabilityReport, seed: int, replicates: int) -> dict[str, Any]:
    """The report as the JSON document of the command line."""
    return {
        "title": report.title,
        "n": report.n,
        "groups": report.groups,
        "without_reference": report.without_reference,
        "undefined": report.undefined,
        "headline": report.headline,
        "shown_on": report.shown_on,
        report.kind: {part.name: _part_record(part) for part in report.parts},
        "classwise_ece": report.classwise_ece,
        "temperature": _effect_record(report.temperature),
        "recalibration": _effect_record(report.applied) if report.applied else None,
        "settings": {
            "bins": report.bins,
            "binning": report.binning,
            "class": report.class_name,
            "seed": seed,
            "replicates": replicates,
        },
        "caution": report.caution or None,
        "conventions": list(report.conventions),
    }


def _of_table(path: Path, level: Level | None) -> UnitTable:
    from core.io.tables import read_table_path

    return read_table_path(path, level or "case")


def _of_cohort(cohort: str, run_id: str | None, level: Level | None) -> UnitTable:
    from core.pipeline.runs import run_of, unit_table
    from core.store import Store

    with Store.open() as store:
        return unit_table(store, run_of(store, cohort, run_id).id, level)


def _part_record(part: ReliabilityPart) -> dict[str, Any]:
    return {
        **_numbers(part),
        "intervals": {key: _ends(getattr(part, key)) for key in ("ece", "mce", "brier", "nll")},
        "mce_count": part.mce_count,
        "debiased_l2": part.debiased_l2,
        "event": part.event,
        "brier_form": part.brier_form,
        "count": part.outcomes,
        "units": part.units,
        "undefined_units": part.undefined_units,
        "bins": [each.model_dump() for each in part.bins],
    }


def _effect_record(effect: RecalibrationEffect) -> dict[str, Any]:
    before, after = (parts[0] if parts else None for parts in (effect.before, effect.after))
    return {
        "key": effect.key,
        "value": effect.value,
        "reason": effect.reason or None,
        "note": effect.note or None,
        "objective": effect.objective,
        "shown_on": effect.shown_on,
        "groups_fit": effect.groups_fit,
        "groups_report": effect.groups_report,
        "units_fit": effect.units_fit,
        "units_report": effect.units_report,
        "of": before.name if before else None,
        "before": _numbers(before),
        "after": _numbers(after),
        "parts": {
            old.name: {"before": _numbers(old), "after": _numbers(new)}
            for old, new in zip(effect.before, effect.after, strict=True)
        },
    }


def _numbers(part: ReliabilityPart | None) -> dict[str, float | None]:
    return {key: getattr(part, key).value if part else None for key in ("ece", "mce", "brier", "nll")}


def _ends(value: Estimate) -> list[float | None]:
    return [value.low, value.high]


def _print(report: ReliabilityReport) -> None:
    title = one_line(report.title)
    click.echo(f"{title}: {report.n} units of {report.groups} groups; shown on {report.shown_on}")
    for name, number in (
        ("without reference", report.without_reference),
        ("undefined", report.undefined),
    ):
        if number:
            click.echo(f"  left out, {name}: {number}")
    click.echo(f"{'':14}" + "".join(f"{key:>27}" for key in ("ECE", "MCE", "Brier", "NLL")) + "  undefined")
    for part in report.parts:
        numbers = "".join(f"{_shown(each):>27}" for each in (part.ece, part.mce, part.brier, part.nll))
        click.echo(f"{part.name[:13]:14}{numbers}{part.undefined_units:>11}")
    effect = report.temperature
    if effect.value is None:
        click.echo(f"temperature: none, {effect.reason}")
    else:
        before, after = effect.before[0], effect.after[0]
        click.echo(
            f"temperature {effect.value:.4f}: {before.name} ECE {_plain(before.ece)} -> {_plain(after.ece)}, "
            f"NLL {_plain(before.nll)} -> {_plain(after.nll)}, on {effect.shown_on}"
        )
        if effect.note:
            click.echo(f"  {effect.note}")
    for sentence in (*filter(None, (report.caution,)), *report.conventions):
        click.echo(f"  {sentence}")


def _shown(value: Estimate) -> str:
    if value.low is None or value.high is None:
        return _plain(value)
    return f"{_plain(value)} [{value.low:.4f}, {value.high:.4f}]"


def _plain(value: Estimate) -> str:
    return "undefined" if value.value is None else f"{value.value:.5f}"
