"""What was read from a store while something was answered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, cast

from duckdb import DuckDBPyConnection as Cursor

_TABLE = re.compile(r"\b(?:FROM|JOIN)\s+([a-z_]+)", re.IGNORECASE)


@dataclass(eq=False)
class ReadTrace:
    """Mutable on purpose: it counts while it is in force.

    statements, rows: of the database; tables: rows read by the tables named in the statement. arrays, bytes:
    array files that were opened and their size in memory.
    """

    statements: int = 0
    rows: int = 0
    arrays: int = 0
    bytes: int = 0
    tables: dict[str, int] = field(default_factory=dict)

    @property
    def nothing(self) -> bool:
        """Whether nothing at all was read."""
        return not self.statements and not self.arrays

    @property
    def sentence(self) -> str:
        """For the foot of a page.

        >>> ReadTrace().sentence
        'Nothing was read from the store.'
        """
        if self.nothing:
            return "Nothing was read from the store."
        found = ", ".join(sorted(self.tables))
        arrays = f"{self.arrays} array(s) of {self.bytes / 1e6:.1f} MB"
        return f"Read from the store: {self.rows} rows of {found or 'no table'}; {arrays}."


_TRACE: ContextVar[ReadTrace | None] = ContextVar("second_look_reads", default=None)


@contextmanager
def tracing() -> Iterator[ReadTrace]:
    """Count what this thread reads from any store."""
    trace = ReadTrace()
    token = _TRACE.set(trace)
    try:
        yield trace
    finally:
        _TRACE.reset(token)


def count_array(size: int) -> None:
    """Tell the trace in force, if any, that an array of so many bytes was opened."""
    trace = _TRACE.get()
    if trace is not None:
        trace.arrays += 1
        trace.bytes += size


def traced(cursor: Cursor) -> Cursor:
    """The cursor itself, or one that counts while a trace is in force."""
    trace = _TRACE.get()
    return cursor if trace is None else cast(Cursor, _CountingCursor(cursor, trace))


class _CountingCursor:
    """Passes everything on and counts the rows that come back."""

    def __init__(self, cursor: Cursor, trace: ReadTrace) -> None:
        self._cursor = cursor
        self._trace = trace
        self._tables: tuple[str, ...] = ()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def execute(self, statement: str, parameters: Any = None) -> _CountingCursor:
        self._tables = tuple(dict.fromkeys(_TABLE.findall(statement)))
        self._trace.statements += 1
        self._cursor.execute(statement, parameters)
        return self

    def fetchall(self) -> list[Any]:
        found = self._cursor.fetchall()
        self._count(len(found))
        return found

    def fetchmany(self, size: int = 1) -> list[Any]:
        found = self._cursor.fetchmany(size)
        self._count(len(found))
        return found

    def fetchnumpy(self) -> dict[str, Any]:
        found = self._cursor.fetchnumpy()
        self._count(max((len(each) for each in found.values()), default=0))
        return found

    def _count(self, rows: int) -> None:
        self._trace.rows += rows
        for table in self._tables:
            self._trace.tables[table] = self._trace.tables.get(table, 0) + rows
