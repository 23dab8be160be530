"""`slices` and `compare`: a run on groups of cases, and a model on several cohorts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from core.commands.output import one_line
from core.types import Level, NamedBytes

if TYPE_CHECKING:
    from core.metrics.subgroups import GroupRow, SubgroupReport
    from core.types import Estimate


@click.command()
@click.argument("cohort")
@click.option("--run", "run_id", help="Run of the cohort; default: the newest.")
@click.option("--metric", help="Column of the run; default: dice, or risk of a classification.")
@click.option("--by", help="Attributes, separated by commas; default: all.")
@click.option(
    "--attributes", type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="CSV whose first column names cases or patients; every other column is an attribute.",
)  # fmt: skip
@click.option("--pairs/--no-pairs", default=True, show_default=True, help="Search the worst pairs.")
@click.option("--min-patients", type=click.IntRange(2), default=5, show_default=True)
@click.option("--level", type=click.Choice(get_args(Level)), default="slice", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The whole report as one JSON document.")
def slices(cohort: str, as_json: bool, **choices: Any) -> None:
    """Judge a run of COHORT on groups of its cases: size and place of the lesion, site, any column.

    Groups of few patients are shown and not tested; p-values are corrected for their number (Holm). The
    search for the worst pairs is exploratory.
    """
    from core.io.columns import read_columns
    from core.metrics.subgroups import subgroup_report
    from core.pipeline.attributes import attributes_of
    from core.pipeline.runs import run_of, unit_table
    from core.store import Store

    path: Path | None = choices["attributes"]
    columns = None if path is None else read_columns(NamedBytes(path.name, path.read_bytes()))
    with Store.open() as store:
        run = run_of(store, cohort, choices["run_id"])
        level: Level = choices["level"] if run.task == "segmentation" else "case"
        table = unit_table(store, run.id, level)
        found = attributes_of(store, table, columns)
    if choices["by"]:
        wanted = choices["by"].split(",")
        known = {each.key for each in found}
        missing = [each for each in wanted if each not in known]
        if missing:
            raise click.UsageError(f"no attribute {', '.join(missing)}; there are {', '.join(sorted(known))}")
        found = tuple(each for each in found if each.key in wanted)
    metric = choices["metric"] or ("dice" if table.task == "segmentation" else "risk")
    report = subgroup_report(
        table, found, metric, pairs=choices["pairs"], min_patients=choices["min_patients"],
        higher_is_better=not metric.startswith(("risk", "hd95", "volume_error")),
    )  # fmt: skip
    if as_json:
        click.echo(json.dumps(report.model_dump(mode="json"), ensure_ascii=False, allow_nan=False))
    else:
        _print(report)


@click.command()
@click.argument("runs", nargs=-1, required=True)
@click.option("--level", type=click.Choice(get_args(Level)), default="case", show_default=True)
@click.option("--json", "as_json", is_flag=True)
def compare(runs: tuple[str, ...], level: Level, as_json: bool) -> None:
    """Set RUNS (cohort names, run ids or their beginnings) side by side, the first as the base.

    The difference to the base draws the patients of both cohorts by themselves; with fewer than two patients
    there is no interval.
    """
    from core.pipeline.shift import compare_runs
    from core.store import Store

    with Store.open() as store:
        rows = compare_runs(store, runs, level)
    if as_json:
        click.echo(json.dumps([row.model_dump(mode="json") for row in rows], allow_nan=False))
        return
    for row in rows:
        click.echo(f"{one_line(row.cohort)}: {row.units} units ({level}) of {row.patients} patients")
        for each in row.numbers:
            change = (
                "" if each.difference.value is None else f"  difference {_shown(each.difference, '{:+.3f}')}"
            )
            click.echo(f"  {each.key:20} {_shown(each.value)}{change}")


def _print(report: SubgroupReport) -> None:
    click.echo(
        f"{one_line(report.title)}: {report.metric} {_shown(report.overall)}, {report.units} units "
        f"({report.level}) of {report.patients} patients"
    )
    for row in report.groups:
        click.echo(_line(row))
    if report.pairs:
        click.echo(f"worst of {report.searched} pairs that were searched (exploratory):")
        for row in report.pairs[:10]:
            click.echo(_line(row))


def _line(row: GroupRow) -> str:
    name = " and ".join(f"{a}: {c}" for a, c in zip(row.attributes, row.categories, strict=True))
    told = row.small or f"p {row.p:.3g}, after Holm {row.p_holm:.3g}"
    return (
        f"  {one_line(name):44} {_shown(row.value)}  to the rest {_shown(row.difference, '{:+.3f}')}  "
        f"n = {row.units} of {row.patients} patients; {told}"
    )


def _shown(estimate: Estimate, form: str = "{:.3f}") -> str:
    if estimate.value is None:
        return "undefined"
    if estimate.low is None or estimate.high is None:
        return form.format(estimate.value)
    return f"{form.format(estimate.value)} [{form.format(estimate.low)}, {form.format(estimate.high)}]"
