"""`store`: the directory that keeps cases and results."""

from __future__ import annotations

import sys

import click

from core.commands.output import print_record


@click.group()
def store() -> None:
    """The directory that keeps cases and results."""


@store.command("info")
@click.option("--json", "as_json", is_flag=True)
def store_info(as_json: bool) -> None:
    """Where the store is, what it holds and how large it is."""
    from core.store import Store

    with Store.open() as opened:
        print_record(opened.info().model_dump(mode="json"), as_json)


@store.command("verify")
@click.option("--json", "as_json", is_flag=True)
def store_verify(as_json: bool) -> None:
    """Read every row and array and compare each array with its SHA-256."""
    from core.store import Store

    with Store.open() as opened:
        report = opened.verify()
    print_record({"ok": report.ok, **report.model_dump(mode="json")}, as_json)
    if not report.ok:
        sys.exit(2)
