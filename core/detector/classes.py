"""The verdict over a classification: its confidence, and of bags their attention, against limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.detector.limits import limit_of
from core.detector.point import point_applies, point_flags
from core.detector.rules import BAG_RULES, CLASS_RULES, FOREIGN, rule_spec
from core.types import Flag, Limits, OperatingPoint, RuleLimit, Score, Verdict

CLASS_CONFIDENCE = "low-class-confidence"


@dataclass(frozen=True)
class BagScores:
    """A bag as the checks see it: its scores, and the slice to show where a score names none."""

    slice: int
    scores: tuple[Score, ...]


def class_limits(stored: Limits | None, *, bags: bool = False) -> Limits:
    """The limits stored with a classifier, or with a bag model; rules that it does not name are built in."""
    named = {each.rule: each for each in stored.rules} if stored else {}
    rules = tuple(
        named.get(spec.key, RuleLimit(rule=spec.key, limit=spec.limit, spread=spec.spread))
        for spec in (BAG_RULES if bags else CLASS_RULES)
    )
    if stored is None:
        return Limits(rules=rules, cohort="none", patients=0, slices=0, share=0.0)
    return stored.model_copy(update={"rules": rules})


def decide_class(
    scores: Sequence[Score],
    limits: Limits,
    operating_point: OperatingPoint | None = None,
    flags: Sequence[Flag] = (),
) -> Verdict:
    """The verdict over one classified picture: "review" when any flag is raised.

    scores: of the picture. operating_point: a saved threshold that fits the model and estimator; it judges
    the confidence in place of the limit, unless its score is not there. flags: raised elsewhere, such as for
    a foreign picture. Flags come worst first.
    """
    found, limit = list(flags), limit_of(limits, CLASS_CONFIDENCE)
    judged_by = None
    if limit.active and operating_point is not None and point_applies(operating_point, (), scores):
        found += point_flags(operating_point, limit, (), scores)
        judged_by = operating_point.label
    elif limit.active:
        found += _below(scores, limit)
    foreign = limit_of(limits, FOREIGN.key)
    found += _below(scores, foreign) if foreign.active else []
    return _verdict(found, judged_by, limits)


def decide_bags(
    bags: Sequence[BagScores],
    scores: Sequence[Score],
    limits: Limits,
    operating_point: OperatingPoint | None = None,
) -> Verdict:
    """The verdict over a volume: "review" when any rule fires on any of its bags.

    Every bag is judged by itself, so that a volume and the rows of its bags say the same. scores: of the
    volume, which are those of the bag that decides. An operating point that was chosen on whole volumes
    judges these alone; one that was chosen on bags, and the fixed limit, judge each bag.
    """
    limit, point = limit_of(limits, CLASS_CONFIDENCE), operating_point
    if point is not None and not any(point_applies(point, (), each.scores) for each in bags):
        point = None
    of_volume = point is not None and point.conventions.level == "case"
    found = list(point_flags(point, limit, (), scores)) if point and of_volume and limit.active else []
    for number, bag in enumerate(bags, 1):
        own = list(_attention_flags(bag.scores, limits))
        if limit.active and not of_volume:
            own += point_flags(point, limit, (), bag.scores) if point else _below(bag.scores, limit)
        which = f"Slab {number}: " if len(bags) > 1 else ""
        found += [
            flag.model_copy(
                update={
                    "slice": bag.slice if flag.slice is None else flag.slice,
                    "sentence": which + flag.sentence,
                }
            )
            for flag in own
        ]
    return _verdict(found, point.label if point and limit.active else None, limits)


def _attention_flags(scores: Sequence[Score], limits: Limits) -> Iterator[Flag]:
    for spec in BAG_RULES:
        limit = limit_of(limits, spec.key)
        if spec.cause != "attention" or not limit.active:
            continue
        place = next((each.slice for each in scores if each.key == spec.measure), None)
        yield from (flag.model_copy(update={"slice": place}) for flag in _below(scores, limit))


def _verdict(found: list[Flag], judged_by: str | None, limits: Limits) -> Verdict:
    found.sort(key=lambda flag: -flag.severity)
    return Verdict(
        answer="review" if found else "consistent", flags=tuple(found), operating_point=judged_by,
        profile=limits.profile,
    )  # fmt: skip


def _below(scores: Sequence[Score], limit: RuleLimit) -> list[Flag]:
    spec = rule_spec(limit.rule)
    value = next((each.value for each in scores if each.key == spec.measure), None)
    if value is None or not spec.fires(value, limit.limit):
        return []
    return [
        Flag(
            rule=spec.key,
            cause=spec.cause,
            slice=None,
            box=None,
            measured=value,
            limit=limit.limit,
            side=spec.side,
            severity=1.0 + spec.distance(value, limit.limit) / limit.spread,
            sentence=spec.sentence.format(measured=spec.text(value), limit=spec.text(limit.limit)),
        )
    ]
