"""Everything that is kept, read once and slowly: DuckDB finds a damaged block only when it reads it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import chain

from duckdb import DuckDBPyConnection as Cursor

from core.errors import StoreProblem
from core.store.arrays import ArrayLost
from core.store.database import Database
from core.store.opening import Opened
from core.store.reports import TABLES

ROWS_AT_ONCE = 20_000


def damage_in(opened: Opened, rest: Callable[[float], bool]) -> Iterator[str]:
    """One sentence per table or array that cannot be read.

    rest: called after every piece with the seconds it took, to leave others as much; True ends the reading.
    """
    begin = time.perf_counter()
    for problem in chain(_tables(opened.database), _arrays(opened)):
        if problem:
            yield problem
        if rest(time.perf_counter() - begin):
            return
        begin = time.perf_counter()


def _tables(database: Database) -> Iterator[str]:
    """A sentence for each damaged table, "" for each piece that is well."""
    for table in TABLES:
        try:
            for start in range(0, database.read(_length(table)), ROWS_AT_ONCE):
                database.read(_reader(table, start))
                yield ""
        except StoreProblem as problem:
            yield f"table {table}: {problem.found}"


def _arrays(opened: Opened) -> Iterator[str]:
    try:
        for sha256 in opened.database.read(_names):
            yield _array_problem(opened, sha256)
    except StoreProblem:
        return  # told with its table


def _array_problem(opened: Opened, sha256: str) -> str:
    try:
        opened.arrays.check(sha256)
    except ArrayLost as lost:
        # Where it was deleted meanwhile, its row went first.
        return f"array {sha256[:12]}: {lost.kind}" if sha256 in opened.database.read(_names) else ""
    return ""


def _names(cursor: Cursor) -> list[str]:
    return [str(row[0]) for row in cursor.execute("SELECT sha256 FROM arrays ORDER BY sha256").fetchall()]


def _length(table: str) -> Callable[[Cursor], int]:
    ask = f"SELECT coalesce(max(rowid) + 1, 0) FROM {table}"
    return lambda cursor: int(cursor.execute(ask).fetchall()[0][0])


def _reader(table: str, start: int) -> Callable[[Cursor], object]:
    ask = f"SELECT * FROM {table} WHERE rowid >= ? AND rowid < ?"
    return lambda cursor: cursor.execute(ask, [start, start + ROWS_AT_ONCE]).fetchall()
