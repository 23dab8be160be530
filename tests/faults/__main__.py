"""`python -m tests.faults kills [--trials N] [--migrations N]`, `… damage [--flips N]`, or `… threads`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.faults.damage import damage_everything
from tests.faults.kills import kill_migrations, kill_writers
from tests.faults.threads import crowd


def main() -> int:
    """Run one kind of fault at full length; 1 when anything was not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("kind", choices=("kills", "damage", "threads"))
    parser.add_argument("--trials", type=int, default=200, help="kills in the middle of mixed writes")
    parser.add_argument("--migrations", type=int, default=50, help="kills in the middle of migrations")
    parser.add_argument("--flips", type=int, default=100, help="flipped bits, and half as many truncations")
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--operations", type=int, default=1000, help="of each thread")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="second-look-faults-") as folder:
        if chosen.kind == "kills":
            tallies = [
                kill_writers(chosen.trials, Path(folder), chosen.seed),
                kill_migrations(chosen.migrations, Path(folder), chosen.seed),
            ]
        elif chosen.kind == "threads":
            tallies = [crowd(chosen.threads, chosen.operations, Path(folder))]
        else:
            tallies = [damage_everything(chosen.flips, Path(folder), chosen.seed)]
    for tally in tallies:
        sys.stdout.write("\n".join(tally.lines()) + "\n")
    return int(any(tally.wrong for tally in tallies))


if __name__ == "__main__":
    sys.exit(main())
