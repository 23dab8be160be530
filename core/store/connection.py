"""The one place that opens DuckDB, and what its errors mean."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import duckdb

from core.errors import StoreProblem
from core.store.arrays import sync_directory
from core.store.ownership import owned_elsewhere
from core.store.settings import StoreSettings

Config = dict[str, str | bool | int | float | list[str]]

_FAULTS = (duckdb.OperationalError, duckdb.InternalError, duckdb.FatalException)

NO_EXTENSIONS: Config = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}

SPILL_NAME = "spill"
_OWNER = re.compile(r"\(PID (\d+)\)")


def connect(
    path: Path | None, settings: StoreSettings, *, read_only: bool = False
) -> duckdb.DuckDBPyConnection:
    """A private, locked-down connection to the file at `path`, or to memory when it is None.

    Raises StoreProblem when another process owns the file or the file is damaged.
    """
    try:
        connection = duckdb.connect(
            ":memory:" if path is None else str(path),
            read_only=read_only,
            config={"memory_limit": settings.memory_limit, "threads": settings.threads, **NO_EXTENSIONS},
        )
    except duckdb.Error as error:
        raise _opening_problem(path, error) from error
    _lock_down(connection, "" if path is None else str(path.parent / SPILL_NAME))
    return connection


def rewrite(path: Path) -> None:
    """Copy a closed database into a fresh file that takes its place.

    Deleted rows stay readable in the free blocks of a DuckDB file, and a checkpoint does not change
    that; only a fresh file holds nothing but the living rows. Raises OSError or a DuckDB error, with
    the old file untouched.
    """
    _require_merged(path)
    fresh = path.with_name(path.name + ".rewrite")
    fresh.unlink(missing_ok=True)
    try:
        _copy_database(path, fresh)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    sync_directory(path.parent)


def is_fault(error: Exception) -> bool:
    """Whether an error is one of disk, file or memory; every other is a mistake in this package.

    A block whose checksum is wrong comes as the base class itself.
    """
    return isinstance(error, (OSError, *_FAULTS)) or type(error) is duckdb.Error


def copy_closed(path: Path, target: Path) -> None:
    """Copy a closed database. Raises OSError, also when its log was not merged into it.

    Only ever a closed one: closing any handle on the live file would give up DuckDB's lock on it.
    """
    _require_merged(path)
    with path.open("rb") as reading, target.open("xb") as writing:
        shutil.copyfileobj(reading, writing, 1 << 22)
        writing.flush()
        os.fsync(writing.fileno())


def storage_problem(path: Path | None, error: BaseException) -> StoreProblem:
    """What to tell when a row or the log could not be read or written."""
    return StoreProblem(
        "The store could not be read or written",
        file="" if path is None else str(path),
        found=str(error).splitlines()[0],
        expected="an intact file on a disk with room",
        fix="make room on the disk or restore the last backup, then start again",
    )


def _lock_down(connection: duckdb.DuckDBPyConnection, spill: str) -> None:
    # In this order: without external access the spill directory cannot be set any more.
    connection.execute(f"SET temp_directory = {_literal(spill)}")
    connection.execute("SET max_temp_directory_size = '4GB'")
    connection.execute("SET python_enable_replacements = false")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _copy_database(source: Path, target: Path) -> None:
    with duckdb.connect(":memory:", config=NO_EXTENSIONS) as connection:
        connection.execute(f"ATTACH {_literal(source)} AS old")
        connection.execute(f"ATTACH {_literal(target)} AS fresh")
        connection.execute("COPY FROM DATABASE old TO fresh")
        connection.execute("CHECKPOINT fresh")
        connection.execute("DETACH fresh")
        connection.execute("DETACH old")


def _require_merged(path: Path) -> None:
    log = path.with_name(path.name + ".wal")
    if log.exists():
        raise OSError(f"{log} was not merged into the database")


def _literal(path: Path | str) -> str:
    # ATTACH and SET take no bound parameters.
    return "'" + str(path).replace("'", "''") + "'"


def _opening_problem(path: Path | None, error: duckdb.Error) -> StoreProblem:
    owner = _OWNER.search(str(error))
    if owner and path is not None:
        return owned_elsewhere(path, owner.group(1))
    return StoreProblem(
        "The store's database file cannot be opened",
        file="" if path is None else str(path),
        found=str(error).splitlines()[0],
        expected="an intact DuckDB file; it is never overwritten",
        fix="restore a backup (`python -m core store restore DIRECTORY`), or put the damaged store away and "
        "start afresh (`python -m core store set-aside`)",
    )
