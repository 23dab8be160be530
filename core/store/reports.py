"""What a store holds and whether it can be read, for the command line and the health page."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from duckdb import DuckDBPyConnection as Cursor
from duckdb import __version__ as duckdb_version

from core.errors import StoreProblem
from core.store.arrays import ArrayLost
from core.store.migrations import schema_version
from core.store.opening import BACKUP_PATTERN, SET_ASIDE_PATTERN, Opened
from core.store.records import StoreHealth, StoreInfo, StoreMode, VerifyReport
from core.store.schema_profiles import PROFILE_TABLES
from core.store.schema_runs import RUN_TABLES
from core.store.uses import total_bytes

TABLES = (
    "meta", "arrays", "array_uses", "cases", "analyses", "slices", "scores", "measures", "components",
    "timings", *RUN_TABLES, *PROFILE_TABLES, "people",
)  # fmt: skip

COUNTED = ("arrays", "cases", "analyses", "cohorts", "runs", "classifications", "operating_points")
"""Tables whose number of rows `info` tells."""


def store_info(opened: Opened, health: StoreHealth) -> StoreInfo:
    """Paths, sizes, counts and state."""
    home, database = opened.home, opened.database
    return StoreInfo(
        home="" if home is None else str(home),
        database="" if database.path is None else str(database.path),
        mode=_mode(opened),
        reason=database.reason,
        duckdb_version=duckdb_version,
        database_bytes=_file_bytes(database.path),
        free_bytes=None if home is None or not home.exists() else shutil.disk_usage(home).free,
        leftovers=() if home is None else leftovers(home),
        health=health,
        **database.small("counts", _counts),
    )


def verify(opened: Opened) -> VerifyReport:
    """Read every row of every table and hash every array again, whatever was verified before."""
    rows, problems = [], []
    for table in TABLES:
        try:
            rows.append((table, opened.database.read(_reader(table))))
        except StoreProblem as problem:
            problems.append(f"table {table}: {problem.found}")
    arrays = _known_arrays(opened)
    problems += [lost for sha256, _ in arrays if (lost := _array_problem(opened, sha256))]
    return VerifyReport(
        rows=tuple(rows),
        arrays=len(arrays),
        array_bytes=sum(size for _, size in arrays),
        problems=tuple(problems),
    )


def _known_arrays(opened: Opened) -> list[tuple[str, int]]:
    try:
        return opened.database.read(
            lambda cursor: cursor.execute("SELECT sha256, bytes FROM arrays ORDER BY sha256").fetchall()
        )
    except StoreProblem:
        return []  # told with its table


def leftovers(home: Path) -> tuple[str, ...]:
    """Names of what lies beside the store and holds older data."""
    found = [*home.glob(BACKUP_PATTERN), *home.glob(SET_ASIDE_PATTERN)]
    return tuple(sorted(each.name for each in found))


def _mode(opened: Opened) -> StoreMode:
    if opened.home is None:
        return "memory"
    return "read-only" if opened.database.reason else "read-write"


def _counts(cursor: Cursor) -> dict[str, Any]:
    counted = {table: _count(cursor, table) for table in COUNTED}
    return {**counted, "array_bytes": total_bytes(cursor), "schema_version": schema_version(cursor)}


def _count(cursor: Cursor, table: str) -> int:
    return int(cursor.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])


def _reader(table: str) -> Any:
    def read(cursor: Cursor) -> int:
        cursor.execute(f"SELECT * FROM {table}")
        return sum(len(batch) for batch in iter(lambda: cursor.fetchmany(10_000), []))

    return read


def _array_problem(opened: Opened, sha256: str) -> str | None:
    try:
        opened.arrays.check(sha256)
    except ArrayLost as lost:
        return lost.sentence
    return None


def _file_bytes(path: Path | None) -> int:
    if path is None:
        return 0
    log = path.with_name(path.name + ".wal")
    return sum(each.stat().st_size for each in (path, log) if each.exists())
