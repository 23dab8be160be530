"""How concentrated the attention of a bag is: entropy, top weight, effective instances. No torch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from core.config import Frozen
from core.errors import InputProblem
from core.types import Float64Array

SUM_TOLERANCE = 1e-3
"""Weights come from single precision, and tables print few digits."""


class AttentionSummary(Frozen):
    """How concentrated the weights of one bag are.

    entropy: in nats. normalised_entropy: entropy / ln(instances), None for one instance. top1: highest
    weight. effective_exp: exp(entropy). effective_inverse: 1 / sum of squares. instances: number of weights.
    """

    entropy: float
    normalised_entropy: float | None
    top1: float
    effective_exp: float
    effective_inverse: float
    instances: int


def attention_summary(weights: Sequence[float] | Float64Array) -> AttentionSummary:
    """Concentration of attention weights a_i >= 0 that add up to 1, 0 ln 0 = 0.

    Uniform weights over n instances give n effective instances both ways, one-hot weights give 1. Raises
    InputProblem for weights that are negative, not finite or do not add up to 1 within 0.001.
    Source: Ilse et al. 2018, arXiv:1802.04712 (weights); Hill 1973, doi:10.2307/1934352 (effective numbers).

    >>> found = attention_summary((0.5, 0.25, 0.25, 0.0))
    >>> [round(x, 5) for x in (found.entropy, found.effective_exp, found.effective_inverse)]
    [1.03972, 2.82843, 2.66667]
    """
    array = np.asarray(weights, dtype=np.float64)
    usable = array.ndim == 1 and array.size > 0 and bool(np.isfinite(array).all())
    if not usable or float(array.min()) < 0.0 or abs(float(array.sum()) - 1.0) > SUM_TOLERANCE:
        raise InputProblem(
            "These are no attention weights",
            found=f"{array.size} values, sum {float(array.sum()):.4g}" if usable else "no finite list",
            expected="numbers of at least 0 that add up to 1",
            fix="give the weights of one bag after the softmax",
        )
    share = array / array.sum()
    positive = share[share > 0.0]
    entropy = max(0.0, float(-(positive * np.log(positive)).sum()))
    return AttentionSummary(
        entropy=entropy,
        normalised_entropy=entropy / math.log(array.size) if array.size > 1 else None,
        top1=float(share.max()),
        effective_exp=math.exp(entropy),
        effective_inverse=float(1.0 / np.square(share).sum()),
        instances=int(array.size),
    )
