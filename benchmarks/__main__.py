"""`python -m benchmarks [NAME...] [--json]`: a table of ratios, or one JSON list."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from dataclasses import asdict

from benchmarks.timing import Row

MODULES = {
    "mc-dropout": "benchmarks.mc_dropout",
    "tta": "benchmarks.tta",
    "calibration": "benchmarks.calibration",
    "corruptions": "benchmarks.corruptions",
    "overlap": "benchmarks.overlap",
    "moments": "benchmarks.moments",
    "risk-coverage": "benchmarks.risk_coverage",
    "stress": "benchmarks.stress",
}


def main(arguments: list[str] | None = None) -> int:
    """Run the named benchmarks, all by default. Returns the exit code."""
    options = _parser().parse_args(arguments)
    rows: list[Row] = []
    for name in options.name or MODULES:
        print(f"running {name}", file=sys.stderr)
        rows += importlib.import_module(MODULES[name]).run(options.rounds, options.threads)
    print(json.dumps([asdict(row) for row in rows], indent=1) if options.json else _table(rows))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="*", type=_known, metavar="NAME", help=f"any of {', '.join(MODULES)}")
    parser.add_argument("--json", action="store_true", help="one JSON list on stdout")
    parser.add_argument("--rounds", type=int, default=7, help="interleaved rounds (default 7)")
    parser.add_argument("--threads", type=int, default=1, help="threads of both sides (default 1)")
    return parser


def _known(name: str) -> str:
    if name not in MODULES:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(MODULES)}")
    return name


def _table(rows: list[Row]) -> str:
    head = ("work", "variant", "x peer", "min", "max", "ms", "difference")
    lines = ["{:58} {:16} {:>7} {:>7} {:>7} {:>9} {:>11}  peer".format(*head)]
    for row in rows:
        difference = "" if row.difference is None else f"{row.difference:.1e}"
        lines.append(
            f"{row.work:58} {row.variant:16} {row.ratio_median:7.2f} {row.ratio_min:7.2f} "
            f"{row.ratio_max:7.2f} {1000 * row.seconds:9.2f} {difference:>11}  {row.peer}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
