"""Judging the confidence by a saved operating point instead of the fixed limit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from core.detector.rules import rule_spec
from core.types import Flag, OperatingPoint, RuleLimit, Score, SliceSummary

POINT_RULE = "low-confidence"
"""The rule that an operating point takes the place of."""


def point_applies(point: OperatingPoint, slices: Sequence[SliceSummary], scores: Sequence[Score]) -> bool:
    """Whether the confidence that the point was chosen on is among the scores at its level."""
    owners = [each.scores for each in slices] if point.conventions.level == "slice" else [scores]
    return any(score.key == point.score for own in owners for score in own)


def point_flags(
    point: OperatingPoint, limit: RuleLimit, slices: Sequence[SliceSummary], scores: Sequence[Score]
) -> Iterator[Flag]:
    """One flag for each unit whose confidence lies below the threshold: a case, a slab, or each slice.

    Which of them is up to the level that the point was chosen at. limit: of the rule, whose spread makes
    severities comparable. scores: of the whole case or slab. A unit whose score is undefined cannot be
    accepted by the point: it is flagged as if it lay on the threshold, and the sentence says so.
    """
    if point.conventions.level != "slice":
        found = _flag(point, limit, None, _value(scores, point.score))
        yield from () if found is None else (found,)
        return
    for each in slices:
        found = _flag(point, limit, each.index, _value(each.scores, point.score))
        yield from () if found is None else (found,)


def _flag(point: OperatingPoint, limit: RuleLimit, where: int | None, value: float | None) -> Flag | None:
    spec = rule_spec(POINT_RULE)
    if value is not None and not spec.fires(value, point.threshold):
        return None
    threshold = spec.text(point.threshold)
    shown = "is not defined here, so it cannot pass" if value is None else f"{spec.text(value)} lies below"
    measured = point.threshold if value is None else value
    return Flag(
        rule=spec.key,
        cause=spec.cause,
        slice=where,
        box=None,
        measured=measured,
        limit=point.threshold,
        side=spec.side,
        severity=1.0 + spec.distance(measured, point.threshold) / limit.spread,
        sentence=f"The confidence {shown} the operating point {point.label} ({threshold}), "
        f"{chosen_for(point)} on {point.cohort_name}.",
    )


def chosen_for(point: OperatingPoint) -> str:
    """What the point was chosen for, in words.

    A risk target reads "chosen for a risk of at most 5 %", a coverage target "chosen to accept 80 %".
    """
    share = f"{100.0 * point.target_value:.3g} %"
    return f"chosen for a risk of at most {share}" if point.target == "risk" else f"chosen to accept {share}"


def _value(scores: Sequence[Score], key: str) -> float | None:
    value = next((each.value for each in scores if each.key == key), None)
    return None if value is None or math.isnan(value) else value
