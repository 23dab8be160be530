"""One owner per store directory: checks of the path and a lock that dies with the process."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import IO

from core.errors import StoreProblem
from core.store.settings import DATABASE_NAME, LOCK_NAME

ROOM_TO_OPEN = 8 * 2**20
"""Bytes: what opening for writing may need, to merge DuckDB's log and to count a loss."""


class StoreInUse(StoreProblem):
    """The store is open in another process, or a second time in this one."""


def prepare_home(home: Path) -> Path:
    """The canonical path of the store's directory, created (for its owner only) when it is new.

    Raises StoreProblem when it cannot be created or its database file has a second name.
    """
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StoreProblem(
            "The store directory cannot be created",
            file=str(home),
            found=error.strerror or type(error).__name__,
            expected="a directory that may be written",
            fix="set SECOND_LOOK_HOME to another directory",
        ) from error
    canonical = home.resolve()
    _refuse_second_name(canonical / DATABASE_NAME)
    return canonical


class Ownership:
    """Holds `second_look.lock` for the life of a store.

    DuckDB's own lock does not see a second opening inside one process; this one does. It is tied to
    the open file: a killed process leaves nothing to clean up. Processes made by fork inherit it, so
    workers must be spawned.
    """

    def __init__(self, home: Path) -> None:
        self._stream: IO[str] = (home / LOCK_NAME).open("a+", encoding="ascii")
        if not _lock(self._stream):
            owner = self._read_owner()
            self._stream.close()
            raise owned_elsewhere(home / DATABASE_NAME, owner)
        self._stream.truncate(0)
        self._stream.write(str(os.getpid()))
        self._stream.flush()

    def release(self) -> None:
        """Let the next instance in."""
        self._stream.close()

    def _read_owner(self) -> str:
        self._stream.seek(0)
        return self._stream.read(20).strip() or "unknown"


def owned_elsewhere(database: Path, pid: str) -> StoreInUse:
    """The problem of a second instance; `pid` is the owner's process id."""
    same = pid == str(os.getpid())
    return StoreInUse(
        f"another instance owns this store (PID {pid})",
        file=str(database),
        found="this same process has it open already" if same else f"process {pid} has it open",
        expected="one owner at a time",
        fix="close the other instance, or set SECOND_LOOK_HOME to another directory",
    )


def write_refusal(home: Path) -> str:
    """Why the store in `home` cannot be written, "" when it can."""
    database = home / DATABASE_NAME
    try:
        with (home / LOCK_NAME).open("a"):
            pass
    except OSError as error:
        return f"the directory {home} cannot be written ({error.strerror})"
    if database.exists() and not os.access(database, os.W_OK):
        return f"the file {database} is write-protected"
    if (free := shutil.disk_usage(home).free) < ROOM_TO_OPEN:
        return f"the disk of {home} is full ({free / 1e6:.1f} MB free)"
    return ""


def _refuse_second_name(database: Path) -> None:
    if not database.exists():
        return
    if database.is_symlink() or database.stat().st_nlink > 1:
        raise StoreProblem(
            "The store's database file has a second name",
            file=str(database),
            found="a symbolic link" if database.is_symlink() else f"{database.stat().st_nlink} hard links",
            expected="one name, so that nobody can open the same file twice",
            fix="remove the other link, or copy the file to a directory of its own",
        )


if sys.platform == "win32":

    def _lock(stream: IO[str]) -> bool:
        return True  # DuckDB opens its file exclusively there

else:
    import fcntl

    def _lock(stream: IO[str]) -> bool:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
