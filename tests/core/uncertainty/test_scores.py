"""From samples to scores: the reducer, the default recipe, and every row of the table."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


def confidences(*slices: Sequence[Float32Array]) -> list[float | None]:
    return [value(each, "agreement") for each in score_slices(study(*slices))]


def test_empty_slice_at_the_end_of_a_lesion_is_doubtful() -> None:
    # What slices 1 and 2 share at the same place is 1, so slice 3 loses a third; slice 4 lies too far away.
    assert confidences(EMPTY, LESION, LESION, EMPTY, EMPTY)[3:] == [pytest.approx(2 / 3), 1.0]


def test_empty_slice_beside_a_finding_on_one_slice_alone_is_not_doubtful() -> None:
    assert confidences(EMPTY, EMPTY, LESION, EMPTY, EMPTY)[::4] == [1.0, 1.0]
    assert confidences(EMPTY, EMPTY, LESION, EMPTY, EMPTY)[1::2] == [1.0, 1.0]


def test_findings_at_two_places_are_not_the_end_of_a_lesion() -> None:
    left, right = [plane((0, 8, 1.0))] * 2, [plane((12, 20, 1.0))] * 2
    assert confidences(EMPTY, left, right, EMPTY)[::3] == [1.0, 1.0]


def test_beyond_the_study_a_finding_is_taken_to_go_on() -> None:
    # The lesion may be the end of a longer one that was not imaged.
    assert confidences(LESION, EMPTY, EMPTY)[1:] == [pytest.approx(2 / 3), 1.0]


def test_empty_slice_between_two_ends_counts_the_stronger_one() -> None:
    half = [plane((4, 14, 0.8))] * 2
    # 0.8 * 0.8 on one side, 1 on the other.
    assert confidences(half, half, EMPTY, LESION, LESION)[2] == pytest.approx(1 - 1 / 3)
    assert confidences(half, half, EMPTY, EMPTY, EMPTY)[2] == pytest.approx(1 - 0.64 / 3, abs=1e-4)


def test_empty_slice_with_a_trace_uses_its_largest_probabilities() -> None:
    trace = plane()
    trace[0, 0, :5] = 0.4
    trace[0, 0, 0] = 0.2
    # 576 pixels / 800 is less than five: t = (0.2 + 4 * 0.4) / 5 = 0.36; a lesion far away was found.
    assert confidences([trace] * 2, EMPTY, EMPTY, LESION)[0] == pytest.approx(1 - 0.36 / 3, abs=1e-4)


def test_a_trace_is_a_share_of_the_picture_so_a_finer_grid_changes_nothing() -> None:
    trace, lesion = np.zeros((1, 80, 80), np.float32), np.ones((1, 80, 80), np.float32)
    trace[0, :2, :4] = 0.3  # 8 of 6,400 pixels = 1 / 800
    fine = [np.repeat(np.repeat(each, 2, axis=1), 2, axis=2) for each in (trace, lesion)]
    for size, (first, last) in ((80, (trace, lesion)), (160, fine)):
        stream = [
            SliceSamples(0, iter([first])),
            SliceSamples(1, iter([first * 0])),
            SliceSamples(2, iter([last])),
        ]
        scores = score_slices(reduce(stream, 3, (size, size)))
        assert value(scores[0], "agreement") == pytest.approx(1 - 0.3 / 3, abs=1e-4)


def test_nothing_found_in_the_whole_study_makes_every_slice_doubtful() -> None:
    assert confidences(EMPTY, EMPTY, EMPTY) == [pytest.approx(1 - 0.5 / 3)] * 3
    assert value(score_case(study(EMPTY, EMPTY)), "agreement") == pytest.approx(1 - 0.5 / 3)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.0, 0.5), st.floats(0.0, 0.5), st.integers(0, 4))
def test_more_probability_anywhere_never_makes_an_empty_slice_safer(a: float, b: float, place: int) -> None:
    low, high = sorted((a, b))
    found = [
        confidences(*[[plane((4, 14, p if k == place else 0.1))] * 2 for k in range(5)]) for p in (low, high)
    ]
    assert all(after is not None and before is not None for before, after in zip(*found, strict=True))
    assert all(float(after or 0) <= float(before or 0) + 1e-9 for before, after in zip(*found, strict=True))


def test_order_of_slices_reversed_reverses_the_scores() -> None:
    slices = [EMPTY, LESION, LESION, EMPTY, [plane((4, 14, 0.3))] * 2]
    assert confidences(*reversed(slices)) == confidences(*slices)[::-1]


def test_earlier_rule_doubts_a_slice_beside_any_finding() -> None:
    scores = [value(each, "agreement_earlier") for each in score_slices(study(LESION, EMPTY, EMPTY, EMPTY))]
    # t is 1 in slice 0 and 0 elsewhere: 1 - (0 + 1) / 2 beside it, 1 farther away.
    assert scores[1:] == [0.5, 1.0, 1.0]
    trace = plane()
    trace[0, 0, :5] = 0.4
    # The strongest doubt of any slice: (0.4 + 0) / 2.
    whole = score_case(study(EMPTY, [trace, trace], EMPTY))
    assert value(whole, "agreement_earlier") == pytest.approx(0.8, abs=1e-4)


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


def test_study_is_half_agreement_half_support_from_the_slices_beside() -> None:
    wide, narrow = plane((4, 14, 1.0)), plane((4, 9, 1.0))
    # All 60 pixels of the narrow slice are in the wide one, 60 of the wide one's 120 in the narrow one.
    reduced = study(EMPTY, [wide] * 2, [narrow] * 2, EMPTY)
    assert value(score_case(reduced), "agreement") == pytest.approx((1 + 120 / 180) / 2, abs=1e-4)


def test_study_with_a_finding_on_one_slice_alone_is_not_supported() -> None:
    assert value(score_case(study(EMPTY, LESION, EMPTY)), "agreement") == pytest.approx(0.5)


def test_study_with_nothing_found_is_as_doubtful_as_its_most_doubtful_slice() -> None:
    trace = plane()
    trace[0, 0, :5] = 0.4
    reduced = study(EMPTY, [trace, trace], EMPTY)
    # Trace 0.4, nothing at the same place beside it, and 0.5 for nothing found anywhere.
    assert value(score_case(reduced), "agreement") == pytest.approx(1 - 0.9 / 3, abs=1e-4)


def test_members_that_all_find_nothing_agree_but_that_is_not_the_default() -> None:
    slices = score_slices(study(LESION, LESION, EMPTY))
    assert value(slices[2], "pairwise_dice") == value(slices[2], "pairwise_or_largest") == 1.0
    assert value(slices[2], "agreement") == pytest.approx(2 / 3)


def test_nothing_found_may_be_scored_by_the_largest_probability() -> None:
    faint = [plane((4, 14, 0.3))] * 2
    slices = score_slices(study(LESION, faint))
    for key, found in (("pairwise_or_largest", 1.0), ("expected_or_largest", 1.0)):
        assert value(slices[0], key) == found
        assert value(slices[1], key) == pytest.approx(0.7, abs=1e-4)


def test_entropy_where_something_may_be_leaves_out_the_background() -> None:
    h = -(0.4 * math.log(0.4) + 0.6 * math.log(0.6))
    scores = score_case(study([plane((4, 14, 0.4), rest=0.05)]))
    assert value(scores, "entropy_suspected") == pytest.approx(LN2 - h, abs=1e-4)
    assert value(score_case(study([plane(rest=0.05)])), "entropy_suspected") == pytest.approx(LN2)


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
