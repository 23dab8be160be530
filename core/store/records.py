"""What the store says about itself and about what it holds."""

from __future__ import annotations

from typing import Literal

from core.config import Frozen
from core.types import MadeBy

MOST_TOLD = 20
"""Damaged tables and arrays that are named; the rest is not."""

StoreMode = Literal["read-write", "read-only", "memory"]


class CaseSummary(Frozen):
    """One stored case without its arrays.

    shape: (channel, slice, row, column). analyses: how many results are kept of it, masks and classes alike.
    """

    id: str
    name: str
    format: str
    group: str | None
    modality: str | None
    shape: tuple[int, int, int, int]
    has_reference: bool
    analyses: int
    created_utc: str


class AnalysisSummary(Frozen):
    """One stored analysis without its arrays.

    arrays_kept: False when they were dropped to save room or found damaged; it must then be computed
    again before it can be shown.
    """

    key: str
    case_id: str
    made_by: MadeBy
    arrays_kept: bool
    created_utc: str


class StoreHealth(Frozen):
    """What went wrong since the store was opened, and was survived.

    missing_files, damaged_files: arrays without their file or with another hash, counted as misses.
    evicted_analyses: analyses whose arrays were dropped to stay below the size limit.
    failed_rewrites: deletions after which the database file could not be rewritten yet.
    lost_writes: writes that were acknowledged and are missing: the database or its log was cut or replaced.
    read_through: whether everything was read once since the opening. damage: what could not be read then.
    """

    missing_files: int = 0
    damaged_files: int = 0
    evicted_analyses: int = 0
    failed_rewrites: int = 0
    lost_writes: int = 0
    read_through: bool = False
    damage: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """True when nothing was lost or left behind; eviction is normal."""
        lost = self.missing_files or self.damaged_files or self.lost_writes or self.damage
        return not (lost or self.failed_rewrites)


class StoreInfo(Frozen):
    """Where the store is, how large, and in which state.

    home, database: "" for a store in memory. reason: why it is not writable, "" when it is.
    free_bytes: room left on the disk, None in memory or when the directory is gone. leftovers: files beside
    the store that hold older data (backups before a migration, damaged files that were set aside).
    """

    home: str
    database: str
    mode: StoreMode
    reason: str
    schema_version: int
    duckdb_version: str
    database_bytes: int
    array_bytes: int
    arrays: int
    cases: int
    analyses: int
    cohorts: int = 0
    runs: int = 0
    classifications: int = 0
    operating_points: int = 0
    free_bytes: int | None
    leftovers: tuple[str, ...]
    health: StoreHealth


class VerifyReport(Frozen):
    """Outcome of reading everything: rows per table, arrays hashed, and one sentence per problem."""

    rows: tuple[tuple[str, int], ...]
    arrays: int
    array_bytes: int
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.problems
