"""`reviews`: the log of what readers decided: is it whole, and what does it say."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from core.commands.output import one_line
from core.errors import StoreProblem


@click.group()
def reviews() -> None:
    """The log of what readers decided."""


@reviews.command("verify")
@click.option("--json", "as_json", is_flag=True)
def reviews_verify(as_json: bool) -> None:
    """Follow the hash chain of the log from its first entry to its head. Exit code 2 when it is broken.

    Reads the file alone, so it works while the app is running, and without this program's database.
    """
    from core.store.review_log import LOG_NAME, read_log
    from core.store.settings import default_home

    home = default_home()
    if not home.is_dir():
        raise _no_store(home)
    _, report, _ = read_log(home)
    if as_json:
        click.echo(json.dumps({"ok": report.ok, "file": str(home / LOG_NAME), **report.model_dump()}))
    elif report.ok:
        click.echo(f"whole: {report.entries} entries, head {report.head}")
    else:
        click.echo(f"damaged: {'; '.join(report.problems)}; {report.entries} entries before it can be read")
    if not report.ok:
        sys.exit(2)


@reviews.command("export")
@click.option("--format", "kind", type=click.Choice(["csv", "json"]), default="csv", show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File; default: stdout.")
def reviews_export(kind: str, out: Path | None) -> None:
    """Write every decision and undo, with what was judged and which stands, as CSV or JSON.

    Names of cases come from the store, and formulas of spreadsheets are defused. A damaged log is written up
    to its first bad entry, with a warning and exit code 3.
    """
    from core.pipeline.reviews import exported
    from core.report.csv_table import csv_text
    from core.store import Store

    with Store.open(mode="read-only") as store:
        record = exported(store)
    text = csv_text(record["rows"]) if kind == "csv" else json.dumps(record, indent=2, ensure_ascii=False)
    if out is None:
        click.echo(text, nl=kind == "json")
    else:
        out.write_text(text, encoding="utf-8")
        click.echo(f"{len(record['rows'])} entries in {one_line(str(out))}", err=True)
    if record["problems"]:
        click.echo(f"second-look: the log is damaged: {'; '.join(record['problems'])}", err=True)
        sys.exit(3)


@reviews.command("set-aside")
@click.option("--reader", required=True, help="Who puts it away; the new log names it.")
def reviews_set_aside(reader: str) -> None:
    """Put a damaged log away under another name and begin a new one that names its SHA-256."""
    from core.pipeline.reviews import reader_name
    from core.store import Store

    with Store.open() as store:
        kept = store.reviews.set_aside(reader_name(reader))
    click.echo(f"kept as {kept.name}; a new log was begun")


def _no_store(home: Path) -> StoreProblem:
    return StoreProblem(
        "There is no store here",
        file=str(home),
        found="no such directory",
        expected="the directory that keeps cases, results and reviews",
        fix="set SECOND_LOOK_HOME to it",
    )
