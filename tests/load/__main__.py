"""`python -m tests.load [--sessions N] [--waves N]`, or `… pairs [--pairs N] [--seed N]`."""

from __future__ import annotations

import argparse
import sys


def main() -> int:
    """Run one kind of load at full length; 1 when anything was not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("kind", choices=("waves", "pairs"), nargs="?", default="waves")
    parser.add_argument("--sessions", type=int, default=200, help="open at the same time in one wave")
    parser.add_argument("--waves", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument(
        "--analyse-every", type=int, default=100, help="pairs that run a model, one in so many"
    )
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    if chosen.kind == "pairs":
        from tests.load.pairs import run_pairs, server_with_twins

        with server_with_twins() as (server, twins):
            tally = run_pairs(server, twins, chosen.pairs, chosen.seed, chosen.analyse_every)
        sys.stdout.write("\n".join(tally.lines()) + "\n")
        return int(bool(tally.wrong))
    from tests.load.waves import measure

    report = measure(chosen.sessions, chosen.waves)
    sys.stdout.write("\n".join(report.lines()) + "\n")
    return int(bool(report.missed()))


if __name__ == "__main__":
    sys.exit(main())
