"""Which detector sees which kind of synthetic failure, each put on one slice of a study outlined as drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from core.config import Frozen
from core.detector import GOOD_DICE, Limits, decide, limit_of
from core.detector.limits import summarise
from core.detector.quality.networks import QualityNetworks, judge
from core.metrics import dice
from core.metrics.draws import draw_groups
from core.train.common.numbers import BOOTSTRAP_SEED
from core.train.quality.detectors import NETWORK_RULE, SLICE_RULES
from core.train.quality.failures import FAILURES, FailureSpec
from core.train.quality.numbers import REPLICATES
from core.types import BoolArray, Estimate, Float32Array

EMPTY_EVERY = 3
"""Every how-manieth slice without a lesion gets one invented."""


class FailureRow(Frozen):
    """One kind: slices on which it was a failure (IoU <= 0.7), and the share that each detector caught.

    best_rule: the rule that caught most of them by itself, "" where none caught any. seen_by_none: by neither
    a rule nor the network.
    """

    key: str
    label: str
    slices: int
    mean_dice: float
    rules: Estimate
    network: Estimate
    either: Estimate
    seen_by_none: int
    best_rule: str
    best_share: float


@dataclass(frozen=True, eq=False)
class DrawnStudy:
    """A patient at the network's size: flair (slice, SIZE, SIZE) and the reference (slice, SIZE, SIZE)."""

    patient: str
    flair: Float32Array
    mask_ref: BoolArray


@dataclass(frozen=True, eq=False)
class _Tried:
    patient: str
    dice: float
    rules: frozenset[str]
    prob: float


def failure_rows(
    studies: Sequence[DrawnStudy], networks: QualityNetworks, limits: Limits
) -> tuple[FailureRow, ...]:
    """Every kind on every slice of the studies that it fits, one draw each."""
    lowest = limit_of(limits, NETWORK_RULE).limit
    return tuple(
        _row(spec, [each for study in studies for each in _try(spec, study, networks, limits)], lowest)
        for spec in FAILURES
    )


def reference_alarms(
    studies: Sequence[DrawnStudy], networks: QualityNetworks, limits: Limits
) -> tuple[Estimate, Estimate]:
    """Share of the slices of the references themselves on which a rule, and on which the network, raises a
    false alarm."""
    lowest = limit_of(limits, NETWORK_RULE).limit
    patients, rules, network = [], [], []
    for study in studies:
        flags = decide(summarise(list(study.mask_ref)), limits).flags
        fired = {flag.slice for flag in flags}
        judged = judge(networks, study.flair, study.mask_ref)
        for index, prob in enumerate(judged.prob):
            patients.append(study.patient)
            rules.append(float(index in fired))
            network.append(float(prob < lowest))
    draws = draw_groups(patients, seed=BOOTSTRAP_SEED, replicates=REPLICATES)
    return draws.mean(np.array(rules)), draws.mean(np.array(network))


def _try(spec: FailureSpec, study: DrawnStudy, networks: QualityNetworks, limits: Limits) -> Iterator[_Tried]:
    places, masks = [], []
    for index in _places(spec, study.mask_ref):
        rng = np.random.default_rng((BOOTSTRAP_SEED, FAILURES.index(spec), index))
        mask = spec.draw(rng, study.mask_ref[index], study.flair[index])
        if dice(mask, study.mask_ref[index]) <= GOOD_DICE:
            places.append(index)
            masks.append(mask)
    if not places:
        return
    judged = judge(networks, study.flair[places], np.stack(masks))
    for index, mask, prob in zip(places, masks, judged.prob, strict=True):
        changed = summarise([*study.mask_ref[:index], mask, *study.mask_ref[index + 1 :]])
        fired = frozenset(flag.rule for flag in decide(changed, limits).flags if flag.slice == index)
        overlap = dice(mask, study.mask_ref[index])
        yield _Tried(study.patient, overlap, fired & set(SLICE_RULES), float(prob))


def _places(spec: FailureSpec, mask_ref: BoolArray) -> list[int]:
    filled = np.flatnonzero(mask_ref.any(axis=(1, 2)))
    empty = np.flatnonzero(~mask_ref.any(axis=(1, 2)))[::EMPTY_EVERY]
    return [int(k) for k in (filled if spec.needs_lesion else np.concatenate([filled, empty]))]


def _row(spec: FailureSpec, tried: Sequence[_Tried], lowest: float) -> FailureRow:
    draws = draw_groups([each.patient for each in tried], seed=BOOTSTRAP_SEED, replicates=REPLICATES)
    rules = np.array([bool(each.rules) for each in tried])
    network = np.array([each.prob < lowest for each in tried])
    shares = {rule: float(np.mean([rule in each.rules for each in tried])) for rule in SLICE_RULES}
    best = max(shares, key=lambda rule: shares[rule])
    return FailureRow(
        key=spec.key,
        label=spec.label,
        slices=len(tried),
        mean_dice=float(np.mean([each.dice for each in tried])),
        rules=draws.mean(rules.astype(np.float64)),
        network=draws.mean(network.astype(np.float64)),
        either=draws.mean((rules | network).astype(np.float64)),
        seen_by_none=int((~(rules | network)).sum()),
        best_rule=best if shares[best] > 0 else "",
        best_share=shares[best],
    )
