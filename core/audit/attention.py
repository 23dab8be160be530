"""How attention weights spread over the instances of a bag: entropy, top-1, effective instances."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import InputProblem
from core.types import Float64Array


@dataclass(frozen=True)
class AttentionSummary:
    """One bag. None = undefined: everything where all weights are zero, `normalised_entropy` also for n = 1.

    entropy: H = -sum a ln a, in [0, ln n]. normalised_entropy: H / ln n, in [0, 1]. top1: the largest weight.
    effective_exp: exp(H); effective_inverse: 1 / sum a^2; both in [1, n], n for uniform weights and 1 when a
    single instance has all of it. instances: n.
    """

    entropy: float | None
    normalised_entropy: float | None
    top1: float | None
    effective_exp: float | None
    effective_inverse: float | None
    instances: int


def attention_summary(weights: Sequence[float] | Float64Array) -> AttentionSummary:
    """Entropy, top-1 weight and both counts of effective instances of one bag.

    weights: (instance,) >= 0; scaled to a sum of 1 first. 0 ln 0 = 0. All zero: the bag attends to nothing
    and every value is undefined (None). Raises InputProblem for no weight, a negative or a non-finite one.
    Source: Jost 2006, doi:10.1111/j.2006.0030-1299.14714.x (effective numbers of order 1 and 2); Ilse et al.
    2018, arXiv:1802.04712 (attention over instances).

    >>> found = attention_summary([0.5, 0.25, 0.25, 0.0])
    >>> [round(each, 5) for each in (found.entropy, found.effective_exp, found.effective_inverse)]
    [1.03972, 2.82843, 2.66667]
    >>> round(found.normalised_entropy, 5), found.top1, attention_summary([1.0]).normalised_entropy
    (0.75, 0.5, None)
    """
    values = np.asarray(weights, np.float64).ravel()
    _check(values)
    total = float(values.sum())
    if total == 0.0:
        return AttentionSummary(None, None, None, None, None, len(values))
    share = values / values.max()
    share = share / share.sum()
    positive = share[share > 0.0]
    entropy = abs(float(-(positive * np.log(positive)).sum()))
    n = len(values)
    return AttentionSummary(
        entropy=entropy,
        normalised_entropy=entropy / math.log(n) if n > 1 else None,
        top1=float(share.max()),
        effective_exp=math.exp(entropy),
        effective_inverse=float(1.0 / (share**2).sum()),
        instances=n,
    )


def mean_summary(bags: Sequence[AttentionSummary]) -> AttentionSummary:
    """Mean of each value over the bags where it is defined, and the rounded mean number of instances."""

    def mean(name: str) -> float | None:
        known = [value for each in bags if (value := getattr(each, name)) is not None]
        return float(np.mean(known)) if known else None

    return AttentionSummary(
        entropy=mean("entropy"),
        normalised_entropy=mean("normalised_entropy"),
        top1=mean("top1"),
        effective_exp=mean("effective_exp"),
        effective_inverse=mean("effective_inverse"),
        instances=round(float(np.mean([each.instances for each in bags]))) if bags else 0,
    )


def _check(values: Float64Array) -> None:
    wrong = ""
    if not values.size:
        wrong = "no weight"
    elif not np.isfinite(values).all():
        wrong = "a weight that is no finite number"
    elif (values < 0.0).any():
        wrong = f"a weight of {values.min():g}"
    if wrong:
        raise InputProblem(
            "The attention weights cannot be used", found=wrong,
            expected="one weight of 0 or more for each instance of a bag",
            fix="log the weights after the softmax",
        )  # fmt: skip
