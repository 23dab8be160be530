"""Runs and what their items brought, as rows and arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from duckdb import DuckDBPyConnection as Cursor

from core.config import AnalysisConfig, canonical_json
from core.store.arrays import ArrayStore
from core.store.cases import iso
from core.store.codec import strings, to_json
from core.store.rows import insert_rows
from core.store.schema_runs import ITEM_TABLES
from core.store.uses import Part, delete_uses, insert_many_uses
from core.types import ItemResult, RunFailure, RunRecord, UnitResult

HISTOGRAMS = "histograms"
"""Role of the array of a run item."""

_RECORD = """
SELECT id, cohort_id, title, source, task, class_names, config, created,
       (SELECT count(*) FROM cohort_items WHERE cohort_id = runs.cohort_id),
       (SELECT count(*) FROM run_items WHERE run_id = id AND problem = ''),
       (SELECT count(*) FROM run_items WHERE run_id = id AND problem <> ''),
       (SELECT count(*) FROM run_items WHERE run_id = id AND problem = '' AND origin = 'out of fold'),
       (SELECT count(*) FROM run_items WHERE run_id = id AND problem = '' AND origin = 'in training'),
       EXISTS (SELECT 1 FROM units WHERE run_id = id AND slice > -1)
FROM runs
"""
_STRESSED = '"corruption":'
"""What stands in the settings of a run under a corruption, and in no other."""
_FLAGS = ("VARCHAR", "INTEGER", "INTEGER", "BOOLEAN", "BOOLEAN", "BOOLEAN")
_VALUES = ("VARCHAR", "INTEGER", "INTEGER", "INTEGER", "VARCHAR", "DOUBLE")
_CLASSES = ("VARCHAR", "INTEGER", "INTEGER", "INTEGER", "DOUBLE", "BOOLEAN")
_ITEMS = ("VARCHAR", "INTEGER", "VARCHAR", "DOUBLE", "VARCHAR", "VARCHAR")

Row = tuple[str | int | float | bool | None, ...]


def item_owner(run_id: str, position: int) -> str:
    """Who uses the histograms of an item."""
    return f"{run_id}/{position}"


def item_parts(result: ItemResult, arrays: ArrayStore) -> tuple[Part, ...]:
    """The arrays of an item, named but not yet kept."""
    if result.histograms is None:
        return ()
    return (Part(HISTOGRAMS, arrays.describe(result.histograms), result.histograms),)


def insert_run(cursor: Cursor, record: RunRecord, now: datetime) -> None:
    """Keep a run; one with the same id stays as it is."""
    config = None if record.config is None else canonical_json(record.config)
    classes = to_json(record.class_names)
    row = [record.id, record.cohort_id, record.title, record.source, record.task, classes, config, now]
    cursor.execute("INSERT OR IGNORE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)


def run_records(
    cursor: Cursor,
    *,
    run_id: str | None = None,
    cohort_id: str | None = None,
    stressed: bool | None = None,
) -> tuple[RunRecord, ...]:
    """Every run, of one cohort or with one id if that is given, newest first.

    stressed: only runs under a corruption, or only others; None: both.
    """
    given = {"id": run_id, "cohort_id": cohort_id}
    chosen = {name: value for name, value in given.items() if value is not None}
    conditions = [f"{name} = ?" for name in chosen]
    if stressed is not None:
        conditions.append(f"coalesce(contains(config, '{_STRESSED}'), false) = {str(stressed).lower()}")
    clause = "WHERE " + " AND ".join(conditions) if conditions else ""
    found = cursor.execute(f"{_RECORD} {clause} ORDER BY created DESC, id", [*chosen.values()]).fetchall()
    return tuple(
        RunRecord(
            id=row[0],
            cohort_id=row[1],
            title=row[2],
            source=row[3],
            task=row[4],
            class_names=strings(row[5]),
            config=None if row[6] is None else AnalysisConfig.model_validate_json(row[6]),
            created_utc=iso(row[7]),
            items=row[8],
            done=row[9],
            failed=row[10],
            out_of_fold=row[11],
            in_training=row[12],
            parts=row[13],
        )
        for row in found
    )


def run_ids(cursor: Cursor, cohort_id: str) -> tuple[str, ...]:
    """Ids of the runs over a cohort."""
    found = cursor.execute("SELECT id FROM runs WHERE cohort_id = ?", [cohort_id]).fetchall()
    return tuple(run_id for (run_id,) in found)


def positions(cursor: Cursor, run_id: str, *, failed: bool) -> frozenset[int]:
    """Positions of the items that failed, or of those that are done."""
    found = cursor.execute(
        "SELECT position FROM run_items WHERE run_id = ? AND (problem <> '') = ?", [run_id, failed]
    ).fetchall()
    return frozenset(position for (position,) in found)


def failures(cursor: Cursor, run_id: str) -> tuple[RunFailure, ...]:
    """The items that failed, in order."""
    found = cursor.execute(
        """SELECT position, name, problem
           FROM run_items JOIN runs ON runs.id = run_id JOIN cohort_items USING (cohort_id, position)
           WHERE run_id = ? AND problem <> '' ORDER BY position""",
        [run_id],
    ).fetchall()
    return tuple(RunFailure(position=at, name=name, sentence=problem) for at, name, problem in found)


def known_positions(cursor: Cursor, run_id: str, wanted: Sequence[int]) -> frozenset[int]:
    """Those of the wanted positions that the run's cohort has; none when the run is gone."""
    found = cursor.execute(
        """SELECT position FROM cohort_items JOIN runs USING (cohort_id)
           WHERE runs.id = ? AND position IN (SELECT unnest(?::INTEGER[]))""",
        [run_id, list(wanted)],
    ).fetchall()
    return frozenset(position for (position,) in found)


