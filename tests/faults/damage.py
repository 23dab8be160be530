"""Flipped bits, cut and deleted files: is every loss seen?"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import StoreProblem
from core.store import Store
from core.store.reports import TABLES
from core.store.review_log import HEAD_NAME, LOG_NAME
from core.store.settings import DATABASE_NAME
from tests.core.store.stored_examples import make_analysis, make_case, open_store

CASES = 12
PAGE = 4096
Fault = Callable[[Path], None]

LEAVE_A_LOG = """
import os, sys
from pathlib import Path
from tests.faults.damage import fill
store = fill(Path(sys.argv[1]))
os._exit(0)
"""


@dataclass
class Damage:
    """What faults of each kind came to. silent: the content changed and nothing said so."""

    seen: dict[str, int] = field(default_factory=dict)
    harmless: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def lines(self) -> Iterable[str]:
        """For a terminal."""
        for kind in sorted({*self.seen, *self.harmless}):
            yield f"{kind}: {self.seen.get(kind, 0)} seen, {self.harmless.get(kind, 0)} without any effect"
        yield f"losses that nothing spoke of: {len(self.wrong)}"
        yield from self.wrong[:20]


def fill(home: Path) -> Store:
    """A store with cases, analyses and reviews; a process that ends without closing it leaves a log."""
    store = open_store(home)
    for number in range(CASES):
        case = make_case(f"case-{number}")
        store.put_case(case)
        store.put_analysis(make_analysis(case))
        store.reviews.append("Ada", "taxonomy", note=f"note {number}")
    return store


def damage_everything(flips: int, folder: Path, seed: int = 0) -> Damage:
    """Every kind of damage, each on a fresh copy of a store; `flips` flipped bits and half as many cuts."""
    whole, logged = folder / "whole", folder / "logged"
    fill(whole).close()
    subprocess.run([sys.executable, "-c", LEAVE_A_LOG, str(logged)], check=True, timeout=120)
    draw, found = random.Random(seed), Damage()
    for source, kind, fault in _faults(whole, logged, flips, draw):
        _try(source, folder / "copy", kind, fault, found)
    return found


def _faults(whole: Path, logged: Path, flips: int, draw: random.Random) -> Iterator[tuple[Path, str, Fault]]:
    database, wal = DATABASE_NAME, f"{DATABASE_NAME}.wal"
    size, log_size = (whole / database).stat().st_size, (logged / wal).stat().st_size
    for _ in range(flips):
        yield whole, "one bit of the database", _flip(database, draw.randrange(size * 8))
    body = (whole / database).read_bytes()
    written = [start for start in range(0, size, PAGE) if any(body[start : start + PAGE])]
    for start in draw.sample(written, min(len(written), flips // 8)):
        yield whole, "one page of the database zeroed", _zero(database, start)
    for _ in range(flips // 2):
        yield whole, "database cut", _cut(database, draw.randrange(size))
        yield logged, "write-ahead log cut", _cut(wal, draw.randrange(log_size))
        yield whole, "review log cut", _cut(LOG_NAME, draw.randrange((whole / LOG_NAME).stat().st_size))
    for _ in range(flips // 4):
        yield logged, "one bit of the write-ahead log", _flip(wal, draw.randrange(log_size * 8))
        bits = (whole / LOG_NAME).stat().st_size * 8
        yield whole, "one bit of the review log", _flip(LOG_NAME, draw.randrange(bits))
    yield whole, "database deleted", lambda home: (home / database).unlink()
    yield whole, "database empty", _cut(database, 0)
    yield logged, "write-ahead log deleted", lambda home: (home / wal).unlink()
    yield logged, "write-ahead log garbage", _overwrite(wal, draw.randbytes(log_size))
    yield whole, "review log deleted", lambda home: (home / LOG_NAME).unlink()
    yield whole, "head of the review log deleted", lambda home: (home / HEAD_NAME).unlink()
    yield whole, "arrays deleted", lambda home: shutil.rmtree(home / "arrays")


def _try(source: Path, copy: Path, kind: str, fault: Fault, found: Damage) -> None:
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(source, copy)
    fault(copy)
    try:
        with open_store(copy) as store:
            told = bool(store.verify().problems) or not store.info().health.ok
            same = not told and _content(store) == _expected(source)
    except StoreProblem:
        told, same = True, False
    if told:
        found.seen[kind] = found.seen.get(kind, 0) + 1
    elif same:
        found.harmless[kind] = found.harmless.get(kind, 0) + 1
    else:
        found.wrong.append(kind)


_KNOWN: dict[Path, object] = {}


def _expected(source: Path) -> object:
    if source not in _KNOWN:
        copy = source.with_name(f"{source.name}-read")
        shutil.copytree(source, copy)
        with open_store(copy) as store:
            _KNOWN[source] = _content(store)
    return _KNOWN[source]


def _content(store: Store) -> object:
    """Every row of every table but the counters, and the review log. Arrays are hashed by `verify`."""
    rows = {table: sorted(map(repr, _rows(store, table))) for table in TABLES if table != "meta"}
    return rows, [each.hash for each in store.reviews.entries()]


def _rows(store: Store, table: str) -> list[tuple[object, ...]]:
    return store._database.read(lambda cursor: cursor.execute(f"SELECT * FROM {table}").fetchall())


def _flip(name: str, bit: int) -> Fault:
    def fault(home: Path) -> None:
        with (home / name).open("r+b") as stream:
            stream.seek(bit // 8)
            (byte,) = stream.read(1)
            stream.seek(bit // 8)
            stream.write(bytes([byte ^ (1 << bit % 8)]))

    return fault


def _zero(name: str, start: int) -> Fault:
    def fault(home: Path) -> None:
        with (home / name).open("r+b") as stream:
            stream.seek(start)
            stream.write(bytes(PAGE))

    return fault


def _cut(name: str, size: int) -> Fault:
    def fault(home: Path) -> None:
        with (home / name).open("r+b") as stream:
            stream.truncate(size)

    return fault


def _overwrite(name: str, body: bytes) -> Fault:
    return lambda home: (home / name).write_bytes(body) and None
