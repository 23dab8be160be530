"""Many threads on one store: does anybody read a wrong row or meet a conflict?"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import SecondLookError
from core.store import Store
from tests.core.store.stored_examples import bits, make_analysis, make_case, open_store

SHARED = 8
"""Cases that all threads keep and read; beside them each has one that it deletes and keeps again."""


@dataclass
class Crowd:
    """What the threads came to. conflicts: errors that an operation ended with."""

    threads: int
    operations: int = 0
    wrong_rows: int = 0
    conflicts: list[str] = field(default_factory=list)
    entries_missing: int = 0
    problems: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def wrong(self) -> int:
        return self.wrong_rows + len(self.conflicts) + self.entries_missing + len(self.problems)

    def lines(self) -> Iterable[str]:
        """For a terminal."""
        yield f"{self.operations} operations of {self.threads} threads in {self.seconds:.0f} s"
        yield f"wrong rows: {self.wrong_rows}, visible conflicts: {len(self.conflicts)}"
        yield f"review entries missing: {self.entries_missing}, problems in the end: {len(self.problems)}"
        yield from self.conflicts[:5]


def crowd(threads: int, operations: int, folder: Path) -> Crowd:
    """`operations` in each of `threads` that start at the same moment."""
    cases = [make_case(f"case {number}") for number in range(SHARED)]
    wanted = [(bits(case), bits(make_analysis(case))) for case in cases]
    found, said, barrier = Crowd(threads), threading.Lock(), threading.Barrier(threads)
    begin = time.perf_counter()
    with open_store(folder / "crowd") as store:

        def work(number: int) -> None:
            barrier.wait()
            for step in range(operations):
                wrong, conflict = _operate(store, number, step, wanted)
                with said:
                    found.operations += 1
                    found.wrong_rows += wrong
                    found.conflicts += [conflict] if conflict else []

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, range(threads)))
        found.entries_missing = threads * len(range(6, operations, 8)) - len(store.reviews.entries())
        found.problems = store.verify().problems
    found.seconds = time.perf_counter() - begin
    return found


def _operate(store: Store, number: int, step: int, wanted: list[tuple[object, object]]) -> tuple[bool, str]:
    """(whether something wrong was read, the error it ended with)."""
    at = (number * 3 + step) % SHARED
    case, own = make_case(f"case {at}"), make_case(f"own {number}", reference=False)
    try:
        match step % 8:
            case 0:
                store.put_case(case)
            case 1:
                store.put_case(case)
                store.put_analysis(make_analysis(case))
            case 2 | 3 if (kept := store.case(case.id)) is not None:
                return bits(kept) != wanted[at][0], ""
            case 4 | 5 if (made := store.analysis(make_analysis(case).key)) is not None:
                return bits(made) != wanted[at][1], ""
            case 6:
                store.reviews.append(f"reader {number}", "taxonomy", note=str(step))
            case 7 if step % 128 == 127:
                return not store.delete_case(own.id), ""
            case 7:
                store.put_case(own)
    except SecondLookError as problem:
        return False, problem.sentence
    return False, ""
