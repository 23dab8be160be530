"""Cases as rows and arrays."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from duckdb import DuckDBPyConnection as Cursor

from core.config import ReadOptions, canonical_json
from core.store.arrays import AnyArray, ArrayStore
from core.store.codec import (
    geometry_from_json,
    geometry_to_json,
    narrowest,
    numbers,
    strings,
    to_json,
    widened,
)
from core.store.records import CaseSummary
from core.store.uses import Part, insert_uses, uses_of
from core.types import Case, Image, Reference

COLUMNS = (
    "id, name, format, case_group, options, geometry, shape, channel_names, modality, original_dtype, "
    "original_range, reference_name, reference_values, notes"
)

SUMMARY = """
SELECT id, name, format, case_group, modality, shape, reference_name IS NOT NULL AS has_reference,
       (SELECT count(*) FROM analyses WHERE case_id = cases.id)
           + (SELECT count(*) FROM classifications WHERE case_id = cases.id) AS analyses, created
FROM cases ORDER BY created DESC, id
"""


def case_parts(case: Case, arrays: ArrayStore) -> tuple[Part, ...]:
    """The arrays of a case, named but not yet kept."""
    values = narrowest(case.image.values)
    image = Part("image", arrays.describe(values), values)
    if case.reference is None:
        return (image,)
    mask, labels = case.reference.mask_ref, case.reference.labels
    reference = Part("reference", arrays.describe(mask), mask)
    if labels is None:
        return image, reference
    return image, reference, Part("reference_labels", arrays.describe(labels), labels)


def insert_case(cursor: Cursor, case: Case, parts: tuple[Part, ...], now: datetime) -> None:
    """Keep a case; one that is there already stays as it is, but lost arrays are repaired."""
    values = [*_case_row(case), now]
    marks = ", ".join("?" * len(values))
    added = cursor.execute(
        f"INSERT OR IGNORE INTO cases ({COLUMNS}, created) VALUES ({marks}) RETURNING id",
        values,
    ).fetchall()
    if added or uses_of(cursor, case.id, "case") is None:
        cursor.execute("DELETE FROM array_uses WHERE owner = ? AND owner_kind = 'case'", [case.id])
        insert_uses(cursor, case.id, "case", parts)


def case_exists(cursor: Cursor, case_id: str) -> bool:
    """Whether a case with this id is kept."""
    return bool(cursor.execute("SELECT 1 FROM cases WHERE id = ?", [case_id]).fetchall())


def case_row(cursor: Cursor, case_id: str) -> Mapping[str, Any] | None:
    """The stored columns of a case by name, None when it is not kept."""
    found = cursor.execute(f"SELECT {COLUMNS} FROM cases WHERE id = ?", [case_id]).fetchall()
    return dict(zip(COLUMNS.split(", "), found[0], strict=True)) if found else None


def build_case(row: Mapping[str, Any], arrays: Mapping[str, AnyArray]) -> Case:
    """The case that `insert_case` was given."""
    image = Image(
        values=widened(arrays["image"]),
        geometry=geometry_from_json(row["geometry"]),
        channel_names=strings(row["channel_names"]),
        modality=row["modality"],
        original_dtype=row["original_dtype"],
        original_range=cast(tuple[float, float], numbers(row["original_range"])),
    )
    return Case(
        id=row["id"],
        name=row["name"],
        image=image,
        reference=_reference(row, arrays),
        format=row["format"],
        options=ReadOptions.model_validate_json(row["options"]),
        group=row["case_group"],
        notes=strings(row["notes"]),
    )


def summaries(cursor: Cursor) -> tuple[CaseSummary, ...]:
    """Every kept case, newest first."""
    names = ("id", "name", "format", "group", "modality", "shape", "has_reference", "analyses")
    found = cursor.execute(SUMMARY).fetchall()
    return tuple(
        CaseSummary(**dict(zip(names, row, strict=False)), created_utc=iso(row[-1])) for row in found
    )


def delete_case_rows(cursor: Cursor, case_id: str) -> bool:
    """Remove the rows of a case itself (not of its analyses); True when there was one."""
    cursor.execute("DELETE FROM array_uses WHERE owner = ? AND owner_kind = 'case'", [case_id])
    return bool(cursor.execute("DELETE FROM cases WHERE id = ? RETURNING 1", [case_id]).fetchall())


def iso(moment: datetime) -> str:
    """A stored moment (UTC without a zone) as text."""
    return moment.isoformat(timespec="seconds") + "+00:00"


def _case_row(case: Case) -> list[Any]:
    image, reference = case.image, case.reference
    return [
        case.id,
        case.name,
        case.format,
        case.group,
        canonical_json(case.options),
        geometry_to_json(image.geometry),
        list(image.values.shape),
        to_json(image.channel_names),
        image.modality,
        image.original_dtype,
        to_json(image.original_range),
        None if reference is None else reference.name,
        None if reference is None else to_json(reference.value_set),
        to_json(case.notes),
    ]


def _reference(row: Mapping[str, Any], arrays: Mapping[str, AnyArray]) -> Reference | None:
    if row["reference_name"] is None:
        return None
    return Reference(
        mask_ref=arrays["reference"],
        name=row["reference_name"],
        value_set=numbers(row["reference_values"]),
        labels=arrays.get("reference_labels"),
    )
