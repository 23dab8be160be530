"""Verdicts over short drawn studies: which rule fires where, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from core.detector import RULES, built_in_limits, decide, limit_of, summarise, with_limit
from core.types import (
    BoolArray,
    Estimate,
    Level,
    Measure,
    OperatingPoint,
    RiskConventions,
    Score,
    SliceSummary,
    Verdict,
)


def blank() -> BoolArray:
    return np.zeros((100, 100), dtype=bool)


def box(*boxes: tuple[int, int, int, int]) -> BoolArray:
    mask = blank()
    for top, left, bottom, right in boxes:
        mask[top:bottom, left:right] = True
    return mask


LESION = box((30, 30, 50, 50))
"""4 % of the picture, one solid square: ordinary in every respect."""


def rules_of(masks: Sequence[BoolArray]) -> set[tuple[str, int | None]]:
    return {(flag.rule, flag.slice) for flag in verdict_of(masks).flags}


def verdict_of(masks: Sequence[BoolArray]) -> Verdict:
    return decide(summarise(masks), built_in_limits())


def comb() -> BoolArray:
    """A thin bar with thin teeth: ragged, but not in pieces."""
    mask = box((30, 20, 32, 80))
    mask[30:60, 20:80:6] = True
    return mask


def ring() -> BoolArray:
    row, column = np.mgrid[:100, :100] - 50
    radius = np.hypot(row, column)
    found: BoolArray = (radius < 25) & (radius > 21)
    return found


DRAWN: dict[str, Callable[[], BoolArray]] = {
    "area-large": lambda: box((10, 10, 60, 60)),
    "area-small": lambda: box((50, 50, 52, 52)),
    "compactness": comb,
    "solidity": ring,
    "fragmentation": lambda: box(*((10, c, 20, c + 10) for c in (10, 25, 40, 55))),
    "spurious": lambda: box((30, 30, 60, 60), (80, 80, 82, 82)),
}


def test_ordinary_lesion_looks_consistent() -> None:
    assert verdict_of([LESION]) == Verdict(answer="consistent", flags=())


@pytest.mark.parametrize("rule", DRAWN)
def test_rule_fires_on_a_single_slice_drawn_for_it(rule: str) -> None:
    verdict = verdict_of([DRAWN[rule]()])
    assert verdict.answer == "review"
    assert (rule, 0) in {(flag.rule, flag.slice) for flag in verdict.flags}


def test_empty_slice_inside_a_lesion_fires() -> None:
    assert rules_of([blank(), LESION, blank(), LESION, blank()]) >= {("gap", 2), ("stacks", 3)}


def test_long_gap_separates_two_findings_and_is_no_gap() -> None:
    assert rules_of([LESION, blank(), blank(), blank(), LESION]) & {("gap", k) for k in range(5)} == set()


def test_prediction_that_ends_at_full_size_fires_on_the_empty_slices_beside_it() -> None:
    assert rules_of([blank(), LESION, LESION, blank()]) == {("cut-off", 0), ("cut-off", 3)}


def test_lesion_that_reaches_the_last_slice_is_not_cut_off() -> None:
    assert rules_of([LESION, LESION]) == set()


def test_nothing_found_in_the_whole_study_is_one_flag_without_a_slice() -> None:
    verdict = verdict_of([blank(), blank()])
    assert [(flag.rule, flag.cause, flag.slice) for flag in verdict.flags] == [
        ("nothing-found", "empty", None)
    ]


def test_thin_ends_of_a_lesion_do_not_fire() -> None:
    speck = box((40, 40, 42, 42))
    assert ("area-small", 0) in rules_of([speck])
    # The area still jumps between them and the body of the lesion.
    assert rules_of([speck, LESION, LESION, speck]) == {("jump-area", 1), ("jump-area", 3)}


def test_thin_volume_of_many_slices_does_not_flood() -> None:
    radii = 25 * np.sqrt(np.clip(1 - np.linspace(-1.5, 1.5, 155) ** 2, 0, None))
    row, column = np.mgrid[:100, :100] - 50
    verdict = verdict_of([np.hypot(row, column) < 0.7 * radius for radius in radii])
    assert verdict.flags == ()


def test_boxes_enclose_what_fired() -> None:
    flags = {flag.rule: flag for flag in verdict_of([DRAWN["spurious"]()]).flags}
    assert flags["spurious"].box == (80, 80, 82, 82)
    flags = {flag.rule: flag for flag in verdict_of([DRAWN["fragmentation"]()]).flags}
    assert flags["fragmentation"].box == (10, 10, 20, 65)


def test_flag_carries_measured_value_limit_and_sentence() -> None:
    flag = next(flag for flag in verdict_of([DRAWN["area-large"]()]).flags if flag.rule == "area-large")
    assert (flag.measured, flag.limit, flag.side) == (0.25, 0.12, "above")
    assert "25 %" in flag.sentence and "12 %" in flag.sentence
    # On the log scale, in units of the spread of 1.5: 1 + ln(0.25 / 0.12) / 1.5.
    assert flag.severity == pytest.approx(1 + np.log(0.25 / 0.12) / 1.5)


def test_worst_flag_comes_first_and_all_are_at_least_one() -> None:
    flags = verdict_of([DRAWN["spurious"](), blank(), DRAWN["area-large"](), ring(), blank()]).flags
    severities = [flag.severity for flag in flags]
    assert len(flags) > 3
    assert severities == sorted(severities, reverse=True)
    assert min(severities) >= 1


def test_moving_a_limit_decides_again_from_the_same_measures() -> None:
    slices, limits = summarise([LESION]), built_in_limits()
    assert decide(slices, limits).answer == "consistent"
    assert decide(slices, with_limit(limits, "area-large", limit=0.03)).answer == "review"


@pytest.mark.parametrize("rule", DRAWN)
def test_switched_off_rule_is_silent(rule: str) -> None:
    limits = with_limit(built_in_limits(), rule, active=False)
    assert not limit_of(limits, rule).active
    assert rule not in {flag.rule for flag in decide(summarise([DRAWN[rule]()]), limits).flags}


def test_study_without_slices_is_consistent() -> None:
    assert decide((), built_in_limits()).answer == "consistent"


def test_undefined_measures_fire_nothing() -> None:
    undefined = tuple(Measure(key=spec.measure, value=None, note="not taken") for spec in RULES)
    bare = SliceSummary(index=0, empty=False, scores=(), measures=undefined, components=())
    assert decide((bare,), built_in_limits()).flags == ()


def test_low_confidence_of_the_study_is_one_flag_without_a_place() -> None:
    slices, limits = summarise([LESION]), built_in_limits()
    assert decide(slices, limits, (Score(key="agreement", value=0.5),)).answer == "consistent"
    flags = decide(slices, limits, (Score(key="agreement", value=0.49),)).flags
    assert [(flag.rule, flag.cause, flag.slice, flag.box) for flag in flags] == [
        ("low-confidence", "confidence", None, None)
    ]


def test_confidence_that_is_not_available_is_not_low() -> None:
    scores = (Score(key="agreement", value=None, note="not available"),)
    assert decide(summarise([LESION]), built_in_limits(), scores).answer == "consistent"


def point(level: Level = "case", threshold: float = 0.75) -> OperatingPoint:
    """Version 3 of a point on the agreement, chosen for a risk of at most 5 %."""
    nothing = Estimate(value=None)
    return OperatingPoint(
        id="", name="ward", version=3, run_id=None, cohort_id=None, cohort_name="LGG", model_id="lgg-unet",
        estimator="ensemble", score="agreement", threshold=threshold, target="risk", target_value=0.05,
        conventions=RiskConventions(level=level), coverage=nothing, selective_risk=nothing,
        undetected=nothing, bound=None, bound_level=None, n_fit=8, n_report=9, groups_fit=4, groups_report=5,
    )  # fmt: skip


def test_operating_point_takes_the_place_of_the_fixed_limit_and_is_named() -> None:
    slices, limits = summarise([LESION]), built_in_limits()
    for value, answer in ((0.74, "review"), (0.75, "consistent"), (0.49, "review")):
        verdict = decide(slices, limits, (Score(key="agreement", value=value),), point())
        assert (verdict.answer, verdict.operating_point) == (answer, "ward v3")
    low = decide(slices, limits, (Score(key="agreement", value=0.4),), point()).flags[0]
    assert (low.rule, low.slice, low.measured, low.limit) == ("low-confidence", None, 0.4, 0.75)
    assert low.severity == pytest.approx(1 + (0.75 - 0.4) / 0.3)
    assert low.sentence == (
        "The confidence 0.4 lies below the operating point ward v3 (0.75), chosen for a risk of at most 5 % "
        "on LGG."
    )


def test_operating_point_below_the_fixed_limit_lets_more_pass() -> None:
    scores = (Score(key="agreement", value=0.4),)
    assert decide(summarise([LESION]), built_in_limits(), scores).answer == "review"
    assert decide(summarise([LESION]), built_in_limits(), scores, point(threshold=0.3)).answer == "consistent"


def test_operating_point_chosen_on_slices_judges_slices() -> None:
    rated = [
        each.model_copy(update={"scores": (Score(key="agreement", value=value),)})
        for each, value in zip(summarise([LESION] * 3), (0.9, 0.7, 0.2), strict=True)
    ]
    whole = (Score(key="agreement", value=0.1),)
    verdict = decide(rated, built_in_limits(), whole, point("slice"))
    assert [(flag.rule, flag.slice) for flag in verdict.flags] == [
        ("low-confidence", 2),
        ("low-confidence", 1),
    ]


def test_operating_point_cannot_accept_an_undefined_confidence() -> None:
    for value in (None, float("nan")):
        verdict = decide(
            summarise([LESION]), built_in_limits(), (Score(key="agreement", value=value),), point()
        )
        assert verdict.answer == "review"
        assert "not defined" in verdict.flags[0].sentence


def test_operating_point_of_another_score_or_a_switched_off_rule_judges_nothing() -> None:
    slices, scores = summarise([LESION]), (Score(key="agreement", value=0.6),)
    other = point().model_copy(update={"score": "mean_entropy"})
    assert decide(slices, built_in_limits(), scores, other).operating_point is None
    off = with_limit(built_in_limits(), "low-confidence", active=False)
    assert decide(slices, off, scores, point()) == Verdict(answer="consistent", flags=())
