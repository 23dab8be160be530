"""Does the same question get the same answer, whatever is asked before it and beside it?"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from core.config import EstimatorKind
from core.selftest.answers import give
from core.selftest.records import Detail
from core.store import Store
from core.types import Progress

MODEL = "lgg-unet"
ESTIMATOR: EstimatorKind = "ensemble-mc-dropout"
SAMPLES = ("frontal-left", "cystic", "healthy-old")
THREADS = 6


def same_answers(progress: Progress) -> tuple[Detail, ...]:
    """Digests of three cases with random dropout: alone, in another order after others, in six threads."""
    progress(0.0, "Asking for three cases, one by one")
    alone = [_digest(each) for each in SAMPLES]
    progress(0.4, "Asking in another order, one after the other")
    with Store.open(mode="memory") as store:
        after = [give(store, MODEL, ESTIMATOR, each).sha256 for each in reversed(SAMPLES)][::-1]
    progress(0.7, "Asking in six threads at once")
    with ThreadPoolExecutor(THREADS) as pool:
        beside = list(pool.map(_digest, SAMPLES * 2))
    return (
        Detail(name="in another order, after others", found=_said(alone, after), ok=alone == after),
        Detail(name=f"in {THREADS} threads at once", found=_said(alone * 2, beside), ok=alone * 2 == beside),
    )


def _digest(sample: str) -> str:
    with Store.open(mode="memory") as store:
        return give(store, MODEL, ESTIMATOR, sample).sha256


def _said(expected: list[str], found: list[str]) -> str:
    same = sum(a == b for a, b in zip(expected, found, strict=True))
    return f"{same} of {len(expected)} equal to the last bit"
