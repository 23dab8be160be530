"""The store: cases and analyses, kept for as long as nobody deletes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Literal

from duckdb import DuckDBPyConnection as Cursor

from core.errors import StoreProblem
from core.store import reports
from core.store.analyses import (
    JudgedParts,
    analysis_parts,
    analysis_summaries,
    build_analysis,
    delete_analysis_rows,
    insert_analysis,
    read_analysis,
    read_judged,
)
from core.store.backup import back_up
from core.store.backup_format import Manifest
from core.store.cases import build_case, case_exists, case_parts, case_row, insert_case, summaries
from core.store.classifications import (
    build_classification,
    classification_parts,
    classification_summaries,
    delete_classification_rows,
    insert_classification,
    read_classification,
)
from core.store.cohort_store import CohortStore
from core.store.eviction import remove_case
from core.store.mark import forget_losses
from core.store.migrations import MIGRATIONS, Migration
from core.store.opening import open_directory, open_memory, regain
from core.store.people_store import PeopleStore
from core.store.point_store import PointStore
from core.store.reading_through import damage_in
from core.store.records import (
    MOST_TOLD,
    AnalysisSummary,
    CaseSummary,
    StoreHealth,
    StoreInfo,
    VerifyReport,
)
from core.store.run_store import RunStore
from core.store.settings import StoreSettings, default_home, utc_now
from core.store.uses import Part, uses_of
from core.types import Analysis, Case, Classification, Progress


class Store(CohortStore, RunStore, PointStore, PeopleStore):
    """Everything that is kept, for any number of threads of one process.

    A row whose array file is missing or damaged is a miss: it is counted in `info().health`, and
    reading returns None. What a `put_` method was given comes back equal to the last bit.
    """

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
        """Write what is pending, close the file and let the next instance in.

        Does nothing in a process that was forked from the owner.
        """
        if self._database.inherited:
            return
        self.closed.set()
        try:
            # All that is lost where this fails is when arrays were used last.
            with suppress(StoreProblem):
                self._database.write(self._flush_touched)
        finally:
            self._opened.close()

    @property
    def home(self) -> Path | None:
        """The store's directory, None in memory."""
        return self._opened.home

    @property
    def readable(self) -> bool:
        """False when a fault left nothing that can be read; opening it again may help."""
        return self._database.readable

    def write_again(self) -> None:
        """Go on writing after a full disk or another cause of reading only is gone, without a restart.

        Raises StoreProblem, and stays read-only, when the cause is still there.
        """
        with self._database.writing():
            self._opened = regain(self._opened, self._settings)
            lost = self._opened.lost_writes
        with self._lock:
            self._health = self._health.model_copy(update={"lost_writes": lost})

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
        return self._database.small("cases", summaries)

    def delete_case(self, case_id: str) -> bool:
        """Remove a case with everything derived from it, in cohorts and runs too; True when it was there.

        Afterwards no row, array file or free block of the database file holds anything of it; backups
        made before a migration are removed too. What was set aside by hand stays.
        """
        return self.delete_cases([case_id]) == 1

    def delete_cases(self, case_ids: Sequence[str]) -> int:
        """`delete_case` for many at once; how many were there."""
        return self._delete(lambda cursor: sum(remove_case(cursor, each) for each in case_ids))

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

    def judged(self, keys: Sequence[str]) -> Mapping[str, JudgedParts]:
        """What verdicts over many analyses rest on, by key, without any array."""
        return self._database.read(lambda cursor: read_judged(cursor, keys))

    def analyses_of(self, case_id: str) -> tuple[AnalysisSummary, ...]:
        """The analyses of a case without their arrays, newest first."""
        return self._database.small(("analyses", case_id), lambda cursor: analysis_summaries(cursor, case_id))

    def put_classification(self, found: Classification) -> None:
        """Keep a classification; one with the same key and intact arrays stays as it is.

        Raises StoreProblem as `put_analysis` does.
        """
        parts = classification_parts(found, self._arrays)
        self._keep(parts, lambda cursor: self._insert_classification(cursor, found, parts))

    def classification(self, key: str) -> Classification | None:
        """The classification made with this key, None when it has to be computed (again)."""
        row, uses = self._database.read(
            lambda cursor: (read_classification(cursor, key), uses_of(cursor, key, "classification"))
        )
        arrays = self._load(uses)
        if row is None or uses is None or arrays is None:
            return None
        return build_classification(row, uses, arrays)

    def classifications_of(self, case_id: str) -> tuple[AnalysisSummary, ...]:
        """The classifications of a case without their arrays, newest first."""
        return self._database.small(
            ("classifications", case_id), lambda cursor: classification_summaries(cursor, case_id)
        )

    @property
    def health(self) -> StoreHealth:
        """What went wrong since the store was opened."""
        with self._lock:
            return self._health

    def info(self) -> StoreInfo:
        """Paths, sizes, counts, state and what went wrong since the store was opened."""
        return reports.store_info(self._opened, self.health)

    def verify(self) -> VerifyReport:
        """Read every row, hash every array, follow the review log; changes nothing, reports problems."""
        found, log = reports.verify(self._opened), self.reviews.report()
        words = tuple(f"review log: {each}" for each in log.problems)
        lost = self.health.lost_writes
        told = (f"{lost} acknowledged writes are missing: the database or its log was cut or replaced",)
        return found.model_copy(update={"problems": (*found.problems, *words, *(told if lost else ()))})

    def read_through(self, after: float = 0.0) -> None:
        """Read every row and array once, resting as long as reading; what is damaged is in `health.damage`.

        For a thread: it ends when the store is closed. after: seconds to leave to whoever opened the store.
        """
        if self.closed.wait(after):
            return
        for sentence in damage_in(self._opened, self.closed.wait):
            if self.closed.is_set():
                return
            with self._lock:
                damage = (*self._health.damage, sentence)[:MOST_TOLD]
                self._health = self._health.model_copy(update={"damage": damage})
        with self._lock:
            done = not self.closed.is_set()
            self._health = self._health.model_copy(update={"read_through": done})

    def take_note_of_losses(self) -> None:
        """Let the warning about lost writes go; whoever calls this has read it. Raises StoreProblem."""
        self._database.write(forget_losses)
        with self._lock:
            self._health = self._health.model_copy(update={"lost_writes": 0})

    def backup(self, folder: Path, progress: Progress) -> tuple[Path, Manifest]:
        """Copy everything that is kept into a new directory below `folder`; that directory and its manifest.

        Others go on reading and writing, except while the database file itself is copied. A case that is
        deleted later stays in the backup. Raises StoreProblem, and leaves nothing half done behind.
        """
        return back_up(self._opened, self.reviews, folder, self._clock(), progress)

    def _insert_analysis(self, cursor: Cursor, analysis: Analysis, parts: tuple[Part, ...]) -> None:
        _require_case(cursor, analysis.case_id)
        if uses_of(cursor, analysis.key, "analysis") is None:
            delete_analysis_rows(cursor, analysis.key)
            insert_analysis(cursor, analysis, parts, self._now())

    def _insert_classification(self, cursor: Cursor, found: Classification, parts: tuple[Part, ...]) -> None:
        _require_case(cursor, found.case_id)
        if uses_of(cursor, found.key, "classification") is None:
            delete_classification_rows(cursor, found.key)
            insert_classification(cursor, found, parts, self._now())


def _require_case(cursor: Cursor, case_id: str) -> None:
    if not case_exists(cursor, case_id):
        raise StoreProblem(
            "The result cannot be kept because its case is gone",
            found=f"no case {case_id[:12]}",
            expected="the case that was analysed",
            fix="open the file again",
        )
