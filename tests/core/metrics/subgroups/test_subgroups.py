"""Groups against the rest: planted differences are found, small groups say nothing, nulls stay nulls."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import SettingsProblem
from core.metrics.subgroups import Attribute, SubgroupReport, holm, subgroup_report
from core.types import Float64Array, UnitTable


def table(dice: Float64Array, groups: list[str]) -> UnitTable:
    n = len(dice)
    every = np.ones(n, np.bool_)
    return UnitTable(
        title="made up", task="segmentation", level="slice", class_names=("lesion",),
        name=tuple(f"unit {k}" for k in range(n)), group=tuple(groups), case_id=(None,) * n,
        analysis_key=(None,) * n, slice=np.arange(n), pred_empty=~every, ref_empty=~every, has_ref=every,
        confidence={"agreement": np.full(n, 0.5)}, default_confidence="agreement", metrics={"dice": dice},
    )  # fmt: skip


def attribute(key: str, categories: list[str | None]) -> Attribute:
    return Attribute(key, key, "Made up.", tuple(categories))


def row(report: SubgroupReport, *categories: str):  # type: ignore[no-untyped-def]
    return next(each for each in (*report.groups, *report.pairs) if each.categories == categories)


def patients(count: int, each: int) -> list[str]:
    return [f"p{k}" for k in range(count) for _ in range(each)]


def test_holm_by_hand() -> None:
    # sorted .01 .02 .03 .5: 4 x .01, 3 x .02, 2 x .03, 1 x .5, never falling
    assert holm((0.5, 0.01, 0.03, 0.02)) == pytest.approx((0.5, 0.04, 0.06, 0.06))
    assert holm(()) == ()


def test_mean_and_difference_of_a_group_by_hand() -> None:
    dice = np.array([0.9, 0.8, 0.3, 0.2] * 3)
    side = attribute("side", ["left", "left", "right", "right"] * 3)
    report = subgroup_report(table(dice, patients(6, 2)), [side], min_patients=2, min_units=2, replicates=200)
    left = row(report, "left")
    assert left.value.value == pytest.approx(0.85)
    assert left.difference.value == pytest.approx(0.6)
    assert (left.units, left.patients) == (6, 3)


def test_planted_pair_is_found_and_stands_first() -> None:
    generator = np.random.default_rng(0)
    size = [str(each) for each in generator.choice(["small", "large"], 240)]
    place = [str(each) for each in generator.choice(["central", "peripheral"], 240)]
    dice = 0.8 + generator.normal(0, 0.05, 240)
    bad = np.array([s == "small" and p == "central" for s, p in zip(size, place, strict=True)])
    dice[bad] -= 0.4
    report = subgroup_report(
        table(dice, patients(24, 10)), [attribute("size", size), attribute("place", place)]
    )
    first = report.pairs[0]
    assert first.categories == ("small", "central")
    assert first.p_holm is not None and first.p_holm < 0.05
    assert report.searched == 4


def test_small_group_is_shown_and_not_tested() -> None:
    dice = np.r_[np.full(40, 0.9), np.full(3, 0.1)]
    site = attribute("site", ["A"] * 40 + ["B"] * 3)
    report = subgroup_report(table(dice, [*patients(10, 4), "x", "x", "y"]), [site])
    found = row(report, "B")
    assert (found.p, found.p_holm) == (None, None)
    assert found.small == "only 2 of at least 5 patients"
    assert found.value.value == pytest.approx(0.1)


def test_unknown_category_and_undefined_value_are_left_out_and_counted() -> None:
    dice = np.array([0.5, np.nan, 0.7, 0.9])
    kind = attribute("kind", ["a", "a", "b", None])
    report = subgroup_report(table(dice, patients(4, 1)), [kind], min_patients=1, min_units=1)
    a = row(report, "a")
    assert (a.value.value, a.units, a.undefined) == (0.5, 2, 1)
    assert {each.categories for each in report.groups} == {("a",), ("b",)}


@pytest.mark.parametrize(("count", "inside"), [(12, 6), (12, 5), (30, 15)])
def test_test_keeps_its_size_where_slices_of_a_patient_are_alike(count: int, inside: int) -> None:
    """A test that took slices for independent would cry out far too often."""
    generator = np.random.default_rng(1)
    rejected, naive, trials = 0, 0, 200
    for trial in range(trials):
        own = np.repeat(generator.normal(0.7, 0.15, count), 8)
        dice = own + generator.normal(0, 0.02, 8 * count)
        side = np.repeat(generator.permutation(["a"] * inside + ["b"] * (count - inside)), 8)
        report = subgroup_report(
            table(dice, patients(count, 8)), [attribute("side", side.tolist())], pairs=False,
            replicates=200, seed=trial,
        )  # fmt: skip
        p = row(report, "a").p
        assert p is not None
        rejected += p < 0.05
        gap = abs(dice[side == "a"].mean() - dice[side == "b"].mean())
        naive += gap > 1.96 * np.sqrt(dice.var() * (1 / (8 * inside) + 1 / (8 * (count - inside))))
    # 5 % of 200 is 10; 18 or more happen by chance in fewer than 2 % of such tests.
    assert rejected <= 18
    assert naive > 0.3 * trials


def test_group_beside_which_nothing_is_known_is_not_tested() -> None:
    dice = np.r_[np.full(40, 0.5), np.full(40, np.nan)]
    kind = attribute("kind", ["a"] * 40 + ["b"] * 40)
    report = subgroup_report(table(dice, patients(20, 4)), [kind])
    assert row(report, "a").small == "nothing to compare with"


def test_planted_pair_is_found_among_many_that_are_searched() -> None:
    generator = np.random.default_rng(5)
    kinds = [
        attribute(f"k{n}", [str(each) for each in generator.choice(["x", "y", "z"], 400)]) for n in range(5)
    ]
    bad = np.array(
        [a == "x" and b == "y" for a, b in zip(kinds[0].categories, kinds[1].categories, strict=True)]
    )
    dice = 0.8 + generator.normal(0, 0.05, 400) - 0.3 * bad
    report = subgroup_report(table(dice, patients(40, 10)), kinds)
    assert report.searched > 26
    assert report.pairs[0].categories == ("x", "y")
    assert report.pairs[0].p_holm is not None and report.pairs[0].p_holm < 0.01


def test_unknown_metric_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SettingsProblem, match="dice"):
        subgroup_report(table(np.array([0.5]), ["a"]), [], "beauty")
