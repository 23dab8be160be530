"""`cohort` and `import-predictions`: sets of cases, and what others predicted for them."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core.commands.output import one_line, stderr_progress
from core.errors import SettingsProblem

if TYPE_CHECKING:
    from core.types import CohortItem, CohortRecord, Refusal, RunFailure

SHOWN = 10
JUDGES = ("mean", "majority", "last")


@click.group()
def cohort() -> None:
    """Sets of cases with references."""


@cohort.command("add")
@click.argument("source", metavar="PATH", type=click.Path(path_type=Path))
@click.option("--name", help="Default: the name of the folder or file.")
@click.option("--layout", help="How the files are arranged; found by itself if it can be.")
@click.option("--json", "as_json", is_flag=True)
def cohort_add(source: Path, name: str | None, layout: str | None, as_json: bool) -> None:
    """Read every case of PATH (folder, zip, npz or table of files) and keep them.

    A table with the columns of predictions (confidence and risk, or label and prob_<class>) becomes a cohort
    without images.
    """
    from core.io.apart import DecodeWorker
    from core.pipeline.cohorts import add_cohort, holds_predictions
    from core.pipeline.prediction_tables import add_table
    from core.store import Store

    with Store.open() as store, DecodeWorker() as worker, worker.used():
        if layout is None and holds_predictions(source):
            record, _ = add_table(store, source, name)
        else:
            record = add_cohort(store, source, name, layout, stderr_progress())
    _print_record(record, as_json)


@cohort.command("preview")
@click.argument("source", metavar="PATH", type=click.Path(path_type=Path))
@click.option("--layout", help="How the files are arranged; found by itself if it can be.")
@click.option("--json", "as_json", is_flag=True)
def cohort_preview(source: Path, layout: str | None, as_json: bool) -> None:
    """Say what PATH would become and what would be left out, from file names alone."""
    from core.pipeline.cohorts import preview_cohort

    found = preview_cohort(source, layout)
    if as_json:
        _print_json(found.model_dump(mode="json"))
        return
    click.echo(f"{found.layout}: {found.understood}")
    for item in found.first:
        click.echo(
            f"  {one_line(item.name)}  group {one_line(item.group)}  {', '.join(item.labels or ())}".rstrip()
        )
    _print_refused(found.refused)
    for layout_key, reason in found.reasons:
        click.echo(f"not {layout_key}: {one_line(reason)}", err=True)


@cohort.command("list")
@click.option("--json", "as_json", is_flag=True)
def cohort_list(as_json: bool) -> None:
    """List the cohorts that are kept, newest first."""
    from core.store import Store

    with Store.open() as store:
        records = store.cohorts()
    if as_json:
        _print_json([_summary(record) for record in records])
        return
    for record in records:
        size = f"{record.items} cases, {record.groups} groups"
        click.echo(f"{one_line(record.name):24} {record.id[:8]}  {record.task}  {size}")


@cohort.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True)
def cohort_show(name: str, as_json: bool) -> None:
    """Show a cohort (by name or the beginning of its id), its cases and what was refused."""
    from core.pipeline.runs import find_cohort
    from core.store import Store

    with Store.open() as store:
        record = find_cohort(store, name)
        items, runs = store.cohort_items(record.id), store.runs(record.id)
    if as_json:
        parts = {
            "cases": [each.model_dump(mode="json") for each in items],
            "runs": [each.model_dump(mode="json") for each in runs],
        }
        _print_json({**record.model_dump(mode="json"), **parts})
        return
    _print_record(record, as_json=False)
    for item in items:
        click.echo(_item_line(item))
    for run in runs:
        click.echo(f"run {run.id[:8]}  {one_line(run.title)}: {run.done} done, {run.failed} failed")


@cohort.command("remove")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True)
def cohort_remove(name: str, as_json: bool) -> None:
    """Remove a cohort, its runs, and those of its cases that no other cohort holds."""
    from core.pipeline.cohorts import remove_cohort
    from core.pipeline.runs import find_cohort
    from core.store import Store

    with Store.open() as store:
        record = find_cohort(store, name)
        _refuse_several([each.id for each in store.cohorts() if each.name == name], name)
        removed = remove_cohort(store, record.id)
    if as_json:
        _print_json({"id": record.id, "name": record.name, "removed_cases": removed, "cases": record.items})
        return
    click.echo(f"{one_line(record.name)} was removed with {removed} of its {record.items} cases")


@click.command("import-predictions")
@click.argument("cohort_name", metavar="COHORT")
@click.argument("source", metavar="PATH", type=click.Path(path_type=Path))
@click.option("--title", help="Name of the run.")
@click.option(
    "--judge",
    type=click.Choice(JUDGES),
    default="mean",
    show_default=True,
    help="Which mask is judged where a case has several; the confidence is the agreement of all of them.",
)
@click.option("--json", "as_json", is_flag=True)
def import_predictions(cohort_name: str, source: Path, title: str | None, judge: Any, as_json: bool) -> None:
    """Predictions made elsewhere for COHORT: masks, probability volumes, nnU-Net softmax, a table."""
    from core.pipeline import imported
    from core.pipeline.runs import find_cohort
    from core.store import Store

    with Store.open() as store:
        record = find_cohort(store, cohort_name)
        run = imported.import_predictions(store, record.id, source, title, judge, stderr_progress())
        failures = store.run_failures(run.id)
    if as_json:
        listed = [each.model_dump(mode="json") for each in failures]
        _print_json({**run.model_dump(mode="json"), "failures": listed})
    else:
        click.echo(f"{one_line(run.title)}: {run.done} of {run.items} cases, run {run.id[:8]}")
        _print_failures(failures)
    if not run.done:
        sys.exit(2)


def _refuse_several(ids: Sequence[str], name: str) -> None:
    if len(ids) > 1:
        raise SettingsProblem(
            "Several cohorts have this name",
            found=f"{len(ids)} called {name!r}",
            expected="the one that is to be removed",
            fix=f"give the beginning of its id, one of {', '.join(each[:8] for each in ids)}",
        )


def _summary(record: CohortRecord) -> dict[str, Any]:
    """Without the list of refusals, which `show` gives."""
    return {**record.model_dump(mode="json", exclude={"refused"}), "refused": len(record.refused)}


def _print_record(record: CohortRecord, as_json: bool) -> None:
    if as_json:
        _print_json(record.model_dump(mode="json"))
        return
    classes = ", ".join(one_line(each) for each in record.class_names)
    size = f"{record.items} cases of {record.groups} groups"
    click.echo(f"{one_line(record.name)} ({record.id[:8]}): {size}, {record.task}")
    click.echo(f"layout {record.layout}; classes {classes}")
    _print_refused(record.refused)


def _print_refused(refused: tuple[Refusal, ...]) -> None:
    for each in refused[:SHOWN]:
        click.echo(f"left out: {one_line(each.name)}: {one_line(each.sentence)}", err=True)
    if len(refused) > SHOWN:
        click.echo(f"left out: {len(refused) - SHOWN} more", err=True)


def _print_failures(failures: tuple[RunFailure, ...]) -> None:
    for each in failures[:SHOWN]:
        click.echo(f"  {one_line(each.name)}: {one_line(each.sentence)}", err=True)
    if len(failures) > SHOWN:
        click.echo(f"  and {len(failures) - SHOWN} more", err=True)


def _item_line(item: CohortItem) -> str:
    labels = ", ".join(one_line(each) for each in item.labels or ())
    return f"  {one_line(item.name)}  group {one_line(item.group)}  {labels}".rstrip()


def _print_json(document: object) -> None:
    click.echo(json.dumps(document, ensure_ascii=False, allow_nan=False))
