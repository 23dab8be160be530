"""Confidence of a classification from how much its samples disagree; higher is safer.

What needs the mean probabilities alone lies in `core.metrics.selective.class_scores`. With several findings
at once each finding is a two-class question, and the least certain one decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.types import Float64Array, Score

ROUNDING = 1e-6
"""Mutual information below minus this is no rounding error."""
ONE_SAMPLE = "needs several samples"

Rule = Callable[[Float64Array], float]
"""From samples (sample, class) that add up to 1 to a confidence."""


@dataclass(frozen=True)
class SampleScore:
    """One row of the table. lower: of its range, None where it is -ln(number of classes)."""

    key: str
    label: str
    help: str
    rule: Rule
    unit: str = ""
    lower: float | None = 0.0
    upper: float = 1.0
    source: str = ""


def mutual_information(samples: Float64Array) -> float:
    """Entropy of the mean minus mean entropy of the samples (sample, class), in nats, [0, ln C].

    How much the samples disagree, beyond what each is unsure of by itself. Raises ValueError where it comes
    out clearly negative, which no probabilities give.

    >>> round(mutual_information(np.array([[1.0, 0.0], [0.0, 1.0]])), 4)
    0.6931
    """
    found = float(_entropy(samples.mean(axis=0)) - _entropy(samples).mean())
    if found < -ROUNDING:
        raise ValueError(f"mutual information is {found}; the rows must be probabilities")
    return max(0.0, found)


def vote_share(samples: Float64Array) -> float:
    """Share of the samples (sample, class) whose likeliest class is that of their mean, [0, 1].

    >>> round(vote_share(np.array([[0.9, 0.1], [0.6, 0.4], [0.4, 0.6]])), 4)
    0.6667
    """
    winner = int(samples.mean(axis=0).argmax())
    return float((samples.argmax(axis=1) == winner).mean())


SAMPLE_SCORES: tuple[SampleScore, ...] = (
    SampleScore(
        "mutual_information",
        "Mutual information",
        "Minus the disagreement between the samples, beyond what each is unsure of by itself.",
        lambda samples: -mutual_information(samples),
        unit="nat",
        lower=None,
        upper=0.0,
        source="Houlsby et al. 2011, arXiv:1112.5745",
    ),
    SampleScore(
        "agreement",
        "Agreement",
        "Share of the samples that vote for the class that was given.",
        vote_share,
        source="Seung et al. 1992, doi:10.1145/130385.130417",
    ),
)


def sample_scores(samples: Float64Array, *, multilabel: bool = False) -> tuple[Score, ...]:
    """The scores of `SAMPLE_SCORES` for one case, in their order; not available with a single sample.

    samples: (sample, class) probabilities; rows add up to 1 unless `multilabel`.
    """
    if len(samples) < 2:
        return tuple(Score(key=each.key, value=None, note=ONE_SAMPLE) for each in SAMPLE_SCORES)
    questions = [np.stack([1.0 - each, each], axis=1) for each in samples.T] if multilabel else [samples]
    return tuple(
        Score(key=each.key, value=min(each.rule(question) for question in questions))
        for each in SAMPLE_SCORES
    )


def _entropy(prob: Float64Array) -> Float64Array:
    log = np.log(prob, out=np.zeros_like(prob), where=prob > 0)
    return np.asarray(-(prob * log).sum(axis=-1))
