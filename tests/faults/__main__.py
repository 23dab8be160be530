"""`python -m tests.faults hostile|mutants|kills|damage|threads`, see --help."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from tests.faults.damage import damage_everything
from tests.faults.hostile import read_everything
from tests.faults.kills import kill_migrations, kill_writers
from tests.faults.mutants import mutate_everything
from tests.faults.threads import crowd


class Tally(Protocol):
    """What a kind of fault came to; `wrong` has one sentence for each thing that must not be."""

    wrong: list[str]

    def lines(self) -> Iterable[str]:
        """For a terminal."""


KINDS: dict[str, Callable[[argparse.Namespace, Path], list[Tally]]] = {
    "hostile": lambda given, folder: [read_everything()],
    "mutants": lambda given, folder: [mutate_everything(given.count, given.seed)],
    "kills": lambda given, folder: [
        kill_writers(given.trials, folder, given.seed),
        kill_migrations(given.migrations, folder, given.seed),
    ],
    "damage": lambda given, folder: [damage_everything(given.flips, folder, given.seed)],
    "threads": lambda given, folder: [crowd(given.threads, given.operations, folder)],
}


def main() -> int:
    """Run one kind of fault at full length; 1 when anything was not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--count", type=int, default=10_000, help="mutants of files")
    parser.add_argument("--trials", type=int, default=200, help="kills in the middle of mixed writes")
    parser.add_argument("--migrations", type=int, default=50, help="kills in the middle of migrations")
    parser.add_argument("--flips", type=int, default=100, help="flipped bits, and half as many truncations")
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--operations", type=int, default=1000, help="of each thread")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="second-look-faults-") as folder:
        tallies = KINDS[chosen.kind](chosen, Path(folder))
    for tally in tallies:
        sys.stdout.write("\n".join(tally.lines()) + "\n")
    return int(any(tally.wrong for tally in tallies))


if __name__ == "__main__":
    sys.exit(main())
