"""What reviewers found among the cases that an operating point lets pass, held against what it promised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from core.config import Frozen
from core.types import Estimate
from core.types.reviews import Decision

LEVEL = 0.95
BLOCK = 20
"""Reviewed cases per point of the drift."""


class Found(NamedTuple):
    """A reviewed case that the operating point lets pass: when it was decided, and how."""

    when_utc: str
    decision: Decision


class Block(Frozen):
    """Neighbouring decisions in time. risk: share of failures among those that were decided either way."""

    first_utc: str
    last_utc: str
    n: int
    failures: int
    risk: Estimate


class ObservedRisk(Frozen):
    """Risk among reviewed cases that the operating point lets pass.

    passed: all such cases of the run. reviewed: those decided; n: without the unsure ones. failures: rejected
    or in need of correction. risk: failures / n with its exact interval (95 %). promised, bound: what the
    point's calibration said, and its upper confidence bound. alarm: the interval lies wholly above the higher
    of the two. drift: blocks in time; drifted: the last block's interval lies wholly above the first's.
    """

    passed: int
    reviewed: int
    unsure: int
    n: int
    failures: int
    risk: Estimate
    promised: float | None
    bound: float | None
    alarm: bool
    drift: tuple[Block, ...]
    drifted: bool


def exact_interval(failures: int, n: int, level: float = LEVEL) -> tuple[float | None, float | None]:
    """Interval of Clopper and Pearson 1934 (doi:10.1093/biomet/26.4.404) for a share; None without a case.

    >>> [round(each, 4) for each in exact_interval(0, 10)]
    [0.0, 0.3085]
    """
    from scipy.special import betaincinv

    if n == 0:
        return None, None
    tail = (1.0 - level) / 2.0
    low = float(betaincinv(failures, n - failures + 1, tail)) if failures else 0.0
    high = float(betaincinv(failures + 1, n - failures, 1.0 - tail)) if failures < n else 1.0
    return low, high


def observed_risk(
    found: Sequence[Found], passed: int, promised: float | None, bound: float | None = None
) -> ObservedRisk:
    """The risk that reviewers found. found: the reviewed cases that the point lets pass, in any order.

    promised: failures per case among accepted ones, None where the point says nothing of failures. The
    interval takes cases as independent, which several cases of one patient are not.
    """
    ordered = sorted(found)
    sure = [each for each in ordered if each.decision != "unsure"]
    failures = sum(each.decision != "accept" for each in sure)
    risk = _estimate(failures, len(sure))
    said = max((each for each in (promised, bound) if each is not None), default=None)
    blocks = tuple(_block(sure[at : at + BLOCK]) for at in range(0, len(sure), BLOCK))
    return ObservedRisk(
        passed=passed,
        reviewed=len(ordered),
        unsure=len(ordered) - len(sure),
        n=len(sure),
        failures=failures,
        risk=risk,
        promised=promised,
        bound=bound,
        alarm=said is not None and risk.low is not None and risk.low > said,
        drift=blocks,
        drifted=len(blocks) > 1 and _above(blocks[-1].risk, blocks[0].risk),
    )


def _block(part: Sequence[Found]) -> Block:
    failures = sum(each.decision != "accept" for each in part)
    return Block(
        first_utc=part[0].when_utc, last_utc=part[-1].when_utc, n=len(part), failures=failures,
        risk=_estimate(failures, len(part)),
    )  # fmt: skip


def _estimate(failures: int, n: int) -> Estimate:
    low, high = exact_interval(failures, n)
    return Estimate(value=failures / n if n else None, low=low, high=high)


def _above(later: Estimate, earlier: Estimate) -> bool:
    return bool(np.greater(later.low or 0.0, 1.0 if earlier.high is None else earlier.high))
