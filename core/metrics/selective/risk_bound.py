"""Distribution-free upper bounds of a mean risk from few independent groups, and how many would be needed.

Binary risks: Clopper and Pearson 1934, doi:10.1093/biomet/26.4.404. Risks anywhere in [0, 1]: the bound of
Hoeffding and Bentkus, Bates et al. 2021, doi:10.1145/3478535, and Angelopoulos et al. 2021, arXiv:2110.01052.
"""

from __future__ import annotations

import math

STEPS = 16
"""Halvings of the bracket when a p-value is turned into a bound, which is then at most 2e-5 too high."""


def mean_risk_bound(mean: float, n: int, *, confidence: float, binary: bool) -> float:
    """Largest mean risk that `n` independent risks with this observed mean do not rule out, in [0, 1].

    confidence: chance, at least, that the bound holds, such as 0.95. binary: every risk is 0 or 1, so that
    their number is binomial. No risk at all gives 1: nothing is known.

    >>> round(mean_risk_bound(0.0, 59, confidence=0.95, binary=True), 4)
    0.0495
    """
    if n == 0 or mean >= 1.0:
        return 1.0
    if binary:
        from scipy.special import betaincinv

        failures = round(mean * n)
        return float(betaincinv(failures + 1, n - failures, confidence))
    # Hoeffding's plain bound is never tighter, so the bound lies below it.
    low, high = mean, min(1.0, mean + math.sqrt(-math.log(1.0 - confidence) / (2.0 * n)))
    for _ in range(STEPS):
        middle = (low + high) / 2.0
        ruled_out = risk_p_value(mean, n, middle, binary=False) <= 1.0 - confidence
        low, high = (low, middle) if ruled_out else (middle, high)
    return high


def risk_p_value(mean: float, n: int, risk: float, *, binary: bool) -> float:
    """Valid p-value of "the mean risk is above `risk`", given the mean of n independent risks in [0, 1].

    binary: P(Bin(n, risk) <= failures). Otherwise the smaller of Hoeffding's exp(-n h(mean, risk)), with h
    the binary relative entropy, and Bentkus' e P(Bin(n, risk) <= ceil(n mean)).
    """
    from scipy.special import bdtr

    if n == 0 or not 0.0 < risk < 1.0:
        return 1.0
    # A mean of floats can lie a rounding error above a whole number of failures.
    failures = round(n * mean) if binary else math.ceil(n * mean - 1e-9)
    tail = float(bdtr(min(failures, n), n, risk))
    if binary:
        return tail
    hoeffding = math.exp(-n * _relative_entropy(min(mean, risk), risk))
    return min(1.0, hoeffding, math.e * tail)


def cases_needed(risk: float, confidence: float) -> int:
    """Fewest independent cases that could show a mean risk of at most `risk`: if none of them failed.

    (1 - risk)^n <= 1 - confidence. risk and confidence in (0, 1).

    >>> cases_needed(0.05, 0.95)
    59
    """
    return math.ceil(math.log(1.0 - confidence) / math.log1p(-risk) - 1e-9)


def _relative_entropy(mean: float, risk: float) -> float:
    left = mean * math.log(mean / risk) if mean > 0 else 0.0
    right = (1.0 - mean) * math.log((1.0 - mean) / (1.0 - risk)) if mean < 1 else 0.0
    return left + right
