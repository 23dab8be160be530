"""From stored measures and limits to one verdict; no array and no network is touched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from core.detector.context import areas_of, context_values, thin_ends
from core.detector.limits import limit_of
from core.detector.point import POINT_RULE, point_applies, point_flags
from core.detector.rules import RULES, RuleSpec
from core.detector.study import measure_study
from core.types import (
    Component,
    Flag,
    Limits,
    Measure,
    OperatingPoint,
    RuleLimit,
    Score,
    SliceSummary,
    Verdict,
)

Answer = Literal["consistent", "review"]
Box = tuple[int, int, int, int]


def decide(
    slices: Sequence[SliceSummary],
    limits: Limits,
    scores: Sequence[Score] = (),
    operating_point: OperatingPoint | None = None,
) -> Verdict:
    """The verdict over a study: "review" when any active rule fires, with one flag per rule and slice.

    slices: in anatomical order; a single picture is a study of one slice. scores: of the whole study.
    Rules that look for small or ragged masks are not judged on the thin ends of a stack of slices (see
    `core.detector.context.thin_ends`), where such masks are usual. Flags come worst first: severity = 1 +
    distance past the limit, in units of the distance between the default limit and the typical value of the
    training references.
    operating_point: a saved threshold that fits the model and estimator; it judges the confidence in place of
    the limit of "low-confidence", unless its score is not there or that rule is switched off (see
    `core.detector.point`).
    Raises SettingsProblem when a rule of the table has no limit.
    """
    flags: list[Flag] = []
    judged_by = None
    point = operating_point if operating_point and point_applies(operating_point, slices, scores) else None
    for spec, seen in _sights(slices, scores):
        limit = limit_of(limits, spec.key)
        if limit.active and spec.key == POINT_RULE and point is not None:
            flags.extend(point_flags(point, limit, slices, scores))
            judged_by = point.label
        elif limit.active:
            flags.extend(
                _flag(spec, limit, value, where) for value, where in seen if spec.fires(value, limit.limit)
            )
    flags.sort(key=lambda flag: (-flag.severity, -1 if flag.slice is None else flag.slice))
    answer: Answer = "review" if flags else "consistent"
    return Verdict(answer=answer, flags=tuple(flags), operating_point=judged_by, profile=limits.profile)


def extremes(slices: Sequence[SliceSummary], scores: Sequence[Score] = ()) -> Mapping[str, float]:
    """For each rule of the table the value furthest towards firing that `decide` would see of this study.

    A rule that sees no value is left out. With limits alone, without an operating point, a rule fires in
    `decide` if and only if its value here lies beyond its limit.
    """
    furthest = {"above": max, "below": min}
    return {
        spec.key: furthest[spec.side](value for value, _ in seen)
        for spec, seen in _sights(slices, scores)
        if seen
    }


def _sights(
    slices: Sequence[SliceSummary], scores: Sequence[Score]
) -> Iterator[tuple[RuleSpec, list[tuple[float, SliceSummary | None]]]]:
    """Every rule of the table with the values that it judges, each with its slice, None for the study."""
    judged: tuple[Measure | Score, ...] = (*measure_study(slices), *scores)
    study = {each.key: each.value for each in judged if each.value is not None}
    values, thin = _slice_values(slices), thin_ends(areas_of(slices))
    for spec in RULES:
        if spec.scope == "study":
            yield spec, [(study[spec.measure], None)] if slices and spec.measure in study else []
            continue
        places = [k for k in range(len(slices)) if spec.thin_ends or not thin[k]]
        yield spec, [(values[k][spec.measure], slices[k]) for k in places if spec.measure in values[k]]


def _slice_values(slices: Sequence[SliceSummary]) -> list[dict[str, float]]:
    """Everything known about each slice by key: scores, own measures, and what the neighbours say."""
    around = context_values(areas_of(slices))
    return [
        {each.key: each.value for each in own.scores if each.value is not None} | _shapes(own) | context
        for own, context in zip(slices, around, strict=True)
    ]


def _shapes(summary: SliceSummary) -> dict[str, float]:
    # The area of an empty slice is a defined 0, but no small area: an empty slice has rules of its own.
    measures = () if summary.empty else summary.measures
    return {each.key: each.value for each in measures if each.value is not None}


def _flag(spec: RuleSpec, limit: RuleLimit, value: float, where: SliceSummary | None) -> Flag:
    return Flag(
        rule=spec.key,
        cause=spec.cause,
        slice=where.index if where else None,
        box=_place(spec, where.components) if where else None,
        measured=value,
        limit=limit.limit,
        side=spec.side,
        severity=1.0 + spec.distance(value, limit.limit) / limit.spread,
        sentence=spec.sentence.format(measured=spec.text(value), limit=spec.text(limit.limit)),
    )


def _place(spec: RuleSpec, components: Sequence[Component]) -> Box | None:
    if not components:
        return None
    if spec.place != "all":
        return components[0 if spec.place == "largest" else -1].box
    tops, lefts, bottoms, rights = zip(*(each.box for each in components), strict=True)
    return min(tops), min(lefts), max(bottoms), max(rights)
