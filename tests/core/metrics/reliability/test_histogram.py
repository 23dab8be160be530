"""Histograms of probability: exact counts, the four regions, levels that any sensible bins can be made of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core.metrics.reliability import histogram as module
from core.metrics.reliability.binning import equal_width
from core.metrics.reliability.calibration import bin_sums, brier_binary, ece, nll_binary
from core.metrics.reliability.histogram import (
    BIN_CHOICES,
    CHUNK,
    FEW,
    FIRST_PAIR,
    LEVELS,
    LOWER,
    MIDDLE,
    boundary_band,
    code_histogram,
    level_bins,
    unit_histogram,
)
from core.types import CALIBRATION_REGIONS, FixedPoint, Float64Array
from core.uncertainty.regions import boundary_band as confidence_band


def brute_force(codes: np.ndarray, positive: np.ndarray) -> Float64Array:
    level = np.searchsorted(FIRST_PAIR, codes.ravel() // 2, side="right") - 1
    prob = (codes.ravel() // 2 * 2 + 0.5) / 65535
    rows = (np.ones(codes.size), prob, positive.ravel().astype(float))
    return np.stack([np.bincount(level, weights=each, minlength=LEVELS) for each in rows])


def binned(levels: Float64Array, bins: int) -> Float64Array:
    index = level_bins(bins)
    return np.stack([np.bincount(index, weights=each, minlength=bins) for each in levels])


def random_pixels(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    prob = generator.beta(0.3, 0.6, n)
    return FixedPoint.of(prob, 1.0).codes, generator.random(n) < prob**1.5


@given(
    codes=arrays.arrays(np.uint16, st.integers(0, 60), elements=st.integers(0, 65535)),
    data=st.data(),
)
def test_histogram_equals_brute_force(codes: np.ndarray, data: st.DataObject) -> None:
    positive = data.draw(arrays.arrays(np.bool_, codes.shape))
    np.testing.assert_allclose(code_histogram(codes, positive), brute_force(codes, positive), rtol=1e-12)


@pytest.mark.parametrize("n", [FEW - 1, FEW, FEW + 1, 70_000])
def test_both_ways_of_counting_agree_with_brute_force(n: int) -> None:
    codes, positive = random_pixels(n)
    np.testing.assert_allclose(code_histogram(codes, positive), brute_force(codes, positive), rtol=1e-12)


def test_many_pixels_are_counted_in_chunks_that_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert CHUNK < 2**24, "float32 counts of one chunk must be exact"
    codes, positive = random_pixels(50_000)
    whole = code_histogram(codes, positive)
    monkeypatch.setattr(module, "CHUNK", 7_001)
    np.testing.assert_allclose(code_histogram(codes, positive), whole, rtol=1e-12)


def test_order_of_the_pixels_does_not_matter() -> None:
    codes, positive = random_pixels(30_000)
    order = np.random.default_rng(1).permutation(codes.size)
    assert np.array_equal(code_histogram(codes[order], positive[order])[[0, 2]],
                          code_histogram(codes, positive)[[0, 2]])  # fmt: skip


def test_levels_rise_and_are_narrow_in_logits_towards_both_ends() -> None:
    assert LEVELS == len(FIRST_PAIR) == len(MIDDLE)
    assert (np.diff(MIDDLE) > 0).all()
    assert (LOWER < MIDDLE).all()
    ends = np.log(MIDDLE / (1 - MIDDLE))
    tails = (MIDDLE < 6 / 300) | (MIDDLE > 294 / 300)
    # Two levels below 0.0001 have centres further apart: there a level is a single pair of codes.
    assert np.diff(ends[tails & (MIDDLE > 0.001) & (MIDDLE < 0.02)]).max() < 0.25
    assert MIDDLE[0] == 0.5 / 65535


@pytest.mark.parametrize("bins", BIN_CHOICES)
def test_bins_from_levels_equal_bins_from_the_pixels(bins: int) -> None:
    # Twentieths hold every edge of 2, 4, 5, 10 and 20 bins exactly.
    prob = np.r_[np.arange(21) / 20, np.random.default_rng(0).random(2000)]
    positive = np.arange(len(prob)) % 3 == 0
    codes = FixedPoint.of(prob, 1.0)
    from_levels = binned(code_histogram(codes.codes, positive), bins)
    from_pixels = bin_sums(codes.codes / 65535, positive, equal_width(codes.codes / 65535, bins))
    # A code one above an edge shares its level with the edge: at most a few of 2021 pixels.
    assert np.abs(from_levels[0] - from_pixels[0]).max() <= 2
    assert ece(from_levels) == pytest.approx(float(ece(from_pixels)), abs=2e-3)


@pytest.mark.parametrize("bins", [2, 3, 5, 15])
def test_a_probability_on_an_edge_lies_in_the_bin_below(bins: int) -> None:
    # 65535 is divided by 3, 5 and 15, so these edges are codes; one half is rounded down to one.
    edges = np.arange(bins + 1) / bins
    codes = FixedPoint.of(edges, 1.0).codes
    counts = binned(code_histogram(codes, np.zeros(bins + 1, bool)), bins)[0]
    assert counts.tolist() == [2.0] + [1.0] * (bins - 1)


@pytest.mark.parametrize("bins", [7, 60, 1, 0])
def test_bins_that_the_levels_cannot_tell_apart_are_refused(bins: int) -> None:
    with pytest.raises(ValueError, match="bins; expected any of 2, 3, 4"):
        level_bins(bins)


def test_brier_and_nll_from_levels_are_close_to_those_of_the_pixels() -> None:
    codes, positive = random_pixels(40_000)
    count, total, positives = code_histogram(codes, positive)
    mean = np.where(count > 0, total / np.maximum(count, 1), MIDDLE)
    prob = np.clip(codes / 65535, 0.5 / 65535, 65534.5 / 65535)
    for score, tolerance in ((brier_binary, 2e-5), (nll_binary, 2e-4)):
        from_levels = (
            positives * score(mean, 1.0) + (count - positives) * score(mean, 0.0)
        ).sum() / codes.size
        assert from_levels == pytest.approx(float(score(prob, positive).mean()), abs=tolerance)


def drawn() -> tuple[FixedPoint, np.ndarray, np.ndarray]:
    """Two slices of 12 x 12: a predicted square beside a drawn one, and a slice with nothing at all."""
    pred, ref = np.zeros((2, 12, 12), np.uint8), np.zeros((2, 12, 12), np.uint8)
    pred[0, 3:7, 3:7] = 1
    ref[0, 4:9, 4:7] = 1
    prob = np.where(pred, 0.9, 0.1)[None]
    return FixedPoint.of(prob, 1.0), pred, ref


def test_regions_hold_the_pixels_they_say() -> None:
    prob, pred, ref = drawn()
    counts = dict(
        zip(CALIBRATION_REGIONS, unit_histogram(prob, pred, ref)[:, 0, [0, 2]].sum(axis=-1), strict=True)
    )
    assert counts["image"].tolist() == [2 * 144, 15]
    # Predicted 16 pixels, of which rows 4-6 and columns 4-6 are drawn: 9.
    assert counts["prediction"].tolist() == [16, 9]
    either = (pred[0] | ref[0]).astype(bool)
    near = np.array([[any(either[r, c] for r in range(12) for c in range(12) if abs(r - i) + abs(c - j) <= 2)
                      for j in range(12)] for i in range(12)])  # fmt: skip
    assert counts["union"].tolist() == [near.sum(), 15]
    band = boundary_band(pred[0].astype(bool))
    assert counts["boundary"].tolist() == [band.sum(), (band & (ref[0] > 0)).sum()]


def test_band_is_the_one_of_the_confidence_scores() -> None:
    mask = np.random.default_rng(0).random((40, 40)) > 0.8
    assert np.array_equal(boundary_band(mask), confidence_band(mask))


def test_region_without_pixels_is_all_zeros() -> None:
    nothing = np.zeros((1, 8, 8), np.uint8)
    found = unit_histogram(FixedPoint.of(np.full((1, 1, 8, 8), 0.2), 1.0), nothing, nothing)
    assert found.shape == (4, 1, 3, LEVELS)
    assert found[0, 0, 0].sum() == 64
    assert not found[1:].any()


def test_each_class_has_its_own_event_and_regions() -> None:
    pred = np.array([[[1, 1, 2, 0]]], np.uint8)
    ref = np.array([[[1, 2, 2, 0]]], np.uint8)
    prob = FixedPoint.of(np.array([[[[0.8, 0.6, 0.1, 0.0]]], [[[0.1, 0.3, 0.9, 0.0]]]]), 1.0)
    found = unit_histogram(prob, pred, ref)
    assert found[0, :, [0, 2]].sum(axis=-1).T.tolist() == [[4, 1], [4, 2]]
    assert found[1, :, [0, 2]].sum(axis=-1).T.tolist() == [[2, 1], [1, 1]]
    assert found[1, :, 1].sum(axis=-1).tolist() == pytest.approx([1.4, 0.9], abs=1e-4)


def test_shapes_that_do_not_fit_are_refused() -> None:
    prob, pred, ref = drawn()
    with pytest.raises(ValueError, match=r"expected \(class, slice, row, column\)"):
        unit_histogram(prob, pred[:1], ref)
    with pytest.raises(ValueError, match="codes of shape"):
        code_histogram(prob.codes, ref > 0)


def test_background_hides_the_lesion() -> None:
    """256 x 256, 3 % foreground predicted at 0.95 and right 60 % of the time: .0104 over all, .348 inside."""
    side, inside = 256, round(0.03 * 256 * 256)
    pred = (np.arange(side * side) < inside).astype(np.uint8).reshape(1, side, side)
    ref = (np.arange(side * side) < round(0.6 * inside)).astype(np.uint8).reshape(1, side, side)
    prob = FixedPoint.of(np.where(pred, 0.95, 0.0)[None], 1.0)
    sums = [binned(each[0], 10) for each in unit_histogram(prob, pred, ref)]
    assert float(ece(sums[0])) == pytest.approx(0.03 * 0.35, abs=5e-4)
    assert float(ece(sums[0])) == pytest.approx(0.0104, abs=2e-4)
    assert float(ece(sums[1])) == pytest.approx(0.348, abs=3e-3)
