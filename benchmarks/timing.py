"""Interleaved rounds, and the row that they become."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Work = Callable[[int], object]
"""One round of work; its argument is the round's number, so that no round repeats another's draw."""


@dataclass(frozen=True)
class Row:
    """How many times faster a variant is than its peer: median, smallest and largest of the rounds' ratios.

    seconds, peer_seconds: medians of one round. difference: largest absolute difference of the results, None
    where it is not measured.
    """

    work: str
    variant: str
    peer: str
    ratio_median: float
    ratio_min: float
    ratio_max: float
    seconds: float
    peer_seconds: float
    rounds: int
    threads: int
    device: str
    difference: float | None = None
    note: str = ""


def compare(
    work: str,
    peer: tuple[str, Work],
    variants: Mapping[str, Work],
    *,
    rounds: int,
    threads: int,
    differences: Mapping[str, float] | None = None,
    note: str = "",
) -> list[Row]:
    """One row per variant. Each round runs the peer, then every variant; one warm-up round is not counted."""
    everyone = {peer[0]: peer[1], **variants}
    seconds: dict[str, list[float]] = {name: [] for name in everyone}
    for number in range(rounds + 1):
        for name, run in everyone.items():
            started = time.perf_counter()
            run(number)
            seconds[name].append(time.perf_counter() - started)
    timed = {name: each[1:] for name, each in seconds.items()}
    return [
        _row(work, name, peer[0], timed, threads, (differences or {}).get(name), note) for name in variants
    ]


def _row(
    work: str,
    variant: str,
    peer: str,
    timed: Mapping[str, list[float]],
    threads: int,
    difference: float | None,
    note: str,
) -> Row:
    ratios = [slow / fast for slow, fast in zip(timed[peer], timed[variant], strict=True)]
    return Row(
        work=work,
        variant=variant,
        peer=peer,
        ratio_median=round(statistics.median(ratios), 2),
        ratio_min=round(min(ratios), 2),
        ratio_max=round(max(ratios), 2),
        seconds=statistics.median(timed[variant]),
        peer_seconds=statistics.median(timed[peer]),
        rounds=len(ratios),
        threads=threads,
        device=f"cpu ({platform.machine()})",
        difference=difference,
        note=note,
    )
