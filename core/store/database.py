"""One private connection, a cursor per operation, one writer at a time."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import duckdb
from duckdb import DuckDBPyConnection as Cursor

from core.errors import StoreProblem
from core.store.connection import connect, copy_closed, is_fault, rewrite, storage_problem
from core.store.forked import leave_to_parent
from core.store.gate import Gate
from core.store.kept import KeptAnswers
from core.store.mark import WriteMark, count_write, lost_writes, note_loss, writes_in
from core.store.settings import StoreSettings
from core.store.trace import traced

T = TypeVar("T")


class Database:
    """Every statement of the store goes through `read` or `write`.

    After a failed write (full disk, broken file) DuckDB may refuse reads too; the file is then opened
    again read-only, `reason` says why, and further writes are refused until `reopen` succeeds.
    """

    def __init__(self, path: Path | None, settings: StoreSettings, *, reason: str = "") -> None:
        """`path` None: in memory. A `reason` opens the file read-only."""
        self.path = path
        self.reason = reason
        self._settings = settings
        self._writer = threading.RLock()
        self._gate = Gate()
        self._kept = KeptAnswers()
        self._mark = None if path is None else WriteMark(path)
        self._process = os.getpid()
        self._file: tuple[int, int] | None = None
        self._connection: Cursor | None = None
        self._connect()

    @property
    def inherited(self) -> bool:
        """Whether this process was forked from the one that opened the database."""
        return os.getpid() != self._process

    @property
    def readable(self) -> bool:
        """False once it is closed, and after a fault that left nothing that can be opened."""
        return self._connection is not None

    def read(self, work: Callable[[Cursor], T]) -> T:
        """What `work` returns; all its statements see one state. `work` must not read or write again."""
        self._refuse_inherited()
        try:
            with self._gate.shared():
                return self._transaction(work)
        except duckdb.Error as error:
            if not is_fault(error):
                raise
            if isinstance(error, duckdb.FatalException):
                self._degrade(error)
            raise storage_problem(self.path, error) from error

    def small(self, question: Hashable, work: Callable[[Cursor], T]) -> T:
        """`read`, remembered until something is written: for small answers that every page asks for.

        question: tells it from every other one. What comes back belongs to all who ask: not to be changed.
        """
        self._refuse_inherited()
        return self._kept.get(question, lambda: self.read(work))

    def write(self, work: Callable[[Cursor], T]) -> T:
        """What `work` returns, once all it changed is on disk, or nothing is changed.

        Raises StoreProblem when the store is read-only, also when this write made it so.
        """
        self._refuse_inherited()
        with self._writer:
            self.require_writable()
            try:
                with self._gate.shared():
                    result, writes = self._transaction(lambda cursor: (work(cursor), count_write(cursor)))
                self._require_same_file()
                if self._mark is not None:
                    self._mark.put(writes)
                return result
            except (duckdb.Error, OSError) as error:
                if not is_fault(error):
                    raise
                self._degrade(error)
                raise storage_problem(self.path, error) from error
            finally:
                self._kept.drop()

    def find_losses(self) -> int:
        """Acknowledged writes that are missing and that nobody has taken note of yet, new ones among them."""
        marked = 0 if self._mark is None else self._mark.read() or 0
        missing = marked - self.read(writes_in)
        if missing > 0 and not self.reason:
            self.write(lambda cursor: note_loss(cursor, missing))
            missing = 0
        return self.read(lost_writes) + max(0, missing)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep other writers out over several steps; `write` may be called inside."""
        with self._writer:
            yield

    def prepare(self, work: Callable[[Cursor], None]) -> None:
        """Run `work` alone and without a transaction around it: for migrations, which bring their own."""
        try:
            with self._writer, self._gate.exclusive(), self._cursor() as cursor:
                work(cursor)
        except duckdb.Error as error:
            if not is_fault(error):
                raise
            raise storage_problem(self.path, error) from error
        finally:
            self._kept.drop()

    def rewrite(self) -> None:
        """Replace the file by one that holds only the living rows, see `connection.rewrite`.

        Raises StoreProblem when that failed; the store goes on with the old file.
        """
        if self.path is None:
            return
        with self._writer, self._gate.exclusive():
            try:
                self._close()
                rewrite(self.path)
            except (OSError, duckdb.Error) as error:
                raise storage_problem(self.path, error) from error
            finally:
                self._connect()

    def copy_to(self, target: Path, work: Callable[[Cursor], T], beside: Callable[[T], None]) -> T:
        """Copy the file, closed meanwhile, and what `work` reads of the same state.

        `beside` is called with that before anybody may write again. Raises StoreProblem in memory, or when
        the copy failed; the store goes on either way.
        """
        if self.path is None:
            raise StoreProblem(
                "A store in memory has no backup",
                found="no file",
                expected="a store in a directory",
                fix="set SECOND_LOOK_HOME and start again",
            )
        with self._writer, self._gate.exclusive():
            try:
                found = self._transaction(work)
                self._close()
                copy_closed(self.path, target)
                beside(found)
            except (OSError, duckdb.Error) as error:
                raise storage_problem(target, error) from error
            finally:
                self._close()
                self._connect()
        return found

    def reopen(self) -> None:
        """Open the file for writing again. Raises StoreProblem, and goes on reading where it can."""
        self._refuse_inherited()
        with self._writer, self._gate.exclusive():
            before, self.reason = self.reason, ""
            self._close()
            try:
                self._connect()
            except StoreProblem:
                self.reason = before
                self._connect()
                raise

    def require_writable(self) -> None:
        """Raise StoreProblem when nothing can be written."""
        self._refuse_inherited()
        if self.reason:
            raise StoreProblem(
                "The store is read-only",
                file=str(self.path),
                found=self.reason,
                expected="a store that may be written",
                fix="remove the cause and start again, or set SECOND_LOOK_HOME to another directory",
            )

    def close(self) -> None:
        """Write the log into the file and close it; waits for operations under way."""
        self._refuse_inherited()
        with self._writer, self._gate.exclusive():
            self._close()

    def _connect(self) -> None:
        connection = connect(self.path, self._settings, read_only=bool(self.reason))
        self._file = None if self.path is None else _identity(self.path)
        self._connection = leave_to_parent(connection)

    def _close(self) -> None:
        self._kept.drop()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _transaction(self, work: Callable[[Cursor], T]) -> T:
        with self._cursor() as cursor:
            cursor.begin()
            try:
                result = work(traced(cursor))
            except BaseException:
                cursor.rollback()
                raise
            cursor.commit()
            return result

    def _cursor(self) -> Cursor:
        if self._connection is None:
            raise StoreProblem(
                "The store is closed",
                file=str(self.path or ""),
                found=self.reason or "a closed store",
                expected="an open one",
                fix="open it again",
            )
        return self._connection.cursor()

    def _degrade(self, fault: Exception) -> None:
        if self.path is None or isinstance(fault, duckdb.OutOfMemoryException):
            return
        with self._writer, self._gate.exclusive():
            self.reason = f"a write failed: {str(fault).splitlines()[0]}"
            try:
                self._close()
            finally:
                self._read_on()

    def _read_on(self) -> None:
        try:
            self._connect()
        except StoreProblem as problem:
            self.reason += f"; then it could not be opened for reading either ({problem.found})"

    def _require_same_file(self) -> None:
        # Writes to a file that was deleted or replaced while it is open succeed, and are gone.
        if self.path is not None and _identity(self.path) != self._file:
            raise OSError(f"{self.path} was replaced by another file while it was open")

    def _refuse_inherited(self) -> None:
        if self.inherited:
            raise StoreProblem(
                "This process was forked from the one that owns the store, and may not touch it",
                file=str(self.path or ""),
                found=f"process {os.getpid()}, opened in process {self._process}",
                expected="a spawned process, or the owner",
                fix="start processes with the method “spawn”",
            )


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino
