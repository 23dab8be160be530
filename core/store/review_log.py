"""The review log: a text file with one line per entry, hash-chained, its head in a second file.

It does not lie in the database: every decision is one line and one fsync, a person can read it with any
editor, and no fault of the database, whose own log can lose its tail unnoticed, takes a decision with it.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from core import __version__
from core.errors import StoreProblem
from core.review import ReviewState, against_head, line_of, read_lines, sealed, state_of
from core.store.arrays import sync_directory
from core.store.connection import storage_problem
from core.types.people import Identity
from core.types.reviews import FIRST, Action, FailureKind, Judged, LogEntry, LogReport, Opinion

LOG_NAME = "reviews.jsonl"
HEAD_NAME = "reviews.head"


class ReviewLog:
    """Append-only. An entry that `append` returned survives a crash.

    What was changed in the file by anybody else is seen at the next look; then nothing is added any more
    until the log is set aside, and everything up to the first bad entry can still be read. A last line
    without its end was never acknowledged: it is cut off at the next append.
    """

    def __init__(self, home: Path | None, now: Callable[[], datetime], writable: Callable[[], None]) -> None:
        """home: None keeps the log in memory. writable: raises StoreProblem where nothing can be written."""
        self._home = home
        self._now = now
        self._require_writable = writable
        self._lock = threading.RLock()
        self._entries: list[LogEntry] = []
        self._state = ReviewState()
        self._report = LogReport(entries=0, head=FIRST)
        self._mark: tuple[int, ...] = ()
        self._length = 0
        self._look(force=True)

    @property
    def path(self) -> Path | None:
        """The file, None in memory."""
        return None if self._home is None else self._home / LOG_NAME

    def report(self) -> LogReport:
        """Whether the log is whole; reads it again when the file was touched by anybody else."""
        with self._lock:
            self._look()
            return self._report

    def entries(self) -> tuple[LogEntry, ...]:
        """Every entry up to the first bad one."""
        with self._lock:
            self._look()
            return tuple(self._entries)

    def state(self) -> ReviewState:
        """What stands now. To be read, not changed; entries that come later show in it."""
        with self._lock:
            self._look()
            return self._state

    def append(
        self,
        reader: str,
        action: Action,
        judged: Judged | None = None,
        opinion: Opinion | None = None,
        *,
        kinds: tuple[FailureKind, ...] = (),
        note: str = "",
        signed_in: Identity | None = None,
    ) -> LogEntry:
        """Add one entry, once it is on disk. Raises StoreProblem: read-only, full disk, or a damaged log."""
        self._require_writable()
        with self._lock:
            self._look()
            self._require_whole()
            standing = None if judged is None else self._state.standing(reader, judged.subject)
            entry = sealed(
                LogEntry(
                    number=len(self._entries) + 1,
                    previous=self._report.head,
                    when_utc=self._now().isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z",
                    reader=reader,
                    action=action,
                    judged=judged,
                    opinion=opinion,
                    was=None if standing is None else standing.entry.number,
                    was_decision=None if standing is None else standing.decision,
                    kinds=kinds,
                    note=note,
                    signed_in=signed_in,
                    app_version=__version__,
                )
            )
            self._write(entry)
            self._entries.append(entry)
            self._state.add(entry)
            self._report = LogReport(entries=entry.number, head=entry.hash)
            return entry

    def snapshot(self) -> tuple[bytes, bytes | None, int]:
        """(log, head, entries) as they lie on disk between two entries; the head is None without one."""
        with self._lock:
            self._look()
            if self.path is None or not self.path.exists():
                return b"", None, 0
            head = self._head_path()
            found = head.read_bytes() if head.exists() else None
            return self.path.read_bytes(), found, self._report.entries

    def set_aside(self, reader: str) -> Path:
        """Put a damaged log away under another name and begin a new one that names its digest; the new path.

        Raises StoreProblem when the log is whole.
        """
        import hashlib

        with self._lock:
            self._look()
            if self._report.ok or self.path is None or self._home is None:
                raise StoreProblem(
                    "The review log is whole, so it stays",
                    found="nothing wrong", expected="a damaged log", fix="nothing needs to be done",
                )  # fmt: skip
            self._require_writable()
            stamp = self._now().strftime("%Y%m%dT%H%M%S%f")
            kept = self._home / f"reviews-set-aside-{stamp}.jsonl"
            body = self.path.read_bytes() if self.path.exists() else b""
            problems = "; ".join(self._report.problems)
            kept.write_bytes(body)
            (self._home / HEAD_NAME).unlink(missing_ok=True)
            self.path.unlink(missing_ok=True)
            sync_directory(self._home)
            self._look(force=True)
            said = f"{kept.name}, SHA-256 {hashlib.sha256(body).hexdigest()}: {problems}"
            self.append(reader, "set aside", note=said)
            return kept

    def _require_whole(self) -> None:
        if self._report.ok:
            return
        raise StoreProblem(
            "The review log is damaged, so nothing is added to it",
            file=str(self.path),
            found="; ".join(self._report.problems),
            expected="a log as it was written",
            fix="put back an undamaged copy of the file, or set it aside: python -m core reviews set-aside",
        )

    def _look(self, *, force: bool = False) -> None:
        path = self.path
        if path is None:
            return
        mark = _mark(path, self._head_path())
        if not force and mark == self._mark:
            return
        entries, self._report, self._length = read_log(self._home_path())
        if self._report.ok and len(entries) < len(self._entries) and not force:
            gone = f"{len(self._entries)} entries were there, {len(entries)} are left: the log was taken away"
            self._report = self._report.model_copy(update={"problems": (gone,), "first_bad": len(entries)})
        self._entries = list(entries)
        self._state = state_of(entries)
        self._mark = mark

    def _write(self, entry: LogEntry) -> None:
        path = self.path
        if path is None:
            return
        line = (line_of(entry) + "\n").encode("ascii")
        new = not path.exists()
        try:
            with path.open("r+b" if not new else "x+b") as stream:
                stream.truncate(self._length)
                stream.seek(self._length)
                stream.write(line)
                stream.flush()
                os.fsync(stream.fileno())
            write_head(self._head_path(), entry.number, entry.hash)
            if new:
                sync_directory(self._home_path())
        except OSError as error:
            self._take_back(path, entry)
            raise storage_problem(path, error) from error
        self._length += len(line)
        self._mark = _mark(path, self._head_path())

    def _take_back(self, path: Path, entry: LogEntry) -> None:
        """What was refused is not in the log either, unless its head names it already."""
        self._mark = ()
        count, _ = read_head(self._head_path()) or (0, "")
        if count >= entry.number:
            return
        # Cutting needs no room. Where it fails too, the entry stays: said twice is better than lost.
        with suppress(OSError), path.open("r+b") as stream:
            stream.truncate(self._length)

    def _home_path(self) -> Path:
        assert self._home is not None
        return self._home

    def _head_path(self) -> Path:
        return self._home_path() / HEAD_NAME


def read_log(home: Path) -> tuple[tuple[LogEntry, ...], LogReport, int]:
    """(entries up to the first bad one, report, bytes of whole lines) of the log in a store's directory.

    Needs no lock and changes nothing, so it works beside the program that owns the store.
    """
    path = home / LOG_NAME
    body = path.read_bytes() if path.exists() else b""
    length = body.rfind(b"\n") + 1
    lines = body[:length].decode("ascii", errors="replace").split("\n")[:-1]
    entries, report = read_lines(lines)
    return entries, against_head(report, entries, read_head(home / HEAD_NAME)), length


def read_head(path: Path) -> tuple[int, str] | None:
    """(number of entries, hash of the last), None when the file is not there; (-1, "") when it is no head."""
    try:
        written = json.loads(path.read_text(encoding="ascii"))
        return int(written["entries"]), str(written["hash"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        return -1, ""


def write_head(path: Path, entries: int, last: str) -> None:
    """Replace the head in one step."""
    fresh = path.with_suffix(".new")
    with fresh.open("w", encoding="ascii") as stream:
        json.dump({"entries": entries, "hash": last}, stream)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(path)


def _mark(*paths: Path) -> tuple[int, ...]:
    found: list[int] = []
    for path in paths:
        try:
            stat = path.stat()
            found += [stat.st_size, stat.st_mtime_ns, stat.st_ino]
        except FileNotFoundError:
            found.append(-1)
    return tuple(found)
