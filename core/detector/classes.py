"""The verdict over a classification: its confidence against a limit. Shape rules have nothing to judge."""

from __future__ import annotations

from collections.abc import Sequence

from core.detector.limits import limit_of
from core.detector.point import point_applies, point_flags
from core.detector.rules import CLASS_RULES, FOREIGN, rule_spec
from core.types import Flag, Limits, OperatingPoint, RuleLimit, Score, Verdict

CLASS_CONFIDENCE = "low-class-confidence"


def class_limits(stored: Limits | None) -> Limits:
    """The limits stored with a classifier; rules that it does not name are built in."""
    named = {each.rule: each for each in stored.rules} if stored else {}
    rules = tuple(
        named.get(spec.key, RuleLimit(rule=spec.key, limit=spec.limit, spread=spec.spread))
        for spec in CLASS_RULES
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
