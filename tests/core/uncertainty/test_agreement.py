"""Pairwise Dice and blob agreement on drawn masks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.types import BoolArray
from core.uncertainty.agreement import component_agreement, mean_pairwise_dice, member_mask, pair_counts


def row(text: str) -> BoolArray:
    """A mask of one class and one row: # is foreground."""
    return np.array([[[each == "#" for each in text]]])


def pairwise(*rows: str) -> float | None:
    return mean_pairwise_dice(pair_counts(np.stack([row(each) for each in rows])))


def test_pairwise_dice_is_the_mean_over_pairs() -> None:
    # Dice: ab 2*1/(2+1) = 2/3, ac 0, bc 0.
    assert pairwise("##..", "#...", "...#") == pytest.approx((2 / 3) / 3)


def test_empty_masks_agree_and_an_empty_one_disagrees() -> None:
    assert pairwise("....", "....") == 1.0
    assert pairwise("....", "#...") == 0.0


def test_one_sample_has_no_pairs() -> None:
    assert pairwise("##..") is None


def test_classes_are_averaged() -> None:
    first = np.array([[[True, False]], [[False, False]]])
    second = np.array([[[True, False]], [[False, True]]])
    # Class 1 agrees (1), class 2 is empty in one sample only (0).
    assert mean_pairwise_dice(pair_counts(np.stack([first, second]))) == 0.5


@settings(max_examples=40, deadline=None)
@given(arrays(np.bool_, (4, 2, 5, 6), elements=st.booleans()))
def test_pair_counts_equal_plain_counting(masks: BoolArray) -> None:
    counts = pair_counts(masks)
    for k in range(2):
        for i in range(4):
            for j in range(4):
                assert counts[k, i, j] == np.count_nonzero(masks[i, k] & masks[j, k])


def test_member_mask_needs_more_than_half() -> None:
    prob = np.array([[[0.4, 0.5, 0.6]]], np.float32)
    assert member_mask(prob).tolist() == [[[False, False, True]]]


def test_member_mask_of_several_classes_is_the_most_likely_one() -> None:
    # Columns: background .4 wins; class 1 at .5; class 2 at .6.
    prob = np.array([[[0.3, 0.5, 0.1]], [[0.3, 0.2, 0.6]]], np.float32)
    assert member_mask(prob).tolist() == [[[False, True, False]], [[False, False, True]]]


def test_blob_agreement_counts_shared_over_covered() -> None:
    mask_pred = row("###.....")[0].astype(np.uint8)
    samples = np.stack([row("##......"), row("####....")])
    # Versions of 2 and 4 pixels: shared 2, covered 4; sizes 2 and 4: sd 1 over mean 3.
    iou, variation, count = component_agreement(mask_pred, samples)
    assert (iou, variation, count) == (0.5, pytest.approx(1 / 3), 1)


def test_a_blob_elsewhere_does_not_belong_to_the_prediction() -> None:
    mask_pred = row("##......")[0].astype(np.uint8)
    samples = np.stack([row("##...###"), row("##......")])
    assert component_agreement(mask_pred, samples)[0] == 1.0


def test_single_pixels_are_no_blobs() -> None:
    mask_pred = row("#.......")[0].astype(np.uint8)
    assert component_agreement(mask_pred, np.stack([row("#......."), row("#.......")])) == (None, None, 0)


def test_a_blob_that_no_sample_has_is_undefined_and_left_out() -> None:
    nobody = np.stack([row("........"), row("........")])
    assert component_agreement(row("##......")[0].astype(np.uint8), nobody) == (None, None, 0)
    # The other blob has 2 and 1 pixels in the samples: 1 shared of 2; sd 0.5 over mean 1.5.
    samples = np.stack([row(".....##."), row(".....#..")])
    found = component_agreement(row("##...##.")[0].astype(np.uint8), samples)
    assert found == (0.5, pytest.approx(1 / 3), 1)
