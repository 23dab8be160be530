"""Records with a name that count up their versions, append-only, and the log of which one is in force.

Operating points and profiles of the checks are kept alike, each in a pair of tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from duckdb import DuckDBPyConnection as Cursor

from core.config import digest
from core.store.cases import iso
from core.types import OperatingPoint
from core.types.profiles import Profile

_UNHASHED = {"id", "created_utc"}
_ASSIGNED = {*_UNHASHED, "version"}

Named = TypeVar("Named", OperatingPoint, Profile)


@dataclass(frozen=True)
class Shelf(Generic[Named]):
    """Where one kind of record lies: its table, the log of activations, and the log's column with the id."""

    record: type[Named]
    table: str
    log: str
    column: str


POINTS = Shelf(OperatingPoint, "operating_points", "activations", "point_id")
PROFILES = Shelf(Profile, "detector_profiles", "profile_activations", "profile_id")


def insert_record(cursor: Cursor, shelf: Shelf[Named], record: Named, now: datetime) -> Named:
    """Keep a record as the next version of its name; the latest version itself when nothing else changed."""
    earlier = [each for each in records(cursor, shelf) if each.name == record.name]
    latest = max(earlier, key=lambda each: each.version, default=None)
    if latest is not None and _content(latest) == _content(record):
        return latest
    version = 1 if latest is None else latest.version + 1
    numbered = record.model_copy(update={"version": version, "created_utc": iso(now)})
    kept = numbered.model_copy(update={"id": digest(numbered.model_dump_json(exclude=_UNHASHED))})
    cursor.execute(
        f"INSERT INTO {shelf.table} VALUES (?, ?, ?, ?, ?)",
        [kept.id, kept.name, version, kept.model_dump_json(), now],
    )
    return kept


def records(cursor: Cursor, shelf: Shelf[Named]) -> tuple[Named, ...]:
    """Every kept version of every record, by name, the latest version first."""
    found = cursor.execute(f"SELECT record FROM {shelf.table} ORDER BY name, version DESC").fetchall()
    return tuple(shelf.record.model_validate_json(record) for (record,) in found)


def active_record(cursor: Cursor, shelf: Shelf[Named], model_id: str, estimator: str) -> Named | None:
    """The record that was put in force last for a model and an estimator, None when none is."""
    found = cursor.execute(
        f"""SELECT record FROM (
               SELECT {shelf.column} FROM {shelf.log} WHERE model_id = ? AND estimator = ?
               ORDER BY number DESC LIMIT 1)
           JOIN {shelf.table} ON id = {shelf.column}""",
        [model_id, estimator],
    ).fetchall()
    return shelf.record.model_validate_json(found[0][0]) if found else None


def log_activation(
    cursor: Cursor, shelf: Shelf[Named], model_id: str, estimator: str, record_id: str | None, now: datetime
) -> None:
    """Record that a record is in force from now on, or with None that none is."""
    cursor.execute(
        f"""INSERT INTO {shelf.log}
           SELECT coalesce(max(number), 0) + 1, ?, ?, ?, ?::TIMESTAMP FROM {shelf.log}""",
        [model_id, estimator, record_id, now],
    )


def _content(record: Named) -> str:
    # As text, where a NaN equals itself.
    return record.model_dump_json(exclude=_ASSIGNED)
