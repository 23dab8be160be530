"""Runs over cohorts in the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import get_args

import numpy as np
from duckdb import DuckDBPyConnection as Cursor
from numpy.typing import NDArray

from core.store.arrays import ArrayLost
from core.store.base import StoreBase
from core.store.eviction import mark_rewrite
from core.store.runs import (
    delete_run_rows,
    failures,
    insert_items,
    insert_run,
    item_parts,
    known_positions,
    positions,
    run_records,
)
from core.store.units import UnitRows, item_uses, join_histograms, read_units
from core.store.uses import Part, delete_uses, insert_uses, known_arrays
from core.types import ItemResult, Level, RunFailure, RunRecord, UnitTable

LEVELS: tuple[Level, ...] = get_args(Level)


class RunStore(StoreBase):
    """What models, or predictions made elsewhere, brought for each item of a cohort.

    An item is there as a whole or not at all. The histograms of a finished run are kept a second time in one
    array per level, which opens in one step; whatever changes the run drops that array.
    """

    def put_run(self, record: RunRecord) -> None:
        """Keep a run; one with the same id stays as it is. Counts and time are filled in by `run`."""
        self._database.write(lambda cursor: insert_run(cursor, record, self._now()))

    def runs(self, cohort_id: str | None = None, *, stressed: bool = False) -> tuple[RunRecord, ...]:
        """Every run, or those of one cohort, newest first. stressed: those of sweeps in place of others."""
        return self._database.small(
            ("runs", cohort_id, stressed),
            lambda cursor: run_records(cursor, cohort_id=cohort_id, stressed=stressed),
        )

    def run(self, run_id: str) -> RunRecord | None:
        """The run with this id, None when there is none."""
        found = self._database.small(("run", run_id), lambda cursor: run_records(cursor, run_id=run_id))
        return found[0] if found else None

    def delete_run(self, run_id: str) -> bool:
        """Remove a run with everything that came out of it; True when it was there."""

        def work(cursor: Cursor) -> bool:
            existed = delete_run_rows(cursor, run_id)
            if existed:
                mark_rewrite(cursor)
            return existed

        return self._delete(work)

    def put_item(self, run_id: str, position: int, result: ItemResult) -> bool:
        """Keep what one item brought, in place of an earlier result; once this returns it survives a crash.

        False, and nothing is kept, when the run or the item was removed meanwhile.
        """
        return self.put_items(run_id, {position: result}) == 1

    def put_items(self, run_id: str, results: Mapping[int, ItemResult]) -> int:
        """`put_item` for many at once, in one transaction; how many were kept."""
        parts = {at: item_parts(result, self._arrays) for at, result in results.items()}

        def insert(cursor: Cursor) -> None:
            known = known_positions(cursor, run_id, list(results))
            kept.update({at: result for at, result in results.items() if at in known})
            insert_items(cursor, run_id, kept, {at: parts[at] for at in kept})

        kept: dict[int, ItemResult] = {}
        every = [part for own in parts.values() for part in own]
        self._keep(every, insert)
        if len(kept) < len(results):
            self._drop_unknown(every)
        return len(kept)

    def done_positions(self, run_id: str) -> frozenset[int]:
        """Positions of the items whose results are kept."""
        return self._database.read(lambda cursor: positions(cursor, run_id, failed=False))

    def failed_positions(self, run_id: str) -> frozenset[int]:
        """Positions of the items that failed."""
        return self._database.read(lambda cursor: positions(cursor, run_id, failed=True))

    def run_failures(self, run_id: str) -> tuple[RunFailure, ...]:
        """The items that failed, in order."""
        return self._database.read(lambda cursor: failures(cursor, run_id))

    def unit_table(self, run_id: str, level: Level = "case") -> UnitTable | None:
        """What came out of a run so far, whole cases or slices; None when there is nothing at this level.

        Histograms of a case are the sum of those of its slices; units without a reference have zeros.
        """
        rows = self._database.read(lambda cursor: read_units(cursor, run_id, level))
        if rows is None:
            return None
        if rows.joined is not None:
            found = self._load({level: rows.joined})
            if found is not None:
                return replace(rows.table, histograms=found[level])
            rows = self._database.read(lambda cursor: read_units(cursor, run_id, level, joined=False))
        return None if rows is None else replace(rows.table, histograms=self._joined(rows))

    def finish_run(self, run_id: str) -> None:
        """Join the histograms of a run, so that its tables open fast; nothing else changes."""
        for level in LEVELS:
            self._finish_level(run_id, level)

    def _finish_level(self, run_id: str, level: Level) -> None:
        rows = self._database.read(lambda cursor: read_units(cursor, run_id, level))
        joined = None if rows is None or rows.joined else self._joined(rows)
        if rows is None or joined is None:
            return
        part, before = Part(level, self._arrays.describe(joined), joined), rows.single

        def insert(cursor: Cursor) -> None:
            # Only if nothing was added or deleted since the rows were read.
            if item_uses(cursor, run_id) == before:
                delete_uses(cursor, run_id, "run", level)
                insert_uses(cursor, run_id, "run", (part,))

        self._keep((part,), insert)
        self._drop_unknown([part])

    def _joined(self, rows: UnitRows) -> NDArray[np.float32] | None:
        arrays = {}
        for position, use in rows.single.items():
            try:
                arrays[position] = self._read_array(use.sha256)
            except ArrayLost as lost:
                self._forget(lost)
        return join_histograms(rows, arrays)

    def _drop_unknown(self, parts: list[Part]) -> None:
        with self._database.writing():
            known = self._database.read(known_arrays)
            self._drop([part.entry.sha256 for part in parts if part.entry.sha256 not in known])
