"""`coverage`: risk against coverage of a cohort's run or of a table, and what a threshold buys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core.commands.gates import Gate, check_known, fail_on, leave_if_failed
from core.commands.options import Fraction, level_option
from core.commands.output import one_line
from core.report.coverage import AREA_KEYS, coverage_record
from core.types import Level, RiskConventions, UnitTable

if TYPE_CHECKING:
    from core.metrics.selective.coverage_report import CoverageReport
    from core.types import Estimate

GATE_KEYS = (*AREA_KEYS, "mean_risk", "oracle_aurc", "coverage", "selective_risk", "undetected", "bound")
"""What `--fail-on` may name: areas of the default score, and the operating point on the reporting half."""


@click.command()
@click.argument("cohort", required=False)
@click.option(
    "--table", type=click.Path(path_type=Path, dir_okay=False), help="CSV or Parquet instead of a cohort."
)
@click.option("--run", "run_id", help="Run of the cohort; default: the newest.")
@click.option("--score", "scores", multiple=True, help="Confidence score; may be repeated. Default: all.")
@click.option("--target-risk", type=Fraction(0.0, 1.0), help="Accept as many cases as this allows.")
@click.option("--target-coverage", type=Fraction(0.0, 1.0), help="Accept this share; default 0.8.")
@level_option
@click.option(
    "--risk",
    type=click.Choice(("continuous", "failure")),
    default="continuous",
    show_default=True,
    help="1 - Dice, or 1 where Dice lies below --failure-below. A class is always right or wrong.",
)
@click.option(
    "--failure-below",
    type=Fraction(0.0, 1.0, min_open=True),
    default=RiskConventions().failure_below,
    show_default="14/17, which is Jaccard 0.7",
)
@click.option(
    "--empty",
    type=click.Choice(("counted", "left out", "prediction left out")),
    default="counted",
    show_default=True,
    help="Cases where both masks, or the predicted one, are empty.",
)
@click.option("--alpha", type=Fraction(0.0, 1.0, min_open=True, max_open=True), default=0.1,
              show_default=True, help="Miss rate that conformal risk control promises.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0, 2**63, max_open=True), default=0, show_default=True)
@click.option("--replicates", type=click.IntRange(0, 100_000), default=1000, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The whole result as one JSON document.")
@fail_on
def coverage(
    cohort: str | None, table: Path | None, run_id: str | None, as_json: bool, gates: tuple[Gate, ...],
    **choices: Any,
) -> None:  # fmt: skip
    """What goes undetected when only the least confident cases are reviewed: areas, threshold, guarantees."""
    from core.metrics.selective.coverage_report import DEFAULT_TARGET, coverage_report

    check_known(gates, GATE_KEYS)
    units = _units(cohort, table, run_id, choices["level"])
    conventions = RiskConventions(
        level=units.level,
        risk=choices["risk"],
        failure_below=choices["failure_below"],
        empty=choices["empty"],
    )
    report = coverage_report(
        units,
        conventions,
        choices["scores"] or None,
        seed=choices["seed"],
        replicates=choices["replicates"],
        target=_target(choices["target_risk"], choices["target_coverage"]) or DEFAULT_TARGET,
        alpha=choices["alpha"],
    )
    if as_json:
        click.echo(json.dumps(coverage_record(report), ensure_ascii=False, allow_nan=False))
    else:
        _print(report)
    leave_if_failed(gates, _gate_values(report))


def _units(cohort: str | None, table: Path | None, run_id: str | None, level: Level | None) -> UnitTable:
    if (cohort is None) == (table is None):
        raise click.UsageError("give either a COHORT or --table FILE")
    if table is not None:
        if run_id is not None:
            raise click.UsageError("--run belongs to a COHORT, not to --table")
        from core.io.tables import read_table_path

        return read_table_path(table, level or "case")
    from core.pipeline.runs import run_of, unit_table
    from core.store import Store

    with Store.open() as store:
        return unit_table(store, run_of(store, cohort, run_id).id, level)


def _target(risk: float | None, coverage: float | None) -> tuple[Any, float] | None:
    if risk is not None and coverage is not None:
        raise click.UsageError("give --target-risk or --target-coverage, not both")
    if risk is not None:
        return "risk", risk
    return None if coverage is None else ("coverage", coverage)


def _gate_values(report: CoverageReport) -> dict[str, float | None]:
    areas, point = report.scores[report.default].areas, report.operating
    values = {name: areas[name].value for name in AREA_KEYS}
    values |= {"mean_risk": report.mean_risk.value, "oracle_aurc": report.oracle_aurc.value}
    for name in ("coverage", "selective_risk", "undetected"):
        values[name] = getattr(point, name).value if point else None
    values["bound"] = point.bound if point else None
    return values


def _print(report: CoverageReport) -> None:
    click.echo(
        f"{one_line(report.title)}: {report.n} units of {report.groups} groups, risk: {report.risk_words}"
    )
    for reason, count in report.left_out:
        click.echo(f"  left out: {count} ({reason})")
    click.echo(
        f"  predicted nothing: {report.predicted_nothing}, of these nothing to find: {report.both_empty}"
    )
    click.echo(f"mean risk {_shown(report.mean_risk)}, AURC of the best order {_shown(report.oracle_aurc)}")
    for key, score in report.scores.items():
        if score.undefined:
            click.echo(f"{key}: undefined for {score.undefined} units, so no area is given")
            continue
        click.echo(f"{key}: " + ", ".join(f"{name} {_shown(score.areas[name])}" for name in AREA_KEYS[:4]))
    _print_point(report)


def _print_point(report: CoverageReport) -> None:
    point, certified = report.operating, report.certified
    if point is None:
        return
    if point.threshold is None:
        click.echo(f"operating point for {point.target} {point.target_value:g}: none, {point.reason}")
    else:
        click.echo(
            f"operating point for {point.target} {point.target_value:g}: review below {point.threshold:.6g}; "
            f"coverage {_shown(point.coverage)}, risk {_shown(point.selective_risk)}, undetected per 100 "
            f"{_shown(point.undetected)}; on {point.n_report} units, chosen on {point.n_fit} others"
        )
        if point.bound is not None:
            click.echo(f"  risk among accepted at most {point.bound:.4g} ({point.bound_level:.0%} sure)")
        if point.bound_note:
            click.echo(f"  {point.bound_note}")
    if certified:
        shown = certified.reason if certified.threshold is None else f"review below {certified.threshold:.6g}"
        click.echo(f"threshold that guarantees a risk of at most {certified.target_risk:g}: {shown}")
    for name, each in report.miss_rate.items():
        shown = each.reason or f"mask from probability {each.probability_from:.4g} up"
        click.echo(f"miss rate of {name} at most {each.alpha:g}: {shown}")


def _shown(estimate: Estimate) -> str:
    if estimate.value is None:
        return "undefined"
    interval = "" if estimate.low is None else f" [{estimate.low:.4g}, {estimate.high:.4g}]"
    return f"{estimate.value:.6g}{interval}"
