"""What the rule for empty slices was chosen among: its constants, a learned rule, and harder conditions.

Slices with a prediction keep their score; only the confidence of the empty ones differs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from core.config import Frozen
from core.models.records import ModelRecord
from core.train.confidence.judged import Units, estimated, judge
from core.train.data import TrainingSet
from core.train.unseen import JudgedStudy, studies_of
from core.types import Estimate, Float32Array, Float64Array
from core.uncertainty import SCORES
from core.uncertainty.evidence import gather
from core.uncertainty.recipe import EVIDENCE_WEIGHT, NOTHING_ANYWHERE, TRACE

EARLIER = "agreement_earlier"
WEIGHTS: tuple[tuple[str, float, float], ...] = (
    ("1 - (t + s) / 3, the default", 1 / 3, 1 / 3),
    ("1 - (t + s) / 4", 1 / 4, 1 / 4),
    ("1 - (t + s) / 2", 1 / 2, 1 / 2),
    ("1 - (t / 2 + s) / 3", 1 / 6, 1 / 3),
    ("1 - s / 3, without the slice's own trace", 0.0, 1 / 3),
    ("1 - t / 3, without the neighbours", 1 / 3, 0.0),
)
"""Label, weight of the slice's own trace t, weight of what the neighbours share s."""
NO_TRACE = 4
"""Row of WEIGHTS without the own trace, which the stresses compare with."""
LEARNED = "logistic regression on t, s and s one slice farther away, by patient-wise cross-validation"
ONE_IN, FAINT = 10, 0.45
"""Stress: of every so many patients one has its probabilities scaled by this, so that nothing is found."""


class Variant(Frozen):
    """A rule for empty slices and the normalised AURC over all slices, out of fold."""

    label: str
    normalised_aurc: Estimate


class Stress(Frozen):
    """A harder condition, and the normalised AURC of the default, the earlier rule and no own trace."""

    label: str
    default: Estimate
    earlier: Estimate
    no_trace: Estimate


def variants(studies: Sequence[JudgedStudy], units: Units, record: ModelRecord) -> tuple[Variant, ...]:
    """Every variant on the same out-of-fold slices; units: `judge` of these studies, slice by slice."""
    signs = np.concatenate([_signs(each) for each in studies])
    rules = {label: _weighed(signs, own, beside) for label, own, beside in WEIGHTS}
    rules[LEARNED] = 1.0 - _learned(signs, units, record)
    rules["the earlier rule"] = units.confidence[EARLIER]
    return tuple(Variant(label=label, normalised_aurc=_of(rule, units)) for label, rule in rules.items())


def stresses(samples: Mapping[str, tuple[Float32Array, ...]], data: TrainingSet) -> tuple[Stress, ...]:
    """The same networks under harder conditions."""
    return tuple(_stress(label, changed, data, every) for label, changed, every in _conditions(samples))


def _conditions(
    samples: Mapping[str, tuple[Float32Array, ...]],
) -> Iterator[tuple[str, Mapping[str, tuple[Float32Array, ...]], int]]:
    yield "one network instead of two", {name: each[:1] for name, each in samples.items()}, 1
    yield "every second slice only", samples, 2
    yield "every third slice only", samples, 3
    faint = {
        name: tuple(np.float32(FAINT) * one for one in each) if place % ONE_IN == 0 else each
        for place, (name, each) in enumerate(samples.items())
    }
    yield "one patient in ten with faint probabilities, nothing found in its whole study", faint, 1


def _stress(
    label: str, samples: Mapping[str, tuple[Float32Array, ...]], data: TrainingSet, every: int
) -> Stress:
    studies = tuple(studies_of(samples, data, every))
    units, _ = judge(studies)
    signs = np.concatenate([_signs(each) for each in studies])
    return Stress(
        label=label,
        default=_of(units.confidence[SCORES[0].key], units),
        earlier=_of(units.confidence[EARLIER], units),
        no_trace=_of(_weighed(signs, *WEIGHTS[NO_TRACE][1:]), units),
    )


def _weighed(signs: Float64Array, own: float, beside: float) -> Float64Array:
    return 1.0 - (own * signs[:, 0] + beside * signs[:, 1] + EVIDENCE_WEIGHT * signs[:, 3])


def _of(rule: Float64Array, units: Units) -> Estimate:
    return estimated(np.where(units.empty, rule, units.confidence[SCORES[0].key]), units)["normalised_aurc"]


def _signs(study: JudgedStudy) -> Float64Array:
    """(slice, 4): t, s, s as it is one slice farther away, and h of a study with nothing found."""
    evidence = gather(study.reduced)
    shared = np.concatenate([[0.0, 0.0], evidence.shared, [0.0, 0.0]])
    places = np.arange(evidence.slices)
    near, far = (np.maximum(shared[places + 1 - k], shared[places + 4 + k]) for k in (0, 1))
    unseen = np.full(evidence.slices, 0.0 if study.mask_pred.any() else NOTHING_ANYWHERE)
    return np.stack([evidence.traces[:, TRACE], near, far, unseen], axis=1)


def _learned(signs: Float64Array, units: Units, record: ModelRecord) -> Float64Array:
    """Probability that an empty slice is a miss, each fold of patients by a fit to the others."""
    from sklearn.linear_model import LogisticRegression

    prob = np.zeros(units.risk.size)
    for fold in record.folds:
        held_out = np.isin(units.patient, fold)
        fit = units.empty & ~held_out
        if not units.missed[fit].any():
            continue
        model = LogisticRegression(C=10.0).fit(signs[fit, :3], units.missed[fit])
        prob[held_out] = model.predict_proba(signs[held_out, :3])[:, 1]
    return prob
