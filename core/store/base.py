"""What every part of the store does: arrays before rows, lost arrays, room, deletion for good."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import TypeVar

from duckdb import DuckDBPyConnection as Cursor

from core.errors import StoreProblem
from core.store.arrays import AnyArray, ArrayLost
from core.store.connection import storage_problem
from core.store.eviction import evict, rewrite_done, rewrite_due, touch
from core.store.opening import BACKUP_PATTERN, Opened
from core.store.records import StoreHealth
from core.store.review_log import ReviewLog
from core.store.settings import StoreSettings
from core.store.trace import ReadTrace, count_array, tracing
from core.store.uses import Part, Use, delete_array, delete_unused, known_arrays

T = TypeVar("T")


class StoreBase:
    """The open parts of a store and the operations that its subjects share."""

    def __init__(self, opened: Opened, settings: StoreSettings, clock: Callable[[], datetime]) -> None:
        """For `Store.open`, which is the way in."""
        self._opened = opened
        self._database = opened.database
        self._arrays = opened.arrays
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._health = StoreHealth(lost_writes=opened.lost_writes)
        self._touched: dict[str, datetime] = {}
        self.closed = threading.Event()
        self.reviews = ReviewLog(opened.home, clock, self._database.require_writable)

    def trace(self) -> AbstractContextManager[ReadTrace]:
        """Count what this thread reads from the store inside a `with` block."""
        return tracing()

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
        if home is None:
            return
        try:
            free = shutil.disk_usage(home).free
        except OSError as error:
            raise storage_problem(home, error) from error
        if free - wanted >= floor:
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
            return {role: self._read_array(use.sha256) for role, use in uses.items()}
        except ArrayLost as lost:
            self._forget(lost)
            return None

    def _read_array(self, sha256: str) -> AnyArray:
        array = self._arrays.read(sha256)
        count_array(array.nbytes)
        return array

    def _delete(self, work: Callable[[Cursor], T]) -> T:
        """What `work` returns, once no row, array file or free block holds what it removed."""
        with self._database.writing():
            result, strays = self._database.write(lambda cursor: (work(cursor), delete_unused(cursor)))
            self._drop(strays)
            self._finish_deletion()
        return result

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
