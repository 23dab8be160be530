"""kill -9 in the middle of mixed writes and of migrations: is anything that was acknowledged lost or torn?"""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import StoreProblem
from core.store import Store
from core.store.migrations import MIGRATIONS, Migration
from tests.core.store.stored_examples import bits, make_analysis, make_case, open_store

LONGEST_SECONDS = 1.2
"""A process lives for at most so long after its first acknowledged write."""
TRIALS_PER_STORE = 5
ROWS = 400_000


@dataclass
class Said:
    """What a process acknowledged. kept: by name. begun: deletions that may or may not have happened."""

    kept: set[str] = field(default_factory=set)
    begun: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    reviewed: list[str] = field(default_factory=list)
    results: dict[str, set[int]] = field(default_factory=dict)

    def hear(self, line: str) -> None:
        """One whole line of the writer."""
        verb, *words = line.split()
        if verb == "result":
            self.results.setdefault(words[0], set()).add(int(words[1]))
        elif verb == "reviewed":
            self.reviewed.append(words[0])
        else:
            {"kept": self.kept, "deleting": self.begun, "deleted": self.deleted}[verb].add(words[0])

    @property
    def writes(self) -> int:
        """How many there are."""
        return len(self.kept) + len(self.deleted) + len(self.reviewed) + sum(map(len, self.results.values()))


@dataclass
class Tally:
    """What many trials came to; `wrong` has one sentence for each thing that must not be."""

    trials: int = 0
    writes: int = 0
    reviews: int = 0
    slowest_open: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def lines(self) -> Iterable[str]:
        """For a terminal."""
        yield f"{self.trials} kills, {self.writes} acknowledged writes, {self.reviews} of them reviews"
        yield f"wrong: {len(self.wrong)}; slowest opening {self.slowest_open:.2f} s"
        yield from self.wrong[:20]


def kill_writers(trials: int, folder: Path, seed: int = 0) -> Tally:
    """Kill a process that writes cases, results, deletions and reviews in four threads, again and again."""
    draw, tally, said = random.Random(seed), Tally(), Said()
    for trial in range(trials):
        home = folder / f"store-{trial // TRIALS_PER_STORE}"
        if trial % TRIALS_PER_STORE == 0:
            said = Said()
        before = said.writes, len(said.reviewed)
        _run_and_kill([sys.executable, "-m", "tests.faults.writer", str(home), str(trial)], draw, said)
        tally.trials += 1
        tally.writes += said.writes - before[0]
        tally.reviews += len(said.reviewed) - before[1]
        started = time.monotonic()
        try:
            with open_store(home) as store:
                tally.slowest_open = max(tally.slowest_open, time.monotonic() - started)
                tally.wrong += [f"trial {trial}: {each}" for each in _missing(store, said)]
        except StoreProblem as problem:
            tally.wrong.append(f"trial {trial}: {problem.sentence}")
    return tally


def kill_migrations(trials: int, folder: Path, seed: int = 0) -> Tally:
    """Kill a process while it brings an older store forward."""
    draw, tally = random.Random(seed), Tally()
    for trial in range(trials):
        home = folder / f"older-{trial}"
        names = [f"{trial}-{n}" for n in range(3)]
        with open_store(home) as store:
            for name in names:
                store.put_case(make_case(name))
        _run_and_kill([sys.executable, "-m", "tests.faults.kills", str(home)], draw, None)
        tally.trials += 1
        tally.writes += len(names)
        started = time.monotonic()
        try:
            with open_store(home, migrations=SLOW) as store:
                tally.slowest_open = max(tally.slowest_open, time.monotonic() - started)
                lost = _missing(store, Said(kept=set(names)), analyses=False)
                tally.wrong += [f"migration {trial}: {each}" for each in lost]
                if store.info().schema_version != len(SLOW):
                    tally.wrong.append(f"migration {trial}: schema {store.info().schema_version}")
        except StoreProblem as problem:
            tally.wrong.append(f"migration {trial}: {problem.sentence}")
    return tally


def _fill(number: int) -> Migration:
    return Migration(
        f"{number:04d} for trial",
        lambda cursor: cursor.execute(
            f"CREATE TABLE trial_{number} AS SELECT range AS n, hash(range) AS h FROM range({ROWS})"
        ),
    )


SLOW: Sequence[Migration] = (*MIGRATIONS, *(_fill(len(MIGRATIONS) + n) for n in range(1, 9)))
"""Today's schema and eight steps that take long enough to be killed in."""


def _run_and_kill(command: list[str], draw: random.Random, said: Said | None) -> None:
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        if not first:
            raise RuntimeError(f"the process to be killed ended by itself: {process.wait()}")
        timer = threading.Timer(draw.uniform(0.0, LONGEST_SECONDS), process.kill)
        timer.start()
        for line in (first, *process.stdout):
            if said is not None and line.endswith("\n"):
                said.hear(line)
        timer.cancel()


def _missing(store: Store, said: Said, *, analyses: bool = True) -> Iterable[str]:
    for name in said.kept - said.begun:
        case = make_case(name)
        if bits(store.case(case.id)) != bits(case):
            yield f"case {name} is lost or torn"
        analysis = make_analysis(case)
        if analyses and bits(store.analysis(analysis.key)) != bits(analysis):
            yield f"analysis of {name} is lost or torn"
    for name in said.deleted:
        if store.case(make_case(name).id) is not None:
            yield f"case {name} is back after its deletion"
    notes = [each.note for each in store.reviews.entries()]
    if [each for each in notes if each in set(said.reviewed)] != said.reviewed:
        yield "a review is lost or out of order"
    for run_id, positions in said.results.items():
        if not positions <= store.done_positions(run_id):
            yield f"{len(positions - store.done_positions(run_id))} results of a run are lost"
    yield from store.verify().problems


if __name__ == "__main__":
    sys.stdout.write("begin\n")
    sys.stdout.flush()
    open_store(Path(sys.argv[1]), migrations=SLOW).close()
