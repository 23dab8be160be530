"""A member's curve: one line per epoch, written and said while it trains, and read back."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import Field, asdict, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol

Say = Callable[[str], None]


class CurveLine(Protocol):
    """A dataclass whose fields are the columns; `note` is what is said about the epoch besides."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def train_loss(self) -> float: ...

    @property
    def seconds(self) -> float: ...

    @property
    def note(self) -> str: ...


def curve_writer(out: Path, member: int, total: int, say: Say) -> Callable[[CurveLine], None]:
    """Takes the lines of a member's epochs, numbers them on over all of its runs, writes and says them.

    total: epochs of all runs.
    """
    lines: list[CurveLine] = []

    def report(line: CurveLine) -> None:
        lines.append(replace(line, epoch=len(lines)))
        write_curve(out / curve_name(member), lines)
        say(
            f"member {member}, epoch {len(lines)}/{total}: loss {line.train_loss:.4f}{line.note}, "
            f"{line.seconds:.0f} s"
        )

    return report


def write_curve(path: Path, lines: Sequence[CurveLine]) -> None:
    """Write the lines as CSV, one column per field."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, [field.name for field in fields(lines[0])], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(line) for line in lines)


def curve_seconds(path: Path) -> float:
    """How long the epochs of a curve took together, to a tenth of a second."""
    with path.open(newline="", encoding="utf-8") as stream:
        return round(sum(float(line["seconds"]) for line in csv.DictReader(stream)), 1)


def curve_name(member: int) -> str:
    """File of a member's curve in its model folder."""
    return f"log_{member}.csv"
