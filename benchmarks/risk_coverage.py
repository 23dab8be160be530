"""AURC and AUGRC with a thousand bootstrap draws, and the answer of the slider, against numpy and pandas."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks.timing import Row, compare
from core.metrics.halves import split_halves
from core.metrics.selective.coverage_bootstrap import bootstrap_areas
from core.metrics.selective.operating import Answer, prepare
from core.types import Float64Array

CASES = 1_000_000
REPLICATES = 1000
PEER_REPLICATES = 3
"""What the peer draws in a round; its time is taken times 1000 / 3, which its loop makes exact."""

SLIDER_CASES = (2_000, 100_000, 1_000_000)
TARGET_RISK = 0.1


def run(rounds: int, threads: int) -> Iterable[Row]:
    """Rows of the bootstrap for a risk of 0 or 1 and one in between, and of one move of the slider."""
    for kind, cases in (("risk 0 or 1", _binary(CASES)), ("continuous risk", _continuous(CASES))):
        yield from _bootstrap_rows(kind, *cases, min(rounds, 5), threads)
    for size in SLIDER_CASES:
        yield from _slider_rows(size, rounds, threads)


def resampled_areas(
    confidence: Float64Array, risk: Float64Array, generator: np.random.Generator
) -> list[float]:
    """AURC and AUGRC of one replicate as numpy does it: draw cases, sort, cumulate."""
    drawn = generator.integers(0, risk.size, risk.size)
    order = np.argsort(-confidence[drawn])
    running = np.cumsum(risk[drawn][order])
    accepted = np.arange(1, risk.size + 1)
    return [float(np.mean(running / accepted)), float(np.mean(running) / risk.size)]


def grouped_answer(fit: pd.DataFrame, report: pd.DataFrame, target: float) -> tuple[float, float, float]:
    """Threshold for a target risk on one half, coverage and risk on the other, by grouping by confidence."""
    levels = fit.groupby("confidence")["risk"].agg(["count", "sum"]).sort_index(ascending=False).cumsum()
    threshold = float(levels.index[levels["sum"] <= target * levels["count"]][-1])
    accepted = report[report["confidence"] >= threshold]
    return threshold, len(accepted) / len(report), float(accepted["risk"].mean())


def _bootstrap_rows(
    kind: str, confidence: Float64Array, risk: Float64Array, rounds: int, threads: int
) -> Iterable[Row]:
    ours = bootstrap_areas(confidence, risk, seed=0, replicates=REPLICATES)
    generator = np.random.default_rng(0)
    plain = np.array([resampled_areas(confidence, risk, generator) for _ in range(60)])
    spread = (ours["aurc"].high - ours["aurc"].low) / 3.92  # type: ignore[operator]
    rows = compare(
        f"AURC, AUGRC, {REPLICATES} draws, n = {CASES:,}, {kind}",
        (
            "numpy resample + argsort",
            lambda number: [
                resampled_areas(confidence, risk, np.random.default_rng((number, draw)))
                for draw in range(PEER_REPLICATES)
            ],
        ),
        {"pooled": lambda number: bootstrap_areas(confidence, risk, seed=number, replicates=REPLICATES)},
        rounds=rounds,
        threads=threads,
        note=(
            f"the peer draws {PEER_REPLICATES} replicates and counts {REPLICATES}; spread of the AURC over "
            f"that of 60 resampled ones: {spread / plain[:, 0].std():.2f} (known to 9 %)"
        ),
    )
    return [_extrapolated(row, REPLICATES / PEER_REPLICATES) for row in rows]


def _slider_rows(size: int, rounds: int, threads: int) -> Iterable[Row]:
    confidence, risk = _binary(size)
    table = pd.DataFrame({"confidence": confidence, "risk": risk})
    groups = [str(index) for index in range(size)]
    fitted = split_halves(groups, 0)
    prepared = prepare(confidence, risk, groups, seed=0)
    fit, report = table[fitted], table[~fitted]
    difference = _difference(prepared.at_risk(TARGET_RISK), grouped_answer(fit, report, TARGET_RISK))
    return compare(
        f"slider: target risk to threshold, coverage, risk, n = {size:,}",
        ("pandas group-by", lambda number: grouped_answer(fit, report, TARGET_RISK + number / 1000)),
        {"prepared": lambda number: prepared.at_risk(TARGET_RISK + number / 1000)},
        rounds=rounds,
        threads=threads,
        differences={"prepared": difference},
        note="the peer gives no intervals and no bound",
    )


def _difference(answer: Answer, peer: tuple[float, float, float]) -> float:
    ours = (answer.threshold, answer.coverage.value, answer.selective_risk.value)
    return float(np.abs(np.array(ours, np.float64) - peer).max())


def _extrapolated(row: Row, factor: float) -> Row:
    return replace(
        row,
        ratio_median=round(row.ratio_median * factor, 1),
        ratio_min=round(row.ratio_min * factor, 1),
        ratio_max=round(row.ratio_max * factor, 1),
        peer_seconds=row.peer_seconds * factor,
    )


def _binary(size: int) -> tuple[Float64Array, Float64Array]:
    generator = np.random.default_rng(0)
    confidence = generator.random(size)
    return confidence, (generator.random(size) > confidence**0.3).astype(np.float64)


def _continuous(size: int) -> tuple[Float64Array, Float64Array]:
    generator = np.random.default_rng(0)
    confidence = generator.random(size)
    return confidence, generator.random(size) * (1.0 - confidence) ** 0.5
