"""From a directory to an open, current database: ownership, read-only fallback, migration, sweep."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from core.errors import StoreProblem
from core.store.arrays import ArrayFiles, ArrayStore, MemoryArrays, sync_directory
from core.store.database import Database
from core.store.migrations import Migration, migrate, refuse_newer, schema_version
from core.store.ownership import Ownership, prepare_home, write_refusal
from core.store.settings import ARRAYS_NAME, DATABASE_NAME, StoreSettings, utc_now
from core.store.uses import known_arrays

BACKUP_PATTERN = f"{DATABASE_NAME}.schema-*.backup"
SET_ASIDE_PATTERN = "set-aside-*"
UNFINISHED_RESTORE = "restore.unfinished"
STAGED_NAME = "backup-staging"
"""Second names of arrays while a backup copies them; in the store's directory, since names end at a disk."""


@dataclass(frozen=True)
class Opened:
    """An open store's parts. home and ownership: None in memory, ownership also when read-only.

    lost_writes: acknowledged writes that the database does not know of.
    """

    database: Database
    arrays: ArrayStore
    home: Path | None
    ownership: Ownership | None
    lost_writes: int = 0

    def close(self) -> None:
        """Close the file, then let the next owner in."""
        try:
            self.database.close()
        finally:
            if self.ownership is not None:
                self.ownership.release()


def open_memory(settings: StoreSettings, migrations: Sequence[Migration]) -> Opened:
    """A store that is gone when it is closed."""
    database = Database(None, settings)
    database.prepare(lambda cursor: migrate(cursor, migrations))
    return Opened(database, MemoryArrays(), None, None)


def open_directory(
    home: Path, settings: StoreSettings, migrations: Sequence[Migration], *, read_only: bool
) -> Opened:
    """The store in `home`, read-only when that is asked for or when it cannot be written.

    Raises StoreProblem: owned by another process, damaged, made by a newer version, or nothing there
    to read.
    """
    home = prepare_home(home)
    _refuse_unfinished_restore(home)
    reason = "it was opened for reading only" if read_only else write_refusal(home)
    if reason:
        return _open_read_only(home, settings, migrations, reason)
    ownership, arrays = Ownership(home), ArrayFiles(home / ARRAYS_NAME)
    try:
        database = _open_current(home / DATABASE_NAME, settings, migrations)
        lost = database.find_losses()
        arrays.sweep(database.read(known_arrays))
        shutil.rmtree(home / STAGED_NAME, ignore_errors=True)
    except BaseException:
        ownership.release()
        raise
    return Opened(database, arrays, home, ownership, lost)


def regain(opened: Opened, settings: StoreSettings) -> Opened:
    """A store that was only read, now for writing too. Raises StoreProblem when that is not possible."""
    home, database = opened.home, opened.database
    if home is None or not database.reason:
        return opened
    _require_cause_gone(home, settings)
    ownership = opened.ownership or Ownership(home)
    try:
        database.reopen()
        lost = database.find_losses()
    except BaseException:
        if opened.ownership is None:
            ownership.release()
        raise
    return replace(opened, ownership=ownership, lost_writes=lost)


def _require_cause_gone(home: Path, settings: StoreSettings) -> None:
    free = shutil.disk_usage(home).free if home.exists() else 0
    cause = write_refusal(home)
    if not cause and free < settings.min_free_bytes:
        cause = f"the disk is nearly full ({free / 1e9:.2f} GB free)"
    if cause:
        raise StoreProblem(
            "The store is still read-only",
            file=str(home),
            found=cause,
            expected=f"a directory that may be written and {settings.min_free_bytes / 1e9:.2f} GB free",
            fix="remove the cause and try again",
        )


def set_aside(home: Path, clock: Callable[[], datetime] = utc_now) -> Path:
    """Move the database and its arrays into a folder of their own, so that a new store can start.

    For a damaged file that cannot be opened; nothing is deleted, and moving both back undoes it.
    Returns the folder. Raises StoreProblem when another process owns the store.
    """
    home = prepare_home(home)
    ownership = Ownership(home)
    try:
        folder = home / f"set-aside-{clock().astimezone(UTC):%Y%m%dT%H%M%S%f}"
        folder.mkdir(mode=0o700)
        for path in [*home.glob(f"{DATABASE_NAME}*"), home / ARRAYS_NAME]:
            if path.exists():
                path.rename(folder / path.name)
        sync_directory(home)
    finally:
        ownership.release()
    return folder


def _refuse_unfinished_restore(home: Path) -> None:
    if not (home / UNFINISHED_RESTORE).exists():
        return
    raise StoreProblem(
        "A backup was being put back and was interrupted",
        file=str(home),
        found="parts of the old and the new store",
        expected="one of them",
        fix="run `python -m core store restore` again; what was there lies in the newest set-aside folder",
    )


def _open_read_only(
    home: Path, settings: StoreSettings, migrations: Sequence[Migration], reason: str
) -> Opened:
    path = home / DATABASE_NAME
    if not path.exists():
        raise StoreProblem(
            "There is no store to read",
            file=str(path),
            found=f"no file, and none can be made: {reason}",
            expected="an existing store, or a directory that may be written",
            fix="set SECOND_LOOK_HOME to another directory",
        )
    database = Database(path, settings, reason=reason)
    try:
        _require_current(database, migrations)
        lost = database.find_losses()
    except BaseException:
        database.close()
        raise
    return Opened(database, ArrayFiles(home / ARRAYS_NAME), home, None, lost)


def _require_current(database: Database, migrations: Sequence[Migration]) -> None:
    database.read(lambda cursor: refuse_newer(cursor, migrations, str(database.path)))
    found = database.read(schema_version)
    if found < len(migrations):
        raise StoreProblem(
            "The store was made by an older version of Second Look and cannot be brought forward",
            file=str(database.path),
            found=f"schema {found}, {database.reason}",
            expected=f"schema {len(migrations)}",
            fix="open it once where it may be written",
        )


def _open_current(path: Path, settings: StoreSettings, migrations: Sequence[Migration]) -> Database:
    database = Database(path, settings)
    try:
        database.read(lambda cursor: refuse_newer(cursor, migrations, str(path)))
        found = database.read(schema_version)
        if 0 < found < len(migrations):
            database.close()
            _back_up(path, found)
            database = Database(path, settings)
        database.prepare(lambda cursor: migrate(cursor, migrations))
    except BaseException:
        database.close()
        raise
    return database


def _back_up(path: Path, schema: int) -> None:
    """Copy the closed file beside itself.

    Only ever a closed one: closing any handle on the live file would give up DuckDB's lock on it.
    """
    target = path.with_name(f"{path.name}.schema-{schema}.backup")
    draft = target.with_name(target.name + ".writing")
    shutil.copy2(path, draft)
    draft.replace(target)
    sync_directory(path.parent)
