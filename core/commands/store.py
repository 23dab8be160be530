"""`store`: the directory that keeps cases and results."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from core.commands.output import print_record, stderr_progress


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


@store.command("backup")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder outside the store, best on another disk; the backup is a new directory in it.",
)
@click.option("--json", "as_json", is_flag=True)
def store_backup(out: Path, as_json: bool) -> None:
    """Copy everything that is kept, and check the copy. A running app makes it itself when asked."""
    from core.store import Store, StoreInUse, default_home
    from core.store.backup_format import read_manifest
    from core.store.backup_request import ask_owner

    try:
        with Store.open() as opened:
            path, _ = opened.backup(out, stderr_progress())
    except StoreInUse:
        path = ask_owner(default_home().resolve(), out)
    manifest = read_manifest(path)
    print_record(
        {"backup": str(path), **manifest.model_dump(mode="json", exclude={"files"}),
         "files": len(manifest.files), "bytes": manifest.size},
        as_json,
    )  # fmt: skip


@store.command("restore")
@click.argument("backup", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--json", "as_json", is_flag=True)
def store_restore(backup: Path, as_json: bool) -> None:
    """Put a backup in place of the present store, which is set aside and never deleted.

    The present review log stays where it goes on from the backup's, so that no decision is lost.
    """
    from core.store import Store, default_home, restore

    found = restore(default_home(), backup, stderr_progress())
    with Store.open() as opened:
        report = opened.verify()
    print_record({"ok": report.ok, **found.model_dump(mode="json"), "problems": report.problems}, as_json)
    if not report.ok:
        sys.exit(2)


@store.command("set-aside")
@click.option("--json", "as_json", is_flag=True)
def store_set_aside(as_json: bool) -> None:
    """Move a damaged database and its arrays into a folder of their own, to start afresh; deletes nothing."""
    from core.store import default_home, set_aside

    print_record({"set_aside": str(set_aside(default_home()))}, as_json)
