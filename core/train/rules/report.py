"""Each rule on training patients that neither the networks nor the limits have seen.

For every fifth of the patients the limits are fitted to the references of the others, and the outlines come
from the members that left the patient out. Nothing is chosen on these numbers: limits are percentiles of
references, and a rule that references break often is off (see `core.detector.rules`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.config import Frozen
from core.detector import (
    RULES,
    VOLUME_MEASURES,
    Limits,
    StackSpace,
    decide,
    fit_limits,
    summarise,
    with_limit,
)
from core.detector.space import midline_column
from core.metrics import Interval, bootstrap_mean
from core.metrics.agreement.overlap import dice
from core.models.records import ModelRecord
from core.train.common.curve import Say
from core.train.common.numbers import BOOTSTRAP_SEED
from core.train.data import TrainingSet, load_training_set
from core.train.limits import COHORT
from core.train.segmenter import find_packed
from core.train.unseen import studies_of, unseen_samples
from core.types import BoolArray, Flag

FOLDS = 5
FOLD_SEED = 0
FAILED_SLICE, GOOD_SLICE = 0.5, 0.7
FAILED_STUDY, GOOD_STUDY = 0.7, 0.8
"""Dice below which an outline counts as failed, and from which on it counts as good."""

ACROSS = (
    *(spec.key for spec in VOLUME_MEASURES), "border_contact", "pieces", "largest_piece_share",
    "midline_share",
)  # fmt: skip
"""Measures of the volume rules; the others judge one mask, or what the networks say."""
VOLUME_RULES = tuple(spec.key for spec in RULES if spec.measure in ACROSS)
SHAPE_RULES = tuple(
    spec.key
    for spec in RULES
    if spec.key not in VOLUME_RULES and spec.cause not in ("confidence", "ood", "quality")
)
GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("shape", SHAPE_RULES),
    ("volume", VOLUME_RULES),
    ("both", SHAPE_RULES + VOLUME_RULES),
)
"""Rules taken together: any of them that is on."""


class RuleRow(Frozen):
    """Share of each kind that a rule, or any of several, flags, with intervals over patients.

    rule: a key of `RULES` or of `GROUPS`. references, reference_studies: slices with a lesion, and studies,
    of the references themselves. failed, good: slices with an outline. missed: empty slices whose reference
    holds something. empty: rightly empty slices. A mean of None: there are none of the kind, or the rule
    judges whole studies only.
    """

    rule: str
    on: bool
    references: Interval
    reference_studies: Interval
    failed: Interval
    missed: Interval
    good: Interval
    empty: Interval
    failed_studies: Interval
    good_studies: Interval


class RulesReport(Frozen):
    """One row per rule of shape and volume, in the order of `RULES`, then one per entry of `GROUPS`."""

    model: str
    patients: int
    rows: tuple[RuleRow, ...]
    groups: tuple[RuleRow, ...]


@dataclass(frozen=True, eq=False)
class Unit:
    """What fired on a slice, or anywhere in a study. dice: with the reference, both empty = 1.

    outlined: whether something was outlined; wanted: whether the reference holds something.
    """

    patient: str
    dice: float
    outlined: bool
    wanted: bool
    rules: frozenset[str]


@dataclass(frozen=True, eq=False)
class Fired:
    """Slices and whole studies of some masks."""

    slices: tuple[Unit, ...]
    studies: tuple[Unit, ...]


def rules_report(record: ModelRecord, data: Path, say: Say = print) -> RulesReport:
    """What every rule flags on the training patients of a segmenter, each by what never saw the patient."""
    training_set = load_training_set(find_packed(data))
    say("Out of fold: networks")
    samples = unseen_samples(record, training_set)
    outlines = {study.patient: study.mask_pred for study in studies_of(samples, training_set)}
    say("Out of fold: limits and rules")
    references = {name: training_set.mask[training_set.patient == name] for name in outlines}
    return report_of(record.id, fired_on(training_set, references), fired_on(training_set, outlines))


def fired_on(data: TrainingSet, masks: Mapping[str, BoolArray]) -> Fired:
    """What fires on each patient's masks (slice, row, column) under limits of the other patients."""
    names = [str(name) for name in np.random.default_rng(FOLD_SEED).permutation(sorted(masks))]
    slices: list[Unit] = []
    studies: list[Unit] = []
    for fold in range(FOLDS):
        limits = _limits_without(data, names[fold::FOLDS])
        for name in names[fold::FOLDS]:
            own = data.patient == name
            space = StackSpace(True, midline_column(data.image[own, 0].astype(np.float32)))
            flags = decide(summarise(list(masks[name]), space), limits).flags
            slices += [
                _unit(name, mask, mask_ref, [flag for flag in flags if flag.slice == index])
                for index, (mask, mask_ref) in enumerate(zip(masks[name], data.mask[own], strict=True))
            ]
            studies.append(_unit(name, masks[name], data.mask[own], flags))
    return Fired(tuple(slices), tuple(studies))


def report_of(model: str, references: Fired, outlines: Fired) -> RulesReport:
    """The shares with their intervals."""
    specs = [spec for spec in RULES if spec.key in SHAPE_RULES + VOLUME_RULES]
    on = {spec.key for spec in specs if spec.on}
    return RulesReport(
        model=model,
        patients=len(outlines.studies),
        rows=tuple(_row(spec.key, {spec.key}, spec.on, references, outlines) for spec in specs),
        groups=tuple(_row(name, on & set(rules), True, references, outlines) for name, rules in GROUPS),
    )


def _limits_without(data: TrainingSet, names: Sequence[str]) -> Limits:
    """Limits from the other patients' references, with every rule switched on: rows are read one by one."""
    kept = ~np.isin(data.patient, names)
    pairs = zip(data.patient[kept].tolist(), data.mask[kept], strict=True)
    limits = fit_limits(pairs, COHORT)
    for spec in RULES:
        limits = with_limit(limits, spec.key, active=True)
    return limits


def _unit(name: str, mask: BoolArray, mask_ref: BoolArray, flags: Sequence[Flag]) -> Unit:
    rules = frozenset(flag.rule for flag in flags)
    return Unit(name, dice(mask, mask_ref), bool(mask.any()), bool(mask_ref.any()), rules)


def _row(name: str, rules: set[str], on: bool, references: Fired, outlines: Fired) -> RuleRow:
    def share(units: Sequence[Unit], kind: Callable[[Unit], bool]) -> Interval:
        chosen = [each for each in units if kind(each)]
        caught = [float(bool(rules & each.rules)) for each in chosen]
        return bootstrap_mean(caught, [each.patient for each in chosen], seed=BOOTSTRAP_SEED)

    by_slice = any(spec.scope == "slice" for spec in RULES if spec.key in rules)
    drawn, slices = (fired.slices if by_slice else () for fired in (references, outlines))
    return RuleRow(
        rule=name,
        on=on,
        references=share(drawn, lambda each: each.wanted),
        reference_studies=share(references.studies, lambda each: True),
        failed=share(slices, lambda each: each.outlined and each.dice < FAILED_SLICE),
        missed=share(slices, lambda each: not each.outlined and each.wanted),
        good=share(slices, lambda each: each.outlined and each.dice >= GOOD_SLICE),
        empty=share(slices, lambda each: not each.outlined and not each.wanted),
        failed_studies=share(outlines.studies, lambda each: each.dice < FAILED_STUDY),
        good_studies=share(outlines.studies, lambda each: each.dice >= GOOD_STUDY),
    )
