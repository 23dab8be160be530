"""Which case or analysis uses which array; an array that nobody uses is removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from duckdb import DuckDBPyConnection as Cursor

from core.store.arrays import AnyArray, ArrayEntry
from core.store.rows import insert_rows

OwnerKind = Literal["case", "analysis", "classification", "run", "run item"]
"""run: all histograms of a finished run in one array per level; run item: those of one of its items."""


@dataclass(frozen=True, eq=False)
class Part:
    """One array of a case or analysis on its way into the store.

    role: what it is there for. upper: the value of code 65535 for fixed-point maps, else None.
    """

    role: str
    entry: ArrayEntry
    array: AnyArray
    upper: float | None = None


@dataclass(frozen=True)
class Use:
    """A stored array in its role; `upper` as in Part."""

    sha256: str
    upper: float | None


def insert_uses(cursor: Cursor, owner: str, kind: OwnerKind, parts: Sequence[Part]) -> None:
    """Record the arrays and that `owner` uses them."""
    insert_many_uses(cursor, {owner: parts}, kind)


def insert_many_uses(cursor: Cursor, parts: Mapping[str, Sequence[Part]], kind: OwnerKind) -> None:
    """`insert_uses` for many owners of one kind, in two statements."""
    entries = {part.entry.sha256: part.entry for own in parts.values() for part in own}
    insert_rows(
        cursor,
        "arrays",
        ("VARCHAR", "BIGINT", "VARCHAR", "BIGINT[]"),
        [(each.sha256, each.size, each.dtype, list(each.shape)) for each in entries.values()],
        ignore_known=True,
    )
    insert_rows(
        cursor,
        "array_uses",
        ("VARCHAR", "VARCHAR", "VARCHAR", "VARCHAR", "DOUBLE"),
        [(owner, kind, p.role, p.entry.sha256, p.upper) for owner, own in parts.items() for p in own],
    )


def uses_of(cursor: Cursor, owner: str, kind: OwnerKind) -> Mapping[str, Use] | None:
    """The arrays of `owner` by role; None when one of them is no longer there."""
    rows = cursor.execute(
        """SELECT role, array_uses.sha256, upper, arrays.sha256 IS NOT NULL
           FROM array_uses LEFT JOIN arrays USING (sha256) WHERE owner = ? AND owner_kind = ?""",
        [owner, kind],
    ).fetchall()
    if not rows or not all(kept for *_, kept in rows):
        return None
    return {role: Use(sha256, upper) for role, sha256, upper, _ in rows}


def delete_uses(cursor: Cursor, owner: str, kind: OwnerKind, role: str | None = None) -> None:
    """Forget that `owner` uses anything, or anything in this role."""
    cursor.execute(
        "DELETE FROM array_uses WHERE owner = ? AND owner_kind = ? AND role = coalesce(?, role)",
        [owner, kind, role],
    )


def delete_unused(cursor: Cursor) -> tuple[str, ...]:
    """Remove the rows of arrays without a use; their SHA-256, for removing the files afterwards."""
    rows = cursor.execute(
        "DELETE FROM arrays WHERE sha256 NOT IN (SELECT sha256 FROM array_uses) RETURNING sha256"
    ).fetchall()
    return tuple(sha256 for (sha256,) in rows)


def delete_array(cursor: Cursor, sha256: str) -> bool:
    """Remove the row of a lost array, so that whoever uses it becomes a miss; True when it was there."""
    rows = cursor.execute("DELETE FROM arrays WHERE sha256 = ? RETURNING 1", [sha256]).fetchall()
    return bool(rows)


def known_arrays(cursor: Cursor) -> frozenset[str]:
    """SHA-256 of every array that has a row."""
    return frozenset(sha256 for (sha256,) in cursor.execute("SELECT sha256 FROM arrays").fetchall())


def total_bytes(cursor: Cursor) -> int:
    """Bytes of all arrays that have a row."""
    return int(cursor.execute("SELECT coalesce(sum(bytes), 0) FROM arrays").fetchall()[0][0])
