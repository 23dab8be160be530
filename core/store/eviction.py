"""Dropping arrays, least recently used analyses first, and everything about a case."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from duckdb import DuckDBPyConnection as Cursor

from core.store.analyses import analysis_keys, delete_analysis_rows
from core.store.cases import delete_case_rows
from core.store.classifications import classification_keys, delete_classification_rows
from core.store.cohorts import drop_case
from core.store.migrations import read_meta, write_meta
from core.store.uses import delete_unused, delete_uses, total_bytes

_REWRITE_DUE = "rewrite_due"


class Evicted(NamedTuple):
    """How many analyses lost their arrays, and the SHA-256 of the files to remove."""

    analyses: int
    arrays: tuple[str, ...]


def touch(cursor: Cursor, used: Mapping[str, datetime]) -> None:
    """Record when analyses were last read, by key."""
    if used:
        cursor.execute(
            """UPDATE analyses SET last_used = greatest(last_used, used.moment)
               FROM (SELECT unnest(?::VARCHAR[]) AS key, unnest(?::TIMESTAMP[]) AS moment) AS used
               WHERE analyses.key = used.key""",
            [list(used), list(used.values())],
        )


def evict(cursor: Cursor, limit_bytes: int, spared_key: str) -> Evicted:
    """Drop the arrays of the analyses not used for longest until all arrays fit into `limit_bytes`.

    Scores and measures stay. The arrays of cases, of classifications, of the spared analysis and the
    histograms of runs are never dropped: tables and calibration of a run outlive the maps behind them.
    """
    dropped: list[str] = []
    count = 0
    for key in _oldest_first(cursor, spared_key):
        if total_bytes(cursor) <= limit_bytes:
            break
        delete_uses(cursor, key, "analysis")
        dropped += delete_unused(cursor)
        count += 1
    return Evicted(count, tuple(dropped))


def remove_case(cursor: Cursor, case_id: str) -> bool:
    """Remove a case and all that was derived from it, in every cohort and run; True when it was there."""
    for key in analysis_keys(cursor, case_id):
        delete_analysis_rows(cursor, key)
    for key in classification_keys(cursor, case_id):
        delete_classification_rows(cursor, key)
    drop_case(cursor, case_id)
    existed = delete_case_rows(cursor, case_id)
    if existed:
        mark_rewrite(cursor)
    return existed


def mark_rewrite(cursor: Cursor) -> None:
    """Record that the database file is due for a rewrite, since its free blocks still hold deleted rows."""
    write_meta(cursor, _REWRITE_DUE, "yes")


def rewrite_due(cursor: Cursor) -> bool:
    """Whether deleted rows may still be readable in the file's free blocks."""
    return read_meta(cursor, _REWRITE_DUE) is not None


def rewrite_done(cursor: Cursor) -> None:
    """Record that the file was rewritten."""
    cursor.execute("DELETE FROM meta WHERE key = ?", [_REWRITE_DUE])


def _oldest_first(cursor: Cursor, spared_key: str) -> tuple[str, ...]:
    found = cursor.execute(
        """SELECT key FROM analyses
           WHERE key <> ? AND key IN (SELECT owner FROM array_uses WHERE owner_kind = 'analysis')
           ORDER BY last_used, key""",
        [spared_key],
    ).fetchall()
    return tuple(key for (key,) in found)
