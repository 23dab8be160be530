"""Every detector on the same slices: rules, network, both, a learned combination, and confidence scores.

A detector ranks slices by suspicion, and most of them also raise an alarm. A slice has failed when its IoU is
at most 0.7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.detector import QUALITY, QUALITY_DICE, RULES, rule_spec
from core.detector.context import areas_of, context_values, thin_ends
from core.train.quality.studies import DetectedStudy
from core.types import BoolArray, Float64Array, SliceSummary
from core.uncertainty import SCORES

NETWORK_RULE = "low-quality"
SLICE_RULES = tuple(spec.key for spec in RULES if spec.scope == "slice" and spec.key != NETWORK_RULE)
"""Rules over shape and neighbours that say something about a slice."""
THIN = 3
"""Which of the signs says that a slice is a thin end."""
LEAST = 1e-6
"""Chances are kept this far from 0 and 1 in logits: most confidences of empty slices lie close to 1."""
PRIOR = 5.0
STRENGTH = 0.3
"""Inverse of the penalty on the weights of a learned combination."""
DEFAULT_SCORE = SCORES[0].key
LEARNED, LEARNED_ALL = "learned", "learned with confidence"


@dataclass(frozen=True, eq=False)
class Slices:
    """All slices of some studies, as arrays (n,).

    risk: 1 - Dice. fired: by rule. confidence: by key, NaN where undefined. signs: (n, sign), what a learned
    combination sees beside.
    """

    patient: NDArray[np.str_]
    failed: BoolArray
    empty: BoolArray
    risk: Float64Array
    fired: Mapping[str, BoolArray]
    confidence: Mapping[str, Float64Array]
    signs: Float64Array

    @property
    def thin(self) -> BoolArray:
        """(n,) whether it is a thin end of its stack, where the rule of the network is not judged."""
        return np.asarray(self.signs[:, THIN] > 0.0)

    @property
    def by_rules(self) -> BoolArray:
        """(n,) whether any rule over shape or neighbours fired."""
        return np.asarray(np.any([self.fired[rule] for rule in SLICE_RULES], axis=0))

    @property
    def quality(self) -> Float64Array:
        """(n,) estimated chance of a good outline."""
        return self.confidence[QUALITY.key]


@dataclass(frozen=True, eq=False)
class Detector:
    """rank: (n,) suspicion, higher is worse. alarm: (n,) bool, None where it only ranks."""

    key: str
    label: str
    rank: Float64Array
    alarm: BoolArray | None = None


@dataclass(frozen=True, eq=False)
class Learned:
    """A learned combination: standardisation (sign,), weights (sign + 1,), and where its alarm begins."""

    centre: Float64Array
    spread: Float64Array
    weights: Float64Array
    threshold: float
    all_scores: bool

    def rank(self, slices: Slices) -> Float64Array:
        """(n,) logit that a slice has failed."""
        design = (design_of(slices, self.all_scores) - self.centre) / self.spread
        return np.asarray(design @ self.weights[:-1] + self.weights[-1])


def slices_of(studies: Sequence[DetectedStudy]) -> Slices:
    """The slices of the studies in a row."""
    flat = [each for study in studies for each in study.slices]
    fired = [rules for study in studies for rules in study.fired]
    scores = [{each.key: each.value for each in own.scores} for own in flat]
    return Slices(
        patient=np.repeat([each.patient for each in studies], [len(each.slices) for each in studies]),
        failed=np.concatenate([each.failed for each in studies]),
        empty=np.array([each.empty for each in flat]),
        risk=1.0 - np.concatenate([each.dice for each in studies]),
        fired={rule: np.array([rule in rules for rules in fired]) for rule in (*SLICE_RULES, NETWORK_RULE)},
        confidence={
            key: np.array([np.nan if row[key] is None else row[key] for row in scores])
            for key in (*(spec.key for spec in SCORES), QUALITY.key, QUALITY_DICE.key)
        },
        signs=np.concatenate([_signs(each.slices) for each in studies]),
    )


def _signs(slices: Sequence[SliceSummary]) -> Float64Array:
    """(slice, 5): outlined share, larger share of the neighbours, gap, thin end, mean quality beside."""
    areas = np.array(areas_of(slices))
    padded = np.concatenate([[0.0], areas, [0.0]])
    beside = np.maximum(padded[:-2], padded[2:])
    gap = [context.get("gap_slices", 0.0) for context in context_values(areas.tolist())]
    quality = np.array([next(s.value for s in each.scores if s.key == QUALITY.key) for each in slices], float)
    around = np.pad(quality, 1, mode="edge")
    return np.stack(
        [
            np.sqrt(areas),
            np.sqrt(beside),
            np.minimum(gap, 3.0),
            np.asarray(thin_ends(areas.tolist()), np.float64),
            _logit((around[:-2] + around[2:]) / 2.0),
        ],
        axis=1,
    )


def design_of(slices: Slices, all_scores: bool) -> Float64Array:
    """(n, sign) what a learned combination sees, signs apart on slices with and without an outline.

    Rules, the estimated quality, and either the default confidence and the expected Dice, or the estimated
    Dice, size and neighbourhood, which the confidence knows by itself.
    """
    own = [slices.fired[rule].astype(np.float64) for rule in SLICE_RULES]
    both = [_logit(slices.quality)]
    if all_scores:
        agreement = slices.confidence[DEFAULT_SCORE]
        both += [agreement, _logit(agreement), _logit(slices.confidence["expected_or_largest"])]
    else:
        both += [_logit(slices.confidence[QUALITY_DICE.key]), *slices.signs.T]
    found = ~slices.empty
    return np.stack(
        [*own, found, *(each * found for each in both), *(each * ~found for each in both)], axis=1
    )


def learn(slices: Slices, false_alarms: float, all_scores: bool, chosen: BoolArray | None = None) -> Learned:
    """Logistic regression on the chosen slices; its alarm begins where this share of the good ones lies
    beyond."""
    from sklearn.linear_model import LogisticRegression

    use = np.ones(len(slices.failed), np.bool_) if chosen is None else chosen
    design = design_of(slices, all_scores)[use]
    centre, spread = design.mean(axis=0), design.std(axis=0) + 1e-6
    # Half failure, half risk: the combination is to find failures, and the worst of them first.
    target = (slices.failed[use] + slices.risk[use]) / 2.0
    twice = np.concatenate([design, design])
    model = LogisticRegression(C=STRENGTH, max_iter=2000).fit(
        (twice - centre) / spread,
        np.repeat([True, False], len(target)),
        sample_weight=np.concatenate([target, 1.0 - target]),
    )
    weights = np.concatenate([model.coef_[0], model.intercept_])
    made = Learned(centre, spread, weights, 0.0, all_scores)
    good = made.rank(slices)[use & ~slices.failed]
    threshold = float(np.quantile(good, 1.0 - false_alarms, method="higher")) if good.size else np.inf
    return Learned(centre, spread, weights, threshold, all_scores)


def precisions(slices: Slices, chosen: BoolArray | None = None) -> dict[str, float]:
    """Of each rule the share of failures among the chosen slices on which it fired, drawn towards the share
    among all as if it had fired on `PRIOR` more slices."""
    use = np.ones(len(slices.failed), np.bool_) if chosen is None else chosen
    failed = slices.failed[use]
    return {
        rule: float(
            (failed[slices.fired[rule][use]].sum() + PRIOR * failed.mean())
            / (slices.fired[rule][use].sum() + PRIOR)
        )
        for rule in SLICE_RULES
    }


def by_default(slices: Slices, found: Mapping[str, float]) -> Float64Array:
    """Suspicion by rules and network: the network's, or that of a fired rule where it is higher."""
    rules = [slices.fired[rule] * found[rule] for rule in SLICE_RULES]
    return np.asarray(np.max([1.0 - slices.quality, *rules], axis=0))


