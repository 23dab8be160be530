"""Limits of the shape rules: built in, stored with a model, changed by the user, or fitted to references."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

import numpy as np

from core.detector.context import areas_of, context_values
from core.detector.measures import value_of
from core.detector.rules import RULES, RuleSpec, rule_spec
from core.detector.space import StackSpace
from core.detector.study import measure_study
from core.detector.volume import measure_slices
from core.errors import SettingsProblem
from core.types import BoolArray, Limits, RuleLimit, SliceSummary

DEFAULT_SHARE = 0.005
"""Share of the reference slices that each fitted rule leaves outside its limit."""


def built_in_limits() -> Limits:
    """Limits for a model that brings none: rounded from 666 reference slices of 50 patients of TCGA-LGG."""
    rules = tuple(_default(spec) for spec in RULES)
    return Limits(rules=rules, cohort="TCGA-LGG, rounded", patients=50, slices=666, share=DEFAULT_SHARE)


def default_limits(stored: Limits | None) -> Limits:
    """The limits stored with a model in the order of `RULES`; rules that it does not name are built in.

    Raises SettingsProblem when it names a rule that does not exist.
    """
    if stored is None:
        return built_in_limits()
    named = {each.rule: each for each in stored.rules}
    for key in named:
        rule_spec(key)
    rules = tuple(named.get(each.rule, each) for each in built_in_limits().rules)
    return stored.model_copy(update={"rules": rules})


def limit_of(limits: Limits, rule: str) -> RuleLimit:
    """The limit of one rule. Raises SettingsProblem when there is none."""
    spec = rule_spec(rule)
    found = next((each for each in limits.rules if each.rule == spec.key), None)
    if found is None:
        raise SettingsProblem(
            "These limits do not cover the rule",
            found=rule,
            expected="one of " + ", ".join(each.rule for each in limits.rules),
            fix="complete them with default_limits",
        )
    return found


def with_limit(
    limits: Limits, rule: str, *, limit: float | None = None, active: bool | None = None
) -> Limits:
    """The same limits with one rule moved or switched; None keeps what it was.

    Raises SettingsProblem when the limit lies outside the rule's range.
    """
    spec, old = rule_spec(rule), limit_of(limits, rule)
    value = old.limit if limit is None else limit
    if limit is not None and not spec.low <= limit <= spec.high:
        raise SettingsProblem(
            f"The limit of {spec.label!r} is out of range",
            found=str(limit),
            expected=f"{spec.low} to {spec.high}",
            fix="choose a value in this range",
        )
    new = old.model_copy(update={"limit": value, "active": old.active if active is None else active})
    if new == old:
        return limits
    rules = tuple(new if each == old else each for each in limits.rules)
    return limits.model_copy(update={"rules": rules, "profile": None})


def fit_limits(
    references: Iterable[tuple[str, BoolArray]], cohort: str, share: float = DEFAULT_SHARE
) -> Limits:
    """Limits beyond which at most `share` of the reference slices lie, for each rule by itself.

    references: (patient, mask) with masks (row, column) in anatomical order, the slices of a patient in a
    row; or (patient, mask) with a whole volume (slice, row, column). Empty slices count as neighbours only.
    Sizes are shares of the picture and outlines are measured on one grid, so the resolution does not matter.
    A slice on which a measure is undefined counts as far from the limit. Limits are order statistics, never
    interpolated.
    Raises SettingsProblem when there is no reference with a lesion, or `share` is not in [0, 0.5).
    """
    volume = StackSpace(spatial=True)
    studies = [(patient, summarise(masks, volume)) for patient, masks in _studies(references)]
    slices = sum(not each.empty for _, study in studies for each in study)
    if not slices or not 0.0 <= share < 0.5:
        raise SettingsProblem(
            "Limits cannot be fitted",
            found=f"{slices} reference slices with a lesion, share {share}",
            expected="at least one slice with a lesion and a share from 0 to below 0.5",
            fix="pass reference masks of the training patients",
        )
    rules = tuple(_fit_rule(spec, [study for _, study in studies], share) for spec in RULES)
    patients = len({patient for patient, _ in studies})
    return Limits(rules=rules, cohort=cohort, patients=patients, slices=slices, share=share)


def summarise(
    masks: Sequence[BoolArray],
    space: StackSpace = StackSpace(),  # noqa: B008 - frozen
) -> tuple[SliceSummary, ...]:
    """Slice summaries without scores of masks (row, column) of one size, in the given order."""
    measured = measure_slices(np.stack(masks), space) if masks else ()
    return tuple(
        SliceSummary(index=index, empty=not blobs, scores=(), measures=measures, components=blobs)
        for index, (measures, blobs) in enumerate(measured)
    )


def _studies(references: Iterable[tuple[str, BoolArray]]) -> Iterable[tuple[str, list[BoolArray]]]:
    for patient, group in groupby(references, key=lambda each: each[0]):
        masks: list[BoolArray] = []
        for _, mask in group:
            masks.extend(mask if mask.ndim == 3 else [mask])
        yield patient, masks


def _fit_rule(spec: RuleSpec, studies: Sequence[Sequence[SliceSummary]], share: float) -> RuleLimit:
    values = [value for study in studies for value in _values(spec, study)] if spec.fitted else []
    if not values:
        return _default(spec)
    above = spec.side == "above"
    rank = 1.0 - share if above else share
    limit = float(np.quantile(values, rank, method="higher" if above else "lower"))
    limit = min(max(limit, spec.low), spec.high)
    typical = float(np.quantile(values, 0.5, method="lower" if above else "higher"))
    spread = spec.distance(limit, typical) or spec.spread
    return RuleLimit(rule=spec.key, limit=limit, spread=spread, active=spec.on)


def _default(spec: RuleSpec) -> RuleLimit:
    return RuleLimit(rule=spec.key, limit=spec.limit, spread=spec.spread, active=spec.on)


def _values(spec: RuleSpec, study: Sequence[SliceSummary]) -> list[float]:
    """What the rule sees of a study; a non-empty slice without the measure counts as safe."""
    if spec.scope == "study":
        whole = value_of(measure_study(study), spec.measure)
        return [] if whole is None else [whole]
    safe = spec.low if spec.side == "above" else spec.high
    around = context_values(areas_of(study))
    values = []
    for each, context in zip(study, around, strict=True):
        own = {measure.key: measure.value for measure in each.measures}
        if spec.measure in context:
            values.append(context[spec.measure])
        elif spec.measure in own and not each.empty:
            found = own[spec.measure]
            values.append(safe if found is None else found)
    return values