def insert_items(
    cursor: Cursor, run_id: str, items: Mapping[int, ItemResult], parts: Mapping[int, tuple[Part, ...]]
) -> None:
    """Keep the results of items by position, in place of earlier ones."""
    forget_items(cursor, run_id, _earlier(cursor, run_id, list(items)))
    insert_rows(
        cursor,
        "run_items",
        _ITEMS,
        [(run_id, at, r.analysis_key, r.seconds, r.problem, r.origin) for at, r in items.items()],
    )
    units = [(at, unit) for at, result in items.items() for unit in result.units]
    flags = [(run_id, at, u.slice, u.pred_empty, u.ref_empty, u.has_ref) for at, u in units]
    insert_rows(cursor, "units", _FLAGS, flags)
    insert_rows(cursor, "unit_scores", _VALUES, _values(run_id, units, "confidence"))
    insert_rows(cursor, "unit_metrics", _VALUES, _values(run_id, units, "metrics"))
    insert_rows(cursor, "unit_classes", _CLASSES, _classes(run_id, units))
    owned = {item_owner(run_id, at): own for at, own in parts.items()}
    insert_many_uses(cursor, owned, "run item")
    delete_uses(cursor, run_id, "run")


def forget_items(cursor: Cursor, run_id: str, at: Sequence[int]) -> None:
    """Remove what items brought; arrays are left to `delete_unused`."""
    if not at:
        return
    for table in ITEM_TABLES:
        cursor.execute(
            f"DELETE FROM {table} WHERE run_id = ? AND position IN (SELECT unnest(?::INTEGER[]))",
            [run_id, list(at)],
        )
    for position in at:
        delete_uses(cursor, item_owner(run_id, position), "run item")
    delete_uses(cursor, run_id, "run")


def delete_run_rows(cursor: Cursor, run_id: str) -> bool:
    """Remove a run with everything that came out of it; True when it was there."""
    cursor.execute(
        "DELETE FROM array_uses WHERE owner_kind = 'run item' AND starts_with(owner, ?)", [f"{run_id}/"]
    )
    delete_uses(cursor, run_id, "run")
    for table in ITEM_TABLES:
        cursor.execute(f"DELETE FROM {table} WHERE run_id = ?", [run_id])
    return bool(cursor.execute("DELETE FROM runs WHERE id = ? RETURNING 1", [run_id]).fetchall())


def _earlier(cursor: Cursor, run_id: str, wanted: Sequence[int]) -> list[int]:
    found = cursor.execute(
        """SELECT position FROM run_items
           WHERE run_id = ? AND position IN (SELECT unnest(?::INTEGER[]))""",
        [run_id, list(wanted)],
    ).fetchall()
    return [position for (position,) in found]


def _values(run_id: str, units: Sequence[tuple[int, UnitResult]], kind: str) -> Iterator[Row]:
    for at, unit in units:
        pairs: tuple[tuple[str, float], ...] = getattr(unit, kind)
        for ordinal, (key, value) in enumerate(pairs):
            yield run_id, at, unit.slice, ordinal, key, float(value)


def _classes(run_id: str, units: Sequence[tuple[int, UnitResult]]) -> Iterator[Row]:
    for at, unit in units:
        prob = unit.prob or ()
        label = unit.label or (False,) * len(prob)
        for index, (value, present) in enumerate(zip(prob, label, strict=True)):
            yield run_id, at, unit.slice, index, float(value), present