@dataclass(frozen=True, eq=False)
class Fitted:
    """What was fitted for these slices on others: suspicion by default, and rank and alarm of the learned
    combinations by key."""

    default: Float64Array
    learned: Mapping[str, tuple[Float64Array, BoolArray]]


def detectors(slices: Slices, fitted: Fitted) -> tuple[Detector, ...]:
    """Every detector of these slices; each rule alone first, confidence scores last."""
    rules, network = slices.by_rules, slices.fired[NETWORK_RULE]
    return (
        *(
            Detector(rule, rule_spec(rule).label, slices.fired[rule].astype(np.float64), slices.fired[rule])
            for rule in SLICE_RULES
        ),
        Detector("rules", "All rules (OR)", rules.astype(np.float64), rules),
        Detector("network", "Network alone", 1.0 - slices.quality, network),
        Detector(
            "network everywhere",
            "The same, thin ends judged too",
            1.0 - slices.quality,
            slices.quality < rule_spec(NETWORK_RULE).limit,
        ),
        Detector("default", "Rules + network (OR), the default", fitted.default, rules | network),
        *(
            Detector(key, label, *fitted.learned[key])
            for key, label in (
                (LEARNED, "Learned: rules + network"),
                (LEARNED_ALL, "Learned: rules + network + confidence"),
            )
        ),
        *(
            Detector(spec.key, spec.label, -slices.confidence[spec.key])
            for spec in SCORES
            if not np.isnan(slices.confidence[spec.key]).any()
        ),
    )


def _logit(prob: Float64Array) -> Float64Array:
    kept = np.clip(prob, LEAST, 1.0 - LEAST)
    return np.asarray(np.log(kept) - np.log1p(-kept))
