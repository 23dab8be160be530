"""`sweep`: a model over a cohort, or one file, under corruptions of rising severity."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from core.commands.gates import Gate, check_known, fail_on, leave_if_failed
from core.commands.options import Fraction
from core.commands.output import one_line
from core.commands.run import STOPPED, run_progress
from core.config import AnalysisConfig, EstimatorConfig, EstimatorKind
from core.errors import SettingsProblem
from core.report.sweeps import sweep_files, sweep_markdown, sweep_record
from core.types import Level

if TYPE_CHECKING:
    from core.metrics.robustness.report import SweepReport, SweptTable
    from core.pipeline.sweeps import Sweep
    from core.store import Store

GATE_KEYS = ("robustness", "worst")
"""What `--fail-on` may name: the loss over all corruptions, and that of the worst one."""


class Severities(click.ParamType[tuple[float, ...]]):
    """Numbers in 0 … 5, separated by commas."""

    name = "severities"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        """The numbers; fails as a usage error."""
        one = Fraction(0.0, 5.0)
        return tuple(one.convert(each, param, ctx) for each in str(value).split(","))


@click.command()
@click.argument("source")
@click.option(
    "--corruption", "corruptions", default="all", show_default=True,
    help="Names or groups, separated by commas. all = everything that happens in the world and makes sense "
    "for the pictures; worst cases against the model have to be named: adversarial.",
)  # fmt: skip
@click.option("--severity", "severities", type=Severities(), default="0,1,2,3,4,5", show_default=True)
@click.option("--model", "model_id", default="lgg-unet", show_default=True, help="See `models list`.")
@click.option(
    "--estimator", type=click.Choice(get_args(EstimatorKind)), help="Default: the best that the model allows."
)
@click.option("--samples", type=click.IntRange(2, 200), default=20, show_default=True,
              help="Monte-Carlo samples per network.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0, 2**63, max_open=True), default=0, show_default=True,
              help="Of the corruptions and of dropout.")  # fmt: skip
@click.option("--level", type=click.Choice(get_args(Level)), default="case", show_default=True,
              help="What one mean counts once.")  # fmt: skip
@click.option("--engine", type=click.Choice(("local",)), default="local", show_default=True)
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True,
              help="Processes; the numbers are the same for any number.")  # fmt: skip
@click.option("--retry-failed", is_flag=True, help="Try the cases again that could not be computed.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for CSV, Parquet and a document."
)
@click.option("--json", "as_json", is_flag=True, help="The whole report as one JSON document.")
@fail_on
def sweep(source: str, as_json: bool, out: Path | None, gates: tuple[Gate, ...], **choices: Any) -> None:
    """Make the pictures of SOURCE worse and worse, and tell how the model answers.

    SOURCE is a cohort (name, id or beginning of an id) or a path, which is added as a cohort first. What is
    done already is read: after Ctrl-C or a crash the same command goes on. Differences to the clean pictures
    have intervals over patients.
    """
    from core.pipeline.runs import find_cohort
    from core.pipeline.sweep_numbers import sweep_numbers
    from core.pipeline.sweeps import chosen_keys, plan_sweep, run_sweep
    from core.store import Store

    check_known(gates, GATE_KEYS)
    keys = chosen_keys([each.strip() for each in choices["corruptions"].split(",")])
    with Store.open() as store:
        cohort_id = _cohort(store, source)
        plan = plan_sweep(
            store, cohort_id, _config(choices), keys, choices["severities"], seed=choices["seed"]
        )
        for key, reason in plan.refused:
            click.echo(f"left out: {key}, because {reason}", err=True)
        try:
            runs = run_sweep(
                store, plan, run_progress(), workers=choices["workers"], retry_failed=choices["retry_failed"]
            )
        except KeyboardInterrupt:
            click.echo("Stopped. The same command goes on where it stopped.", err=True)
            sys.exit(STOPPED)
        failed = sum(run.failed for run in runs)
        report, tables = sweep_numbers(store, plan, choices["level"])
        cohort = find_cohort(store, cohort_id).name
    if out is not None:
        for path in _write(out, plan, report, tables, cohort):
            click.echo(f"wrote {path}", err=True)
    if as_json:
        click.echo(json.dumps(sweep_record(plan, report, failed), ensure_ascii=False, allow_nan=False))
    else:
        _print(report, failed)
    worst = report.worst[0].loss.value if report.worst else None
    leave_if_failed(gates, {"robustness": report.overall.loss.value, "worst": worst})


def _cohort(store: Store, source: str) -> str:
    """Id of the cohort of this name; a path is added as one."""
    from core.pipeline.cohorts import add_cohort
    from core.pipeline.runs import find_cohort

    try:
        return find_cohort(store, source).id
    except SettingsProblem:
        path = Path(source)
        if not path.exists():
            raise
    return add_cohort(store, path, progress=run_progress()).id


def _config(choices: dict[str, Any]) -> AnalysisConfig:
    from core.inference import possible_estimators
    from core.models import get_model

    kind = choices["estimator"] or possible_estimators(get_model(choices["model_id"]))[0].key
    estimator = EstimatorConfig(kind=kind, samples=choices["samples"], seed=choices["seed"])
    return AnalysisConfig(model_id=choices["model_id"], estimator=estimator)


def _write(
    folder: Path, plan: Sweep, report: SweepReport, tables: tuple[SweptTable, ...], cohort: str
) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for file in sweep_files(plan, report, tables):
        path = folder / file.name
        path.write_bytes(file.data)
        paths.append(path)
    words = folder / "SWEEP.md"
    words.write_text(sweep_markdown(plan, report, one_line(cohort)), encoding="utf-8")
    return [*paths, words]


def _print(report: SweepReport, failed: int) -> None:
    click.echo(
        f"{one_line(report.title)}: {report.units} units ({report.level}) of {report.patients} patients"
        + (f", {report.left_out} left out" if report.left_out else "")
        + (f", {failed} failures" if failed else "")
    )
    names = list(dict.fromkeys(row.statistic for row in report.rows))
    for row in report.rows:
        if row.statistic == names[0]:
            click.echo(f"{row.key or 'clean'} {row.severity:g}")
        change = "" if not row.key else f"  change {_shown(row.delta, sign=True)}"
        sd = "" if row.sd is None else f" (SD {row.sd:.3f})"
        click.echo(f"  {row.statistic:30} {_shown(row.value)}{sd}{change}")
    click.echo(f"severity-weighted loss of {report.quality}, worst first:")
    for each in report.worst:
        click.echo(f"  {each.key:16} {_shown(each.loss, sign=True)}")
    click.echo(f"over all corruptions: {_shown(report.overall.loss, sign=True)}")
    click.echo(report.definition)


def _shown(estimate: Any, sign: bool = False) -> str:
    if estimate.value is None:
        return "undefined"
    form = "{:+.3f}" if sign else "{:.3f}"
    text = form.format(estimate.value)
    if estimate.low is None:
        return text
    return f"{text} [{form.format(estimate.low)}, {form.format(estimate.high)}]"
