"""Every hostile image, mask and archive of `bad_inputs.py`: what became of it, seconds, and memory."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import InputProblem, SecondLookError
from core.io import read_case
from core.io.apart import DecodeWorker
from core.types import NamedBytes
from tests.faults.bad_inputs import CASES

IMAGES = ("image", "nifti", "dicom", "zip")
# Rows whose text allows a refusal by the list of supported types.
REFUSAL_ALLOWED = ("gif_animated", "webp_lossy", "bmp_ok")


@dataclass
class Hostile:
    """All rows. growth: largest growth of the memory of the process that decodes, in bytes."""

    met: int = 0
    slowest: tuple[float, str] = (0.0, "")
    growth: tuple[int, str] = (0, "")
    wrong: list[str] = field(default_factory=list)

    def lines(self) -> Iterable[str]:
        """For a terminal."""
        yield f"{self.met} files met their row, {len(self.wrong)} did not"
        yield f"slowest {self.slowest[0]:.2f} s ({self.slowest[1]})"
        yield f"largest growth {self.growth[0] / 2**20:.0f} MiB ({self.growth[1]})"
        yield from self.wrong


def read_everything() -> Hostile:
    """Read every image, mask and archive once, in a process of its own."""
    found = Hostile()
    with tempfile.TemporaryDirectory() as folder, DecodeWorker() as worker, worker.used():
        read_case([written("nii_ok", Path(folder))])
        for key in (key for key, row in CASES.items() if row["kind"] in IMAGES):
            met, seconds, growth = try_row(worker, key, Path(folder))
            found.met += met
            found.wrong += [] if met else [f"{key}: {CASES[key]['must']}"]
            found.slowest = max(found.slowest, (seconds, key))
            found.growth = max(found.growth, (growth, key))
    return found


def try_row(worker: DecodeWorker, key: str, folder: Path) -> tuple[bool, float, int]:
    """(whether a row is met, seconds, growth in bytes)."""
    row, file = CASES[key], written(key, folder)
    pair = [written(row["pair"], folder)] if row["role"] == "mask" else []
    before, started = peak(worker, reset=True), time.monotonic()
    got = outcome(lambda: read_case(pair or [file], reference=[file] if pair else []))
    seconds = time.monotonic() - started
    # Notes beside an accepted file do no harm.
    allowed = {row["expect"]} | ({"warn"} if row["expect"] == "accept" else set())
    met = got in allowed | ({"reject"} if key in REFUSAL_ALLOWED else set())
    return met, seconds, peak(worker) - before


def written(key: str, folder: Path) -> NamedBytes:
    """The file of a row, under the name that a browser would send."""
    row = CASES[key]
    path = folder / Path(row["file"]).name
    row["fn"](path)
    return NamedBytes(row["name"], path.read_bytes())


def outcome(read: Callable[[], Any]) -> str:
    """What happened, in the words of the rows."""
    try:
        found = read()
    except SecondLookError as problem:
        assert all((problem.what, problem.found, problem.expected, problem.fix))
        assert problem.file or not isinstance(problem, InputProblem)
        return "reject"
    return "warn" if getattr(found, "notes", ()) else "accept"


def peak(worker: DecodeWorker, *, reset: bool = False) -> int:
    """Bytes that the process which decodes has held at most since the count was set back; 0 where unknown."""
    process = worker._process
    if process is None or sys.platform != "linux":
        return 0
    status = Path(f"/proc/{process.pid}/status")
    if reset:
        Path(f"/proc/{process.pid}/clear_refs").write_text("5")
    return next(int(x.split()[1]) * 1024 for x in status.read_text().splitlines() if x.startswith("VmHWM:"))
