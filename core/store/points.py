"""Operating points, append-only, and the log of which one is in force."""

from __future__ import annotations

from datetime import datetime

from duckdb import DuckDBPyConnection as Cursor

from core.config import digest
from core.store.cases import iso
from core.types import OperatingPoint

_UNHASHED = {"id", "created_utc"}
_ASSIGNED = {*_UNHASHED, "version"}


def insert_point(cursor: Cursor, point: OperatingPoint, now: datetime) -> OperatingPoint:
    """Keep a point as the next version of its name; the latest version itself when nothing else changed."""
    earlier = [each for each in point_records(cursor) if each.name == point.name]
    latest = max(earlier, key=lambda each: each.version, default=None)
    if latest is not None and _content(latest) == _content(point):
        return latest
    version = 1 if latest is None else latest.version + 1
    numbered = point.model_copy(update={"version": version, "created_utc": iso(now)})
    kept = numbered.model_copy(update={"id": digest(numbered.model_dump_json(exclude=_UNHASHED))})
    cursor.execute(
        "INSERT INTO operating_points VALUES (?, ?, ?, ?, ?)",
        [kept.id, kept.name, version, kept.model_dump_json(), now],
    )
    return kept


def point_records(cursor: Cursor) -> tuple[OperatingPoint, ...]:
    """Every kept version of every point, by name, the latest version first."""
    found = cursor.execute("SELECT record FROM operating_points ORDER BY name, version DESC").fetchall()
    return tuple(OperatingPoint.model_validate_json(record) for (record,) in found)


def active_point(cursor: Cursor, model_id: str, estimator: str) -> OperatingPoint | None:
    """The point that was put in force last for a model and an estimator, None when none is."""
    found = cursor.execute(
        """SELECT record FROM (
               SELECT point_id FROM activations WHERE model_id = ? AND estimator = ?
               ORDER BY number DESC LIMIT 1)
           JOIN operating_points ON id = point_id""",
        [model_id, estimator],
    ).fetchall()
    return OperatingPoint.model_validate_json(found[0][0]) if found else None


def log_activation(
    cursor: Cursor, model_id: str, estimator: str, point_id: str | None, now: datetime
) -> None:
    """Record that a point is in force from now on, or with None that no point is."""
    cursor.execute(
        """INSERT INTO activations
           SELECT coalesce(max(number), 0) + 1, ?, ?, ?, ?::TIMESTAMP FROM activations""",
        [model_id, estimator, point_id, now],
    )


def _content(point: OperatingPoint) -> str:
    # As text, where a NaN equals itself.
    return point.model_dump_json(exclude=_ASSIGNED)
