"""From samples to scores: the reducer, the default recipe, and every row of the table."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from core.types import Float32Array, Score, SliceSamples
from core.uncertainty import SCORES, Reduced, reduce, score_case, score_slices, score_spec

SIZE = 24
LN2 = math.log(2)


def plane(*blobs: tuple[int, int, float], rest: float = 0.0) -> Float32Array:
    """One foreground class: columns first … last - 1 of rows 6 … 17 at a probability, the rest elsewhere."""
    found = np.full((1, SIZE, SIZE), rest, np.float32)
    for first, last, prob in blobs:
        found[:, 6:18, first:last] = prob
    return found


def study(*slices: Sequence[Float32Array]) -> Reduced:
    stream = [SliceSamples(index, iter(samples)) for index, samples in enumerate(slices)]
    return reduce(stream, len(slices), (SIZE, SIZE))


def value(scores: Sequence[Score], key: str) -> float | None:
    return next(each.value for each in scores if each.key == key)


EMPTY = [plane(), plane()]
LESION = [plane((4, 14, 1.0)), plane((4, 14, 1.0))]


def test_default_confidence_comes_first() -> None:
    reduced = study(LESION)
    assert SCORES[0].key == score_case(reduced)[0].key == score_slices(reduced)[0][0].key == "agreement"


def test_non_empty_slice_is_half_agreement_half_neighbours() -> None:
    wide, narrow = plane((4, 14, 1.0)), plane((4, 9, 1.0))
    reduced = study([wide] * 3, [wide, narrow, narrow], EMPTY + EMPTY[:1])
    # Middle: masks of 120, 60, 60 pixels; Dice 2*60/180 twice and 1. The mean is 1 on 60 pixels, 1/3 on 60.
    # n = (slice 0 + slice 2) / 2 = 1/2 on 120 pixels: 2 * 30 / (60 + 60) = 1/2.
    middle = score_slices(reduced)[1]
    assert value(middle, "pairwise_dice") == pytest.approx(7 / 9)
    assert value(middle, "neighbour_dice") == pytest.approx(0.5, abs=1e-4)
    assert value(middle, "agreement") == pytest.approx((7 / 9 + 1 / 2) / 2, abs=1e-4)


def test_empty_slice_beside_a_lesion_is_doubtful() -> None:
    reduced = study(LESION, EMPTY, EMPTY, EMPTY)
    scores = [value(each, "agreement") for each in score_slices(reduced)]
    # t is 1 in slice 0 and 0 elsewhere: 1 - (0 + 1)/2 beside it, 1 farther away.
    assert scores[1:] == [0.5, 1.0, 1.0]


def test_empty_slice_with_a_trace_uses_its_five_largest_probabilities() -> None:
    trace = plane()
    trace[0, 0, :5] = 0.4
    trace[0, 0, 0] = 0.2
    # t = (0.2 + 4 * 0.4) / 5 = 0.36, neighbours 0: 1 - 0.36 / 2.
    reduced = study(EMPTY, [trace, trace], EMPTY)
    assert value(score_slices(reduced)[1], "agreement") == pytest.approx(1 - 0.36 / 2, abs=1e-4)


def test_single_picture_uses_pairwise_dice_or_the_largest_probability() -> None:
    wide, narrow = plane((4, 14, 1.0)), plane((4, 9, 1.0))
    assert value(score_case(study([wide, narrow])), "agreement") == pytest.approx(2 / 3)
    faint = plane((4, 14, 0.3))
    assert value(score_case(study([faint, faint])), "agreement") == pytest.approx(0.7, abs=1e-4)


def test_single_sample_uses_expected_dice() -> None:
    # q = 0.8 on 120 pixels, 0 elsewhere: 2 * 96 / (120 + 96).
    scores = score_case(study([plane((4, 14, 0.8))]))
    assert value(scores, "agreement") == pytest.approx(2 * 96 / 216, abs=1e-4)
    assert value(scores, "pairwise_dice") is None
    assert value(scores, "information_mean") is None


def test_study_pools_pixels_and_has_its_own_empty_rule() -> None:
    reduced = study(EMPTY, LESION, LESION, EMPTY)
    # Pairwise 1. Neighbours: n = 1/2 on 120 pixels in every slice: 2 * (60 + 60) / (240 + 4 * 60) = 1/2.
    assert value(score_case(reduced), "agreement") == pytest.approx((1 + 0.5) / 2, abs=1e-4)
    trace = plane()
    trace[0, 0, :5] = 0.4
    # The strongest doubt of any slice: (0.4 + 0) / 2.
    assert value(score_case(study(EMPTY, [trace, trace], EMPTY)), "agreement") == pytest.approx(0.8, abs=1e-4)


def test_members_that_all_find_nothing_agree_but_that_is_not_the_default() -> None:
    slices = score_slices(study(LESION, EMPTY))
    assert value(slices[1], "pairwise_dice") == 1.0
    assert value(slices[1], "agreement") == 0.5


def test_pairwise_dice_of_a_study_is_of_its_whole_masks() -> None:
    wide, narrow = plane((4, 14, 1.0)), plane((4, 9, 1.0))
    # Masks of 240 and 180 pixels that share 180.
    assert value(score_case(study([wide, wide], [wide, narrow])), "pairwise_dice") == pytest.approx(360 / 420)


def test_entropy_means_are_ln2_minus_entropy() -> None:
    scores = score_case(study([plane((4, 14, 0.4), rest=0.0)]))
    # Entropy h = H(0.4) on 120 of 576 pixels, 0 elsewhere; nothing exceeds 0.5.
    h = -(0.4 * math.log(0.4) + 0.6 * math.log(0.6))
    assert value(scores, "entropy_mean") == pytest.approx(LN2 - h * 120 / 576, abs=1e-4)
    assert value(scores, "entropy_sum") == pytest.approx(-h * 120, rel=1e-4)
    assert value(scores, "entropy_per_volume") is None
    assert value(scores, "entropy_boundary") is None
    assert value(scores, "entropy_patch") == pytest.approx(LN2 - h, abs=1e-4)


def test_empty_foreground_falls_back_on_the_whole_image_and_says_so() -> None:
    scores = {each.key: each for each in score_case(study([plane(rest=0.1)]))}
    assert scores["entropy_foreground"].value == scores["entropy_mean"].value
    assert "whole image" in scores["entropy_foreground"].note


def test_study_mean_weighs_slices_by_their_pixels() -> None:
    reduced = study(LESION, EMPTY)
    slices, case = score_slices(reduced), score_case(reduced)
    # The band exists in the first slice only, so the study has that slice's value.
    assert value(case, "entropy_boundary") == value(slices[0], "entropy_boundary")
    assert value(slices[1], "entropy_boundary") is None


@pytest.mark.parametrize("samples", [1, 2])
@pytest.mark.parametrize("prob", [0.0, 0.3, 0.9, 1.0])
def test_every_score_is_in_range_or_says_why_not(samples: int, prob: float) -> None:
    reduced = study(*[[plane((3, 12, prob), rest=0.01)] * samples] * 3)
    for row in (score_case(reduced), *score_slices(reduced)):
        assert [each.key for each in row] == [spec.key for spec in SCORES]
        for spec, each in zip(SCORES, row, strict=True):
            if each.value is None:
                assert each.note
            else:
                assert spec.lower is None or each.value >= spec.lower - 1e-6
                assert spec.upper is None or each.value <= spec.upper + 1e-6
            assert spec.needs_samples == (each.value is None and "two samples" in each.note) or samples > 1


def test_table_is_complete_and_unknown_keys_are_named() -> None:
    assert len({spec.key for spec in SCORES}) == len(SCORES)
    assert all(spec.label and spec.help and spec.source for spec in SCORES)
    assert not score_spec("entropy_sum").comparable
    with pytest.raises(KeyError, match="agreement"):
        score_spec("nonsense")


def test_equal_slices_may_be_taken_over() -> None:
    def refuse() -> Float32Array:
        raise AssertionError("an equal slice was run again")

    stream = [
        SliceSamples(0, iter(EMPTY)),
        SliceSamples(1, iter(LESION)),
        SliceSamples(2, (refuse() for _ in range(2)), same_as=0),
    ]
    taken, plain = reduce(stream, 3, (SIZE, SIZE)), study(EMPTY, LESION, EMPTY)
    np.testing.assert_array_equal(taken.prob.codes, plain.prob.codes)
    assert taken.pairwise_dice == plain.pairwise_dice


def test_missing_slices_and_changing_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="expected each of 2"):
        reduce([SliceSamples(0, iter(EMPTY))], 2, (SIZE, SIZE))
    with pytest.raises(ValueError, match="same number"):
        study(EMPTY, EMPTY[:1])


def test_maps_of_one_sample_are_not_available() -> None:
    maps = study(EMPTY[:1]).maps
    assert (maps.expected_entropy, maps.mutual_information, maps.variance) == (None, None, None)
