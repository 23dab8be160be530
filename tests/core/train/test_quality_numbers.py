"""The numbers of the detector report, derived by hand on a few slices."""

from __future__ import annotations

import numpy as np
import pytest

from core.detector.quality.network import SIZE
from core.train.quality.detectors import (
    LEARNED,
    LEARNED_ALL,
    NETWORK_RULE,
    PRIOR,
    SLICE_RULES,
    Detector,
    Fitted,
    Slices,
    by_default,
    detectors,
    learn,
    precisions,
)
from core.train.quality.maps import failed_slices, place_rows
from core.train.quality.numbers import detector_row, difference, draws_of, network_numbers
from core.train.quality.real import KINDS, RealFailure, kind_rows
from core.train.quality.report import limit_for, share_of
from core.uncertainty import SCORES

FAILED = np.array([True, True, False, False, False, False, False, False])
QUALITY = np.array([0.1, 0.6, 0.5, 0.7, 0.8, 0.9, 0.95, 0.97])


def made(fired: tuple[int, ...] = (0, 2), quality: np.ndarray = QUALITY) -> Slices:
    """Eight slices of four patients; the first rule fires on some, the network below 0.3."""
    marked = np.isin(np.arange(8), fired)
    none = np.zeros(8, np.bool_)
    return Slices(
        patient=np.repeat(["a", "b", "c", "d"], 2),
        failed=FAILED,
        empty=np.arange(8) % 2 == 0,
        risk=np.where(FAILED, 0.8, 0.1),
        fired={rule: marked if rule == SLICE_RULES[0] else none for rule in SLICE_RULES}
        | {NETWORK_RULE: quality < 0.3},
        confidence={spec.key: quality for spec in SCORES} | {"quality": quality, "quality_dice": quality},
        signs=np.zeros((8, 5)),
    )


def fitted(slices: Slices) -> Fitted:
    nothing = np.zeros(8), np.zeros(8, np.bool_)
    return Fitted(by_default(slices, precisions(slices)), {LEARNED: nothing, LEARNED_ALL: nothing})


def test_a_rule_is_worth_its_share_of_failures_drawn_to_the_mean() -> None:
    # It fired on two slices of which one failed; a quarter of all failed.
    found = precisions(made())
    assert found[SLICE_RULES[0]] == pytest.approx((1 + PRIOR * 0.25) / (2 + PRIOR))
    assert found[SLICE_RULES[1]] == pytest.approx(0.25)


def test_default_takes_the_higher_suspicion() -> None:
    suspicion = by_default(made(), dict.fromkeys(SLICE_RULES, 0.45))
    assert suspicion == pytest.approx([0.9, 0.4, 0.5, 0.3, 0.2, 0.1, 0.05, 0.03])
    assert by_default(made((7,)), dict.fromkeys(SLICE_RULES, 0.45))[7] == pytest.approx(0.45)


def test_shares_of_an_alarm() -> None:
    slices = made()
    rows = {each.key: each for each in detectors(slices, fitted(slices))}
    draws = draws_of(slices)
    rules = detector_row(rows["rules"], slices, draws)
    assert rules.caught is not None and rules.false_alarms is not None and rules.workload is not None
    assert (rules.caught.value, rules.false_alarms.value) == (0.5, pytest.approx(1 / 6))
    assert rules.workload.value == 0.25
    either = detector_row(rows["default"], slices, draws)
    assert either.caught is not None and either.caught.value == 0.5


def test_auroc_of_the_network_by_counting_pairs() -> None:
    # Suspicion of the failures .9 and .4 against .5 .3 .2 .1 .05 .03: 6 + 5 of 12 pairs in order.
    slices = made()
    network = next(each for each in detectors(slices, fitted(slices)) if each.key == "network")
    row = detector_row(network, slices, draws_of(slices))
    assert row.auroc.value == pytest.approx(11 / 12)
    # Precision at the two recalls: 1 and 2/3.
    assert row.auprc.value == pytest.approx((1 + 2 / 3) / 2)


