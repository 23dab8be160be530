"""Cohorts in the store."""

from __future__ import annotations

from collections.abc import Sequence

from duckdb import DuckDBPyConnection as Cursor

from core.store.base import StoreBase
from core.store.cohorts import (
    cohort_items,
    cohort_records,
    delete_cohort_rows,
    insert_cohort,
    places_of_case,
)
from core.store.eviction import mark_rewrite
from core.types import CohortItem, CohortRecord


class CohortStore(StoreBase):
    """Named sets of cases. The cases themselves are kept by themselves and may lie in several cohorts."""

    def put_cohort(self, record: CohortRecord, items: Sequence[CohortItem]) -> None:
        """Keep a cohort; one with the same id gets the new name and exactly these items.

        `record.items`, `record.groups` and `record.created_utc` are not kept but counted and filled in by
        `cohort`. Raises StoreProblem when the store is read-only.
        """
        self._database.write(lambda cursor: insert_cohort(cursor, record, items, self._now()))

    def cohorts(self) -> tuple[CohortRecord, ...]:
        """Every cohort, newest first."""
        return self._database.small("cohorts", cohort_records)

    def cohort(self, cohort_id: str) -> CohortRecord | None:
        """The cohort with this id, None when there is none."""
        found = self._database.small(("cohort", cohort_id), lambda cursor: cohort_records(cursor, cohort_id))
        return found[0] if found else None

    def cohort_items(self, cohort_id: str) -> tuple[CohortItem, ...]:
        """Its items in order; positions have gaps where cases were deleted."""
        return self._database.read(lambda cursor: cohort_items(cursor, cohort_id))

    def places_of(self, case_id: str) -> tuple[tuple[str, CohortItem], ...]:
        """(cohort id, item) of every place that a case has in a cohort, the newest cohort first."""
        return self._database.read(lambda cursor: places_of_case(cursor, case_id))

    def delete_cohort(self, cohort_id: str) -> bool:
        """Remove a cohort with its runs, but not its cases; True when it was there."""

        def work(cursor: Cursor) -> bool:
            existed = delete_cohort_rows(cursor, cohort_id)
            if existed:
                mark_rewrite(cursor)
            return existed

        return self._delete(work)
