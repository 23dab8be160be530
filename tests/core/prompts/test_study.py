"""The protocol with a stub in the network's place: what is asked, what is scored, what the curve says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from core.prompts import JudgedSlice, curve_of, jitter_case, judged, pairwise_agreement
from core.types import BoolArray
from core.types.prompts import Box, Prompt, PromptKind


class FillsTheBox:
    """Answers with everything inside the box, or with the picture's upper half for a point."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape
        self.asked: list[int] = []

    def __call__(self, index: int, prompts: Sequence[Prompt]) -> BoolArray:
        self.asked.append(index)
        masks = np.zeros((len(prompts), *self.shape), dtype=bool)
        for mask, prompt in zip(masks, prompts, strict=True):
            if isinstance(prompt, Box):
                mask[prompt.top : prompt.bottom, prompt.left : prompt.right] = True
            else:
                mask[: self.shape[0] // 2] = True
        return masks


def square(slices: int = 3) -> BoolArray:
    """A lesion of 10 x 10 pixels on the middle slice only."""
    mask = np.zeros((slices, 32, 32), dtype=bool)
    mask[1, 10:20, 10:20] = True
    return mask


def test_only_slices_with_a_lesion_are_asked_about() -> None:
    make = FillsTheBox((32, 32))
    found = list(jitter_case(make, square(), "box", 0.1, key="case"))
    assert [each.index for each in found] == make.asked == [1]
    assert len(found[0].prompts) == len(found[0].masks) == len(found[0].dice) == 10


def test_without_jitter_one_draw_is_enough_and_there_is_no_agreement() -> None:
    (found,) = jitter_case(FillsTheBox((32, 32)), square(), "box", 0.0, key="case")
    assert found.dice.tolist() == found.iou.tolist() == [1.0]
    assert found.agreement is None


def test_a_network_that_fills_the_box_loses_what_the_box_loses() -> None:
    (found,) = jitter_case(FillsTheBox((32, 32)), square(), "box", 0.2, key="case", draws=20)
    for prompt, iou in zip(found.prompts, found.iou, strict=True):
        assert isinstance(prompt, Box)
        rows = max(0, min(prompt.bottom, 20) - max(prompt.top, 10))
        columns = max(0, min(prompt.right, 20) - max(prompt.left, 10))
        both, drawn = rows * columns, prompt.shape[0] * prompt.shape[1]
        assert iou == pytest.approx(both / (drawn + 100 - both))
    assert found.agreement is not None
    assert found.agreement < 1.0


def test_a_network_that_ignores_the_prompt_agrees_with_itself() -> None:
    (found,) = jitter_case(FillsTheBox((32, 32)), square(), "point", 0.2, key="case")
    assert found.agreement == 1.0
    # The upper half holds 16 x 32 pixels, of the lesion 6 rows of 10.
    assert found.dice.tolist() == [pytest.approx(2 * 60 / (512 + 100))] * 10


def test_agreement_is_the_mean_dice_over_all_pairs() -> None:
    masks = np.array([[[1, 1, 0]], [[1, 0, 0]], [[0, 0, 1]]], dtype=bool)
    assert pairwise_agreement(masks) == pytest.approx((2 / 3 + 0 + 0) / 3)
    assert pairwise_agreement(np.zeros((2, 3, 3), dtype=bool)) == 1.0
    assert pairwise_agreement(masks[:1]) is None


def one(
    group: str, kind: PromptKind, share: float, dice: Sequence[float], agreement: float | None
) -> JudgedSlice:
    values = np.array(dice, dtype=np.float64)
    return JudgedSlice(group, group, 0, kind, share, values / (2 - values), values, agreement)


def test_a_row_means_over_draws_then_over_slices() -> None:
    slices = [one("a", "box", 0.1, (0.6, 0.8), 0.9), one("b", "box", 0.1, (1.0, 1.0), 1.0)]
    (row,) = curve_of(slices, seed=0)
    assert row.dice.mean == pytest.approx((0.7 + 1.0) / 2)
    assert row.dice_sd == pytest.approx((np.sqrt(0.02) + 0) / 2)
    assert (row.slices, row.patients, row.draws) == (2, 2, 2)
    assert row.agreement is not None
    assert row.agreement.mean == pytest.approx(0.95)
    # The surer slice has the smaller risk (0 against 0.4), so the order is the best one.
    assert row.naurc is not None
    assert row.naurc.value == pytest.approx(1.0)


def test_the_risk_is_that_of_the_first_draw() -> None:
    slices = [one("a", "box", 0.1, (0.2, 1.0), 0.5), one("b", "box", 0.1, (0.6, 0.0), 0.9)]
    (row,) = curve_of(slices, seed=0)
    assert row.aurc is not None
    # Most confident first: risk 0.4 up to coverage 1/2, then on a line to 0.6 for both.
    assert row.aurc.value == pytest.approx(0.4 / 2 + (0.4 + 0.6) / 2 / 2)


def test_rows_are_ordered_by_kind_and_share_and_have_no_areas_without_agreement() -> None:
    slices = [
        one("a", "point", 0.1, (0.5, 0.5), 1.0),
        one("a", "box", 0.2, (0.5, 0.5), 1.0),
        one("a", "box", 0.0, (0.5,), None),
    ]
    rows = curve_of(slices, seed=0)
    assert [(row.kind, row.share) for row in rows] == [("box", 0.0), ("box", 0.2), ("point", 0.1)]
    assert rows[0].agreement is rows[0].aurc is None
    assert rows[0].dice.low is None, "one patient has no interval"


def test_the_change_is_taken_slice_by_slice_from_the_least_jitter() -> None:
    slices = [
        one("a", "box", 0.0, (0.9,), None),
        one("b", "box", 0.0, (0.5,), None),
        one("a", "box", 0.2, (0.6, 0.8), 0.9),
        one("b", "box", 0.2, (0.5, 0.5), 0.9),
    ]
    without, with_jitter = curve_of(slices, seed=0)
    assert without.change is None
    assert with_jitter.change is not None
    assert with_jitter.change.mean == pytest.approx((-0.2 + 0.0) / 2)
    assert (with_jitter.change.low, with_jitter.change.high) == (pytest.approx(-0.2), pytest.approx(0.0))


def test_intervals_draw_patients_not_slices() -> None:
    many = [one("a", "box", 0.1, (0.2, 0.2), 0.5)] * 50 + [one("b", "box", 0.1, (0.8, 0.8), 0.5)]
    (row,) = curve_of(many, seed=0)
    assert (row.dice.low, row.dice.high) == (pytest.approx(0.2), pytest.approx(0.8))


def test_a_judged_slice_keeps_its_numbers_and_drops_its_masks() -> None:
    (found,) = jitter_case(FillsTheBox((32, 32)), square(), "box", 0.1, key="case")
    kept = judged("case", "patient", found)
    assert kept.dice is found.dice
    assert not hasattr(kept, "masks")