def test_detector_that_only_ranks_has_no_alarm() -> None:
    slices = made()
    row = detector_row(Detector("x", "X", slices.risk), slices, draws_of(slices))
    assert (row.caught, row.false_alarms, row.workload) == (None, None, None)
    assert row.auroc.value == 1.0


def test_no_difference_to_itself() -> None:
    slices = made()
    one = Detector("x", "X", 1.0 - slices.quality)
    found = difference(one, one, slices, draws_of(slices))
    assert (found.auroc.value, found.aurc.value, found.auroc.low, found.aurc.high) == (0.0, 0.0, 0.0, 0.0)


def test_network_that_is_right_on_average_has_no_calibration_error() -> None:
    slices = made(quality=np.full(8, 0.75))
    found = network_numbers(slices, 1.0 - slices.risk, draws_of(slices))
    assert found.base_rate == 0.75
    assert found.ece.value == pytest.approx(0.0)
    assert found.brier.value == pytest.approx(0.75 * 0.25)
    assert (found.error.value, found.spearman.value) == (0.0, pytest.approx(1.0))
    assert found.bins == ((8, 0.75, 0.75),)


def test_learned_combination_finds_what_separates_and_keeps_to_its_alarms() -> None:
    slices = made()
    model = learn(slices, 1 / 6, all_scores=False)
    rank = model.rank(slices)
    assert rank[FAILED].mean() > rank[~FAILED].mean()
    assert (rank[~FAILED] > model.threshold).mean() <= 1 / 6


def test_limit_leaves_no_more_than_its_share_of_good_slices_below() -> None:
    slices = made(quality=np.array([0.1, 0.2, 0.505, 0.7, 0.8, 0.9, 0.95, 0.97]))
    # Six good ones: none below for a share under a sixth, one below for a third is two at most.
    assert limit_for(slices, 0.1) == 0.5
    assert limit_for(slices, 1 / 6) == 0.7
    good = slices.quality[~slices.failed]
    for share in (0.0, 0.1, 0.2, 0.34, 0.5):
        assert (good < limit_for(slices, share)).mean() <= share


def test_share_among_nothing_is_undefined() -> None:
    assert np.isnan(share_of(FAILED, np.zeros(8, np.bool_)))


def failure(kind: str, rules: tuple[str, ...] = (), network: bool = False) -> RealFailure:
    return RealFailure(
        patient="a", number=1, kind=kind, dice=0.0, area_ref=0.1, area_pred=0.0, quality=0.5,
        confidence=0.5, rules=rules, network=network,
    )  # fmt: skip


def test_failures_are_counted_by_who_saw_them() -> None:
    rows = kind_rows(
        [failure("missed", ("gap",)), failure("missed", network=True), failure("missed"), failure("large")]
    )
    assert [each.label for each in rows] == [label for _, label in KINDS]
    missed = rows[0]
    assert (missed.failures, missed.rules, missed.network, missed.either, missed.neither) == (3, 1, 1, 2, 1)
    assert sum(each.neither for each in rows) == 2


def test_map_that_marks_the_error_alone_is_perfect() -> None:
    pred, ref = np.zeros((2, 1, SIZE, SIZE), np.bool_)
    pred[0, 10:20, 10:20] = True
    ref[0, 40:50, 40:50] = True
    wrong = (pred != ref).astype(np.float32)
    slices = failed_slices("a", pred, ref, wrong, np.full_like(wrong, 0.5))
    doubt, entropy = place_rows(slices)
    assert (doubt.slices, doubt.auroc.value, doubt.hit.value) == (1, 1.0, 1.0)
    # A flat map ranks nothing: one half, and its highest place is the first pixel, which is right.
    assert (entropy.auroc.value, entropy.hit.value) == (0.5, 0.0)


def test_good_slices_are_no_failures() -> None:
    mask = np.ones((1, SIZE, SIZE), np.bool_)
    plane = np.zeros((1, SIZE, SIZE), np.float32)
    assert failed_slices("a", mask, mask, plane, plane) == []
