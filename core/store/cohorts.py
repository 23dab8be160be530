"""Cohorts and their items as rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from duckdb import DuckDBPyConnection as Cursor

from core.store.cases import iso
from core.store.codec import strings, to_json
from core.store.rows import insert_rows
from core.store.runs import delete_run_rows, forget_items, run_ids
from core.types import CohortItem, CohortRecord, Refusal

_RECORD = """
SELECT id, name, task, layout, class_names, refused, created,
       (SELECT count(*) FROM cohort_items WHERE cohort_id = id),
       (SELECT count(DISTINCT item_group) FROM cohort_items WHERE cohort_id = id)
FROM cohorts
"""
_ITEM = """
SELECT cohort_id, position, case_id, cohort_items.name, item_group, labels FROM cohort_items
"""
_ITEM_TYPES = ("VARCHAR", "INTEGER", "VARCHAR", "VARCHAR", "VARCHAR", "JSON")


def insert_cohort(cursor: Cursor, record: CohortRecord, items: Sequence[CohortItem], now: datetime) -> None:
    """Keep a cohort; one with the same id gets the new name and exactly these items."""
    refused = json.dumps([each.model_dump() for each in record.refused])
    values = [record.name, record.task, record.layout, to_json(record.class_names), refused]
    if cursor.execute("SELECT 1 FROM cohorts WHERE id = ?", [record.id]).fetchall():
        cursor.execute(
            "UPDATE cohorts SET name = ?, task = ?, layout = ?, class_names = ?, refused = ? WHERE id = ?",
            [*values, record.id],
        )
    else:
        cursor.execute("INSERT INTO cohorts VALUES (?, ?, ?, ?, ?, ?, ?)", [record.id, *values, now])
    cursor.execute("DELETE FROM cohort_items WHERE cohort_id = ?", [record.id])
    insert_rows(cursor, "cohort_items", _ITEM_TYPES, [_item_row(record.id, each) for each in items])


def cohort_records(cursor: Cursor, cohort_id: str | None = None) -> tuple[CohortRecord, ...]:
    """Every cohort, newest first, or the one with this id."""
    clause = "" if cohort_id is None else "WHERE id = ? "
    found = cursor.execute(
        f"{_RECORD} {clause}ORDER BY created DESC, id", [] if cohort_id is None else [cohort_id]
    ).fetchall()
    return tuple(
        CohortRecord(
            id=key,
            name=name,
            task=task,
            layout=layout,
            class_names=strings(classes),
            refused=tuple(Refusal.model_validate(each) for each in json.loads(refused)),
            items=items,
            groups=groups,
            created_utc=iso(created),
        )
        for key, name, task, layout, classes, refused, created, items, groups in found
    )


def cohort_items(cursor: Cursor, cohort_id: str) -> tuple[CohortItem, ...]:
    """The items of a cohort in order; positions may have gaps where cases were deleted."""
    found = cursor.execute(f"{_ITEM} WHERE cohort_id = ? ORDER BY position", [cohort_id]).fetchall()
    return tuple(_item(row) for _, *row in found)


def places_of_case(cursor: Cursor, case_id: str) -> tuple[tuple[str, CohortItem], ...]:
    """(cohort id, item) of every item that is this case, the newest cohort first."""
    found = cursor.execute(
        f"""{_ITEM} JOIN cohorts ON cohorts.id = cohort_id WHERE case_id = ?
            ORDER BY cohorts.created DESC, cohort_id, position""",
        [case_id],
    ).fetchall()
    return tuple((cohort_id, _item(row)) for cohort_id, *row in found)


def _item(row: Sequence[Any]) -> CohortItem:
    position, case_id, name, group, labels = row
    return CohortItem(
        position=position,
        case_id=case_id,
        name=name,
        group=group,
        labels=None if labels is None else strings(labels),
    )


def delete_cohort_rows(cursor: Cursor, cohort_id: str) -> bool:
    """Remove a cohort with its runs (not its cases); True when it was there."""
    for run_id in run_ids(cursor, cohort_id):
        delete_run_rows(cursor, run_id)
    cursor.execute("DELETE FROM cohort_items WHERE cohort_id = ?", [cohort_id])
    return bool(cursor.execute("DELETE FROM cohorts WHERE id = ? RETURNING 1", [cohort_id]).fetchall())


def drop_case(cursor: Cursor, case_id: str) -> None:
    """Take a case out of every cohort, and what came of it out of every run."""
    found = cursor.execute(
        """SELECT runs.id, position FROM cohort_items JOIN runs USING (cohort_id) WHERE case_id = ?""",
        [case_id],
    ).fetchall()
    for run_id, position in found:
        forget_items(cursor, run_id, [position])
    cursor.execute("DELETE FROM cohort_items WHERE case_id = ?", [case_id])


def _item_row(cohort_id: str, item: CohortItem) -> tuple[str | int | None, ...]:
    labels = None if item.labels is None else to_json(item.labels)
    return cohort_id, item.position, item.case_id, item.name, item.group, labels
