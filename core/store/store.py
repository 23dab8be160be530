"""The store: cases and analyses, kept for as long as nobody deletes them."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Literal, TypeVar

from duckdb import DuckDBPyConnection as Cursor

from core.errors import StoreProblem
from core.store import reports
from core.store.analyses import (
    analysis_parts,
    analysis_summaries,
    build_analysis,
    delete_analysis_rows,
    insert_analysis,
    read_analysis,
)
from core.store.arrays import AnyArray, ArrayLost
from core.store.cases import build_case, case_exists, case_parts, case_row, insert_case, summaries
from core.store.connection import storage_problem
from core.store.eviction import evict, remove_case, rewrite_done, rewrite_due, touch
from core.store.migrations import MIGRATIONS, Migration
from core.store.opening import BACKUP_PATTERN, Opened, open_directory, open_memory
from core.store.records import (
    AnalysisSummary,
    CaseSummary,
    StoreHealth,
    StoreInfo,
    VerifyReport,
)
from core.store.settings import StoreSettings, default_home, utc_now
from core.store.uses import Part, Use, delete_array, delete_unused, known_arrays, uses_of
from core.types import Analysis, Case

T = TypeVar("T")


class Store:
    """Everything that is kept, for any number of threads of one process.

    A row whose array file is missing or damaged is a miss: it is counted in `info().health`, and
    reading returns None. What a `put_` method was given comes back equal to the last bit.
    """

    def __init__(self, opened: Opened, settings: StoreSettings, clock: Callable[[], datetime]) -> None:
        """For `open`, which is the way in."""
        self._opened = opened
        self._database = opened.database
        self._arrays = opened.arrays
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._health = StoreHealth()
        self._touched: dict[str, datetime] = {}

    @classmethod
    def open(
        cls,
        home: Path | None = None,
        *,
        mode: Literal["auto", "read-only", "memory"] = "auto",
        settings: StoreSettings | None = None,
        clock: Callable[[], datetime] = utc_now,
        migrations: Sequence[Migration] = MIGRATIONS,
    ) -> Store:
        """The store in `home` (default: SECOND_LOOK_HOME, else the user's data directory).

        mode "auto": for reading and writing, read-only with a reason where nothing can be written;
        "memory": nothing touches the disk. Raises StoreProblem: owned by another instance (also one in
        this process), damaged, or made by a newer version. A damaged file is never overwritten.
        """
        settings = settings or StoreSettings()
        if mode == "memory":
            opened = open_memory(settings, migrations)
        else:
            read_only = mode == "read-only"
            opened = open_directory(home or default_home(), settings, migrations, read_only=read_only)
        store = cls(opened, settings, clock)
        store._finish_deletion()
        return store

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write what is pending, close the file and let the next instance in."""
        try:
            if not self._database.reason:
                self._database.write(self._flush_touched)
        finally:
            self._opened.close()

    def put_case(self, case: Case) -> None:
        """Keep a case; one with the same id stays as it is, but lost arrays are repaired.

        Raises StoreProblem when the store is read-only or the disk is nearly full.
        """
        parts = case_parts(case, self._arrays)
        self._keep(parts, lambda cursor: insert_case(cursor, case, parts, self._now()))

    def case(self, case_id: str) -> Case | None:
        """The case, None when it is not there or its arrays were lost."""
        row, uses = self._database.read(
            lambda cursor: (case_row(cursor, case_id), uses_of(cursor, case_id, "case"))
        )
        arrays = self._load(uses)
        return None if row is None or arrays is None else build_case(row, arrays)

    def case_summaries(self) -> tuple[CaseSummary, ...]:
        """Every kept case without its arrays, newest first."""
        return self._database.read(summaries)

    def delete_case(self, case_id: str) -> bool:
        """Remove a case with everything derived from it; True when it was there.

        Afterwards no row, array file or free block of the database file holds anything of it; backups
        made before a migration are removed too. What was set aside by hand stays.
        """
        with self._database.writing():
            existed, strays = self._database.write(lambda cursor: remove_case(cursor, case_id))
            self._drop(strays)
            self._finish_deletion()
        return existed

    def put_analysis(self, analysis: Analysis) -> None:
        """Keep an analysis; one with the same key and intact arrays stays as it is.

        Raises StoreProblem when its case is not (or no longer) kept, the store is read-only or the
        disk is nearly full.
        """
        parts = analysis_parts(analysis, self._arrays)
        self._keep(parts, lambda cursor: self._insert_analysis(cursor, analysis, parts))
        self._make_room(analysis.key)

    def analysis(self, key: str) -> Analysis | None:
        """The analysis made with this key, None when it has to be computed (again)."""
        rows, uses = self._database.read(
            lambda cursor: (read_analysis(cursor, key), uses_of(cursor, key, "analysis"))
        )
        arrays = self._load(uses)
        if rows is None or uses is None or arrays is None:
            return None
        with self._lock:
            self._touched[key] = self._now()
        return build_analysis(rows, uses, arrays)

    def analyses_of(self, case_id: str) -> tuple[AnalysisSummary, ...]:
        """The analyses of a case without their arrays, newest first."""
        return self._database.read(lambda cursor: analysis_summaries(cursor, case_id))

    def info(self) -> StoreInfo:
        """Paths, sizes, counts, state and what went wrong since the store was opened."""
        with self._lock:
            health = self._health
        return reports.store_info(self._opened, health)

    def verify(self) -> VerifyReport:
        """Read every row and hash every array; problems are reported, nothing is changed."""
        return reports.verify(self._opened)

    def _insert_analysis(self, cursor: Cursor, analysis: Analysis, parts: tuple[Part, ...]) -> None:
        if not case_exists(cursor, analysis.case_id):
            raise StoreProblem(
                "The result cannot be kept because its case is gone",
                found=f"no case {analysis.case_id[:12]}",
                expected="the case that was analysed",
                fix="open the file again",
            )
        if uses_of(cursor, analysis.key, "analysis") is None:
            delete_analysis_rows(cursor, analysis.key)
            insert_analysis(cursor, analysis, parts, self._now())

    def _keep(self, parts: Sequence[Part], insert: Callable[[Cursor], None]) -> None:
        self._database.require_writable()
        self._require_room(sum(part.entry.size for part in parts))
        self._keep_arrays(parts)
        with self._database.writing():
            # Again, now that nobody can delete: a deletion may have taken a shared array meanwhile.
            self._keep_arrays([part for part in parts if not self._arrays.has(part.entry)])
            try:
                self._database.write(insert)
            except BaseException:
                known = self._database.read(known_arrays)
                self._drop([part.entry.sha256 for part in parts if part.entry.sha256 not in known])
                raise

    def _keep_arrays(self, parts: Sequence[Part]) -> None:
        try:
            for part in parts:
                self._arrays.keep(part.entry, part.array)
        except OSError as error:
            raise storage_problem(self._opened.home, error) from error

    def _require_room(self, wanted: int) -> None:
        home, floor = self._opened.home, self._settings.min_free_bytes
        if home is None or (free := shutil.disk_usage(home).free) - wanted >= floor:
            return
        raise StoreProblem(
            "The disk is nearly full, so nothing new is kept",
            file=str(home),
            found=f"{free / 1e9:.2f} GB free",
            expected=f"at least {(floor + wanted) / 1e9:.2f} GB",
            fix="make room, or set SECOND_LOOK_HOME to a directory on another disk",
        )

    def _load(self, uses: Mapping[str, Use] | None) -> Mapping[str, AnyArray] | None:
        if uses is None:
            return None
        try:
            return {role: self._arrays.read(use.sha256) for role, use in uses.items()}
        except ArrayLost as lost:
            self._forget(lost)
            return None

    def _forget(self, lost: ArrayLost) -> None:
        """Drop the row of a lost array, unless it was deleted or kept again meanwhile."""
        with self._database.writing():
            if self._intact(lost.sha256):
                return
            if self._database.reason or self._database.write(lambda c: delete_array(c, lost.sha256)):
                self._count("missing_files" if lost.kind == "missing" else "damaged_files")
            if not self._database.reason:
                self._drop([lost.sha256])

    def _intact(self, sha256: str) -> bool:
        try:
            self._arrays.check(sha256)
        except ArrayLost:
            return False
        return True

    def _make_room(self, spared_key: str) -> None:
        def work(cursor: Cursor) -> tuple[int, tuple[str, ...]]:
            self._flush_touched(cursor)
            evicted = evict(cursor, self._settings.max_array_bytes, spared_key)
            return evicted.analyses, (*evicted.arrays, *delete_unused(cursor))

        with self._database.writing():
            count, strays = self._database.write(work)
            self._drop(strays)
        self._count("evicted_analyses", count)

    def _finish_deletion(self) -> None:
        """Rewrite the file when rows were deleted, so that nothing of them is left in it."""
        if self._database.reason or not self._database.read(rewrite_due):
            return
        if self._opened.home is not None:
            for backup in self._opened.home.glob(BACKUP_PATTERN):
                backup.unlink(missing_ok=True)
        try:
            self._database.rewrite()
        except StoreProblem:
            self._count("failed_rewrites")
            return
        self._database.write(rewrite_done)

    def _flush_touched(self, cursor: Cursor) -> None:
        with self._lock:
            used, self._touched = self._touched, {}
        touch(cursor, used)

    def _drop(self, arrays: Sequence[str]) -> None:
        for sha256 in arrays:
            self._arrays.drop(sha256)

    def _count(self, field: str, by: int = 1) -> None:
        with self._lock:
            now = getattr(self._health, field) + by
            self._health = self._health.model_copy(update={field: now})

    def _now(self) -> datetime:
        return self._clock().astimezone(UTC).replace(tzinfo=None)
