"""`points`: operating points, saved thresholds below which a case is to be reviewed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

import click

from core.commands.options import Fraction, level_option
from core.config import EstimatorKind
from core.errors import SettingsProblem
from core.types import OperatingPoint, RiskConventions

if TYPE_CHECKING:
    from core.store import Store

RISKS = ("continuous", "failure")
EMPTY = ("counted", "left out", "prediction left out")


@click.group()
def points() -> None:
    """Operating points: saved thresholds below which a case is to be reviewed."""


@points.command("list")
@click.option("--json", "as_json", is_flag=True)
def points_list(as_json: bool) -> None:
    """List every version of every point, and which one is in force."""
    from core.pipeline.points import active_points
    from core.store import Store

    with Store.open() as store:
        known, active = store.operating_points(), {each.id for each in active_points(store)}
    if as_json:
        click.echo(json.dumps([_record(each, each.id in active) for each in known], ensure_ascii=False))
        return
    for each in known:
        click.echo(_line(each, each.id in active))


@points.command("save")
@click.argument("cohort")
@click.option("--name", required=True, help="What the verdict will call it.")
@click.option("--run", "run_id", help="Run of the cohort; default: the newest.")
@click.option("--score", help="Confidence score; default: the model's own.")
@click.option("--target-risk", type=Fraction(0.0, 1.0), help="Accept as many cases as this allows.")
@click.option("--target-coverage", type=Fraction(0.0, 1.0), help="Accept this share of the cases.")
@level_option
@click.option("--risk", type=click.Choice(RISKS), default="continuous", show_default=True)
@click.option("--failure-below", type=Fraction(0.0, 1.0, min_open=True),
              default=RiskConventions().failure_below, show_default="14/17")  # fmt: skip
@click.option("--empty", type=click.Choice(EMPTY), default="counted", show_default=True)
@click.option("--seed", type=click.IntRange(0, 2**63, max_open=True), default=0, show_default=True)
@click.option(
    "--activate", is_flag=True, help="Judge the cases of its model and estimator by it from now on."
)
@click.option("--json", "as_json", is_flag=True)
def points_save(cohort: str, activate: bool, as_json: bool, **choices: Any) -> None:
    """Choose a threshold on one half of the patients of COHORT and keep it with what it buys on the other."""
    from core.pipeline.points import save_operating_point
    from core.store import Store

    if (choices["target_risk"] is None) == (choices["target_coverage"] is None):
        raise click.UsageError("give either --target-risk or --target-coverage")
    with Store.open() as store:
        kept = save_operating_point(store, _choose(store, cohort, choices), activate=activate)
    _tell(kept, activate, as_json)


@points.command("activate")
@click.argument("label")
@click.option("--json", "as_json", is_flag=True)
def points_activate(label: str, as_json: bool) -> None:
    """Judge cases by the point LABEL ("name", "name v3" or an id) from now on."""
    from core.pipeline.points import activate_point
    from core.store import Store

    with Store.open() as store:
        point = activate_point(store, label)
    _tell(point, True, as_json)


@points.command("clear")
@click.argument("model_id", metavar="MODEL")
@click.argument("estimator", type=click.Choice(get_args(EstimatorKind)))
@click.option("--json", "as_json", is_flag=True)
def points_clear(model_id: str, estimator: str, as_json: bool) -> None:
    """Judge cases of MODEL and ESTIMATOR by the fixed limit again."""
    from core.models import any_model
    from core.pipeline.points import clear_point
    from core.store import Store

    any_model(model_id)
    with Store.open() as store:
        clear_point(store, model_id, estimator)
    if as_json:
        click.echo(json.dumps({"model": model_id, "estimator": estimator, "active": None}))
    else:
        click.echo(f"{model_id}, {estimator}: the fixed limit judges the confidence again")


def _choose(store: Store, cohort: str, choices: dict[str, Any]) -> OperatingPoint:
    from core.metrics.selective.coverage_report import coverage_report
    from core.metrics.selective.operating import operating_point
    from core.pipeline.runs import find_cohort, run_of, unit_table

    run = run_of(store, cohort, choices["run_id"])
    table = unit_table(store, run.id, choices["level"])
    conventions = RiskConventions(
        level=table.level,
        risk=choices["risk"],
        failure_below=choices["failure_below"],
        empty=choices["empty"],
    )
    risk, coverage = choices["target_risk"], choices["target_coverage"]
    report = coverage_report(
        table,
        conventions,
        (choices["score"],) if choices["score"] else None,
        seed=choices["seed"],
        target=("coverage", coverage) if risk is None else ("risk", risk),
    )
    answer = report.operating
    if answer is None or answer.threshold is None:
        raise SettingsProblem(
            "No threshold meets this target",
            found=answer.reason if answer else "no unit with a confidence and a risk",
            expected="a target that can be met on the half of the patients it is chosen on",
            fix="allow a higher risk, or name a coverage",
        )
    made = find_cohort(store, run.cohort_id)
    return operating_point(
        answer,
        name=choices["name"],
        score=report.default,
        conventions=conventions,
        cohort_name=made.name,
        cohort_id=made.id,
        run_id=run.id,
        model_id=run.config.model_id if run.config else None,
        estimator=run.config.estimator.kind if run.config else None,
    )


def _tell(point: OperatingPoint, active: bool, as_json: bool) -> None:
    click.echo(json.dumps(_record(point, active), ensure_ascii=False) if as_json else _line(point, active))


def _record(point: OperatingPoint, active: bool) -> dict[str, Any]:
    return {**point.model_dump(mode="json"), "label": point.label, "active": active}


def _line(point: OperatingPoint, active: bool) -> str:
    owner = f"{point.model_id}, {point.estimator}" if point.model_id else "predictions made elsewhere"
    state = "in force" if active else "saved"
    return (
        f"{point.label}: {state}; {owner}: review below {point.threshold:.6g} of {point.score}, "
        f"chosen for {point.target} {point.target_value:g} on {point.cohort_name}"
    )
