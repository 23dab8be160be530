"""The stored units of a run as one table, column by column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from duckdb import DuckDBPyConnection as Cursor
from numpy.typing import NDArray

from core.store.arrays import AnyArray
from core.store.runs import HISTOGRAMS, item_owner, run_records
from core.store.uses import Use, uses_of
from core.types import WHOLE_CASE, Float64Array, Level, RunRecord, UnitTable

Ints = NDArray[np.int64]

MAX_JOINED_BYTES = 2 << 30
"""Histograms of single slices that take more memory than this are not put into a table."""

_LEVEL: dict[Level, str] = {"case": "slice = ?", "slice": "slice > ?", "slab": "slice > ?"}
"""Which rows belong to a level, to be filled with WHOLE_CASE."""

_SLICES = 1 << 32
"""More than any index of a slice, so that position * _SLICES + slice ascends with both."""


@dataclass(frozen=True, eq=False)
class UnitRows:
    """The part of a unit table that is kept in rows, and where its histograms are.

    position: (unit,) int64, of the item. joined: one array with the histograms of all units, None when the
    run is not finished. single: histograms of the slices of each item, by position; empty beside `joined`.
    """

    table: UnitTable
    position: Ints
    joined: Use | None
    single: Mapping[int, Use]


def read_units(cursor: Cursor, run_id: str, level: Level, *, joined: bool = True) -> UnitRows | None:
    """The rows of a run at one level, in order of item and slice; None when there is none.

    joined: whether the array of a finished run may be used.
    """
    found = run_records(cursor, run_id=run_id)
    if not found or level not in found[0].levels:
        return None
    units = _columns(cursor, "pred_empty, ref_empty, has_ref", "units", run_id, level)
    position, index = units["position"].astype(np.int64), units["slice"].astype(np.int64)
    if not len(position):
        return None
    codes = position * _SLICES + index
    uses = (uses_of(cursor, run_id, "run") or {}) if joined else {}
    table = _table(cursor, found[0], level, position, index, units, codes)
    single = {} if level in uses else item_uses(cursor, run_id)
    return UnitRows(table, position, uses.get(level), single)


def join_histograms(rows: UnitRows, arrays: Mapping[int, AnyArray]) -> NDArray[np.float32] | None:
    """Histograms of the units out of those of the items; None when there are none.

    arrays: (slice, region, class, 3, level) by position. A whole case is the sum of its slices, taken in
    float64; a unit without histograms has zeros. None too when they would take more than MAX_JOINED_BYTES,
    and for slices of items that keep one for the whole case.
    """
    first = next(iter(arrays.values()), None)
    if first is None or rows.table.units * first[0].nbytes > MAX_JOINED_BYTES:
        return None
    joined = np.zeros((rows.table.units, *first.shape[1:]), np.float32)
    for position, own in arrays.items():
        low, high = np.searchsorted(rows.position, (position, position + 1))
        if rows.table.level == "case":
            joined[low:high] = own[0] if len(own) == 1 else own.sum(axis=0, dtype=np.float64)
        elif len(own) != high - low:
            return None
        else:
            joined[low:high] = own
    return joined


def _table(
    cursor: Cursor,
    run: RunRecord,
    level: Level,
    position: Ints,
    index: Ints,
    units: Mapping[str, Any],
    codes: Ints,
) -> UnitTable:
    items = _items(cursor, run)
    confidence = _named(cursor, "unit_scores", run.id, level, codes)
    prob, label = _classes(cursor, run, level, codes)
    own = [items[each] for each in position.tolist()]
    return UnitTable(
        title=run.title,
        task=run.task,
        level=level,
        class_names=run.class_names,
        name=tuple(each[0] for each in own),
        group=tuple(each[1] for each in own),
        case_id=tuple(each[2] for each in own),
        analysis_key=tuple(each[3] for each in own),
        slice=index,
        pred_empty=units["pred_empty"].astype(np.bool_),
        ref_empty=units["ref_empty"].astype(np.bool_),
        has_ref=units["has_ref"].astype(np.bool_),
        confidence=confidence,
        default_confidence=next(iter(confidence), ""),
        metrics=_named(cursor, "unit_metrics", run.id, level, codes),
        prob=prob,
        label=label,
    )


def _columns(cursor: Cursor, names: str, table: str, run_id: str, level: Level) -> Any:
    return cursor.execute(
        f"""SELECT position, slice, {names} FROM {table} WHERE run_id = ? AND {_LEVEL[level]}
            ORDER BY position, slice""",
        [run_id, WHOLE_CASE],
    ).fetchnumpy()


def _items(cursor: Cursor, run: RunRecord) -> dict[int, tuple[str, str, str | None, str | None]]:
    """Name, group, case and analysis of each item by position."""
    found = cursor.execute(
        """SELECT position, name, item_group, case_id, analysis_key
           FROM run_items JOIN cohort_items USING (position) WHERE run_id = ? AND cohort_id = ?""",
        [run.id, run.cohort_id],
    ).fetchall()
    return {position: tuple(rest) for position, *rest in found}


def _named(cursor: Cursor, table: str, run_id: str, level: Level, codes: Ints) -> dict[str, Float64Array]:
    """Values by key in the order in which they were given, NaN where a unit has none."""
    found = cursor.execute(
        f"""SELECT key FROM {table} WHERE run_id = ? AND {_LEVEL[level]}
            GROUP BY key ORDER BY min(ordinal), key""",
        [run_id, WHOLE_CASE],
    ).fetchall()
    keys = [key for (key,) in found]
    # One statement for all keys, and no text among what is fetched.
    rows: Any = cursor.execute(
        f"""SELECT position, slice, list_position(?::VARCHAR[], key) AS column, value FROM {table}
            WHERE run_id = ? AND {_LEVEL[level]}""",
        [keys, run_id, WHOLE_CASE],
    ).fetchnumpy()
    values = np.full((len(keys), len(codes)), np.nan)
    values[rows["column"] - 1, _units_of(rows, codes)] = rows["value"]
    return dict(zip(keys, values, strict=True))


def _units_of(rows: Any, codes: Ints) -> Ints:
    """Which unit each row belongs to."""
    where: Ints = rows["position"].astype(np.int64) * _SLICES + rows["slice"]
    return np.searchsorted(codes, where)


def _classes(
    cursor: Cursor, run: RunRecord, level: Level, codes: Ints
) -> tuple[Float64Array | None, NDArray[np.bool_] | None]:
    """Probability and label, (unit, class) each, of a classification."""
    if run.task == "segmentation":
        return None, None
    found = _columns(cursor, "class, prob, label", "unit_classes", run.id, level)
    shape = (len(codes), len(run.class_names))
    prob, label = np.full(shape, np.nan), np.zeros(shape, np.bool_)
    at = _units_of(found, codes)
    prob[at, found["class"]] = found["prob"]
    label[at, found["class"]] = found["label"]
    return prob, label


def item_uses(cursor: Cursor, run_id: str) -> dict[int, Use]:
    """Histograms by position; an item whose array was lost is left out."""
    found = cursor.execute(
        """SELECT owner, sha256 FROM array_uses JOIN arrays USING (sha256)
           WHERE owner_kind = 'run item' AND role = ? AND starts_with(owner, ?)""",
        [HISTOGRAMS, item_owner(run_id, 0)[:-1]],
    ).fetchall()
    uses = {int(owner.rpartition("/")[2]): Use(sha256, None) for owner, sha256 in found}
    return dict(sorted(uses.items()))
