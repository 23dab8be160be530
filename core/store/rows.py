"""Many rows in one statement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from duckdb import DuckDBPyConnection as Cursor


def insert_rows(
    cursor: Cursor,
    table: str,
    types: Sequence[str],
    rows: Iterable[tuple[Any, ...]],
    *,
    ignore_known: bool = False,
) -> None:
    """Append `rows` to `table`, whose columns have the DuckDB `types`, in one statement.

    ignore_known: rows whose primary key is there already are left out.
    Bound as one list per column: a statement per row costs some 50 times as much. None stays NULL
    and NaN stays NaN, which a detour through a data frame would not keep apart.
    """
    columns = [list(column) for column in zip(*rows, strict=True)]
    if not columns:
        return
    parts = ", ".join(f"unnest(?::{kind}[])" for kind in types)
    verb = "INSERT OR IGNORE" if ignore_known else "INSERT"
    cursor.execute(f"{verb} INTO {table} SELECT {parts}", columns)
