"""How many writes were acknowledged, counted inside the database and again in a file beside it.

DuckDB opens with fewer rows, and without a word, when its write-ahead log was cut, deleted or damaged. The
file is written after the commit, so that a crash between the two leaves it behind the database, never ahead:
a database that knows of fewer writes than the file has lost some.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path

from duckdb import DuckDBPyConnection as Cursor

MARK_SUFFIX = ".writes"
_KEY, _UNSEEN = "writes", "lost_writes"


class WriteMark:
    """The file beside the database."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + MARK_SUFFIX)

    def read(self) -> int | None:
        """The number of acknowledged writes, None when there is no file or it cannot be read."""
        try:
            number, check = self._path.read_bytes().split()
            return int(number) if int(check, 16) == zlib.crc32(number) else None
        except (OSError, ValueError):
            return None

    def put(self, writes: int) -> None:
        """Note a number; on disk once this returns. Written in place, which needs no room on a full disk."""
        number = b"%020d" % writes
        with self._path.open("r+b" if self._path.exists() else "xb") as stream:
            stream.write(number + b" %08x\n" % zlib.crc32(number))
            stream.flush()
            os.fsync(stream.fileno())


def count_write(cursor: Cursor) -> int:
    """Count the write that this transaction belongs to; how many there are with it."""
    return _add(cursor, _KEY, 1)


def writes_in(cursor: Cursor) -> int:
    """How many writes the database knows of."""
    return _value(cursor, _KEY)


def lost_writes(cursor: Cursor) -> int:
    """Lost writes that nobody has taken note of yet."""
    return _value(cursor, _UNSEEN)


def note_loss(cursor: Cursor, lost: int) -> None:
    """Remember a loss until somebody takes note of it, and count on from where the file stands."""
    _add(cursor, _UNSEEN, lost)
    _add(cursor, _KEY, lost)


def forget_losses(cursor: Cursor) -> None:
    """Somebody has taken note."""
    cursor.execute("DELETE FROM meta WHERE key = ?", [_UNSEEN])


def _add(cursor: Cursor, key: str, by: int) -> int:
    changed = cursor.execute(
        "UPDATE meta SET value = CAST(CAST(value AS BIGINT) + ? AS VARCHAR) WHERE key = ? RETURNING value",
        [by, key],
    ).fetchall()
    if changed:
        return int(changed[0][0])
    cursor.execute("INSERT INTO meta VALUES (?, ?)", [key, str(by)])
    return by


def _value(cursor: Cursor, key: str) -> int:
    rows = cursor.execute("SELECT value FROM meta WHERE key = ?", [key]).fetchall()
    return int(rows[0][0]) if rows else 0
