"""The quality network: its scores of a study in closed form, its file, and the rule that it feeds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from core.detector import GOOD_DICE, QUALITY, QUALITY_SPECS, built_in_limits, decide, with_limit
from core.detector.kept_file import MAX_BYTES
from core.detector.quality.file import read_quality, write_quality
from core.detector.quality.network import CELLS, SIZE, SUMS, QualityNet, map_sums
from core.detector.quality.networks import QualityNetworks, calibrated, doubt_maps, judge
from core.detector.quality.scores import NO_FILE, Judged, scores_of_slices, scores_of_study
from core.errors import ModelProblem
from core.types import Score, SliceSummary

HONEST = np.tile([1.0, 0.0], (2, 2, 1))


def made(seed: int) -> QualityNet:
    """A network with drawn weights."""
    generator = torch.Generator().manual_seed(seed)
    net = QualityNet().eval()
    with torch.no_grad():
        for each in net.parameters():
            each.normal_(0.0, 0.1, generator=generator)
    return net.requires_grad_(False)


def networks(count: int = 2) -> QualityNetworks:
    return QualityNetworks(tuple(made(k) for k in range(count)), tuple(range(count)), HONEST)


def slices(count: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    flair = rng.random((count, SIZE, SIZE), dtype=np.float32)
    mask = np.zeros((count, SIZE, SIZE), np.bool_)
    mask[0, 40:60, 40:60] = True
    return flair, mask


def values(scores: tuple[Score, ...]) -> list[float | None]:
    return [None if each.value is None else round(each.value, 6) for each in scores]


def test_good_is_the_dice_of_an_iou_of_seven_tenths() -> None:
    # Dice = 2 J / (1 + J): 1.4 / 1.7 = 14 / 17.
    assert pytest.approx(14 / 17) == GOOD_DICE


def test_study_is_the_mean_weighted_by_outlined_area() -> None:
    judged = Judged(np.array([0.9, 0.3, 0.1]), np.array([1.0, 0.5, 0.2]), np.array([0.0, 0.01, 0.03]))
    # (1 * 0.3 + 3 * 0.1) / 4 and (1 * 0.5 + 3 * 0.2) / 4.
    found = scores_of_study(judged)
    assert values(found) == [0.15, 0.275]
    assert found[0].slice == 2
    assert [each.key for each in found] == [spec.key for spec in QUALITY_SPECS]


def test_study_with_nothing_outlined_is_as_good_as_its_worst_slice() -> None:
    judged = Judged(np.array([0.9, 0.4]), np.array([0.8, 0.3]), np.zeros(2))
    found = scores_of_study(judged)
    assert values(found) == [0.4, 0.3]
    assert found[0].slice == 1


def test_single_picture_names_no_slice() -> None:
    assert scores_of_study(Judged(np.array([0.9]), np.array([0.8]), np.array([0.1])))[0].slice is None


def test_without_a_network_scores_are_not_available_and_say_so() -> None:
    for found in (*scores_of_slices(None, 2), scores_of_study(None)):
        assert values(found) == [None, None]
        assert {each.note for each in found} == {NO_FILE}


def test_calibration_depends_on_whether_something_is_outlined() -> None:
    # Logit 1: with slope 2 and offset -2 it becomes 0, a chance of 1/2; untouched 1 / (1 + 1/e).
    calibration = HONEST.copy()
    calibration[0, 1] = [2.0, -2.0]
    found = calibrated(np.ones((2, 2)), np.array([True, False]), calibration)
    plain = 1.0 / (1.0 + np.exp(-1.0))
    assert found == pytest.approx(np.array([[0.5, plain], [plain, plain]]))


def test_sums_over_maps_that_see_no_error() -> None:
    error = torch.full((1, 2, CELLS, CELLS), -30.0)
    drawn = torch.zeros((1, 1, CELLS, CELLS))
    drawn[..., :2, :2] = 1.0
    sums = map_sums(error, drawn)[0]
    assert sums.shape == (SUMS,)
    # Smoothed by 0.05: nothing wrong, nothing missing, four cells drawn, odds of Dice 8.05 : 0.05.
    expected = np.log([0.05, 0.05, 4.05, 8.05 / 0.05])
    assert sums[:4].numpy() == pytest.approx(expected, rel=1e-4)
    assert float(sums[4:].max()) < 1e-6


def test_cells_cannot_be_more_wrong_than_drawn() -> None:
    error = torch.full((1, 2, CELLS, CELLS), 30.0)
    drawn = torch.zeros((1, 1, CELLS, CELLS))
    drawn[..., 0, 0] = 0.25
    wrong, missing = map_sums(error, drawn)[0, :2].exp().tolist()
    assert (wrong, missing) == pytest.approx((0.25 + 0.05, CELLS**2 - 0.25 + 0.05), rel=1e-4)


def test_answers_are_chances_and_follow_the_mask() -> None:
    flair, mask = slices()
    found = judge(networks(), flair, mask)
    other = judge(networks(), flair, ~mask)
    for each in (found.prob, found.dice):
        assert each.shape == (3,) and ((each > 0) & (each < 1)).all()
    assert found.area.tolist() == pytest.approx([400 / SIZE**2, 0.0, 0.0])
    assert not np.allclose(found.prob, other.prob)


def test_slices_are_judged_by_themselves() -> None:
    flair, mask = slices(20)
    together = judge(networks(1), flair, mask).prob
    alone = [judge(networks(1), flair[k : k + 1], mask[k : k + 1]).prob[0] for k in range(20)]
    assert together == pytest.approx(np.array(alone), abs=1e-5)


def test_only_networks_that_never_saw_the_fold_judge() -> None:
    both = networks()
    assert both.unseen((1,)).left_out == (1,)
    assert both.unseen(()).left_out == (0, 1)
    assert both.unseen((7,)).left_out == (0, 1)
    flair, mask = slices()
    alone = judge(QualityNetworks(both.nets[1:], (1,), HONEST), flair, mask)
    assert (judge(both.unseen((1,)), flair, mask).prob == alone.prob).all()


def test_doubt_lies_on_every_pixel_between_0_and_1() -> None:
    flair, mask = slices()
    doubt = doubt_maps(networks(), flair, mask)
    assert doubt.shape == (3, SIZE, SIZE)
    assert doubt.min() >= 0.0 and doubt.max() <= 1.0


def test_file_gives_back_what_was_written_up_to_half_precision(tmp_path: Path) -> None:
    path = tmp_path / "quality.safetensors"
    before = networks()
    after = read_quality(path, write_quality(before, path))
    flair, mask = slices()
    assert path.stat().st_size < MAX_BYTES
    assert after.left_out == before.left_out
    assert judge(after, flair, mask).prob == pytest.approx(judge(before, flair, mask).prob, abs=0.01)
    again = tmp_path / "again.safetensors"
    assert write_quality(after, again) == write_quality(after, path)


def test_changed_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "quality.safetensors"
    digest = write_quality(networks(1), path)
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(ModelProblem, match="cannot be used"):
        read_quality(path, digest)


def test_file_of_something_else_is_refused(tmp_path: Path) -> None:
    import hashlib

    from safetensors.torch import save

    path = tmp_path / "quality.safetensors"
    for tensors in (
        {"left_out": torch.tensor([0])},
        {"left_out": torch.tensor([0]), "calibration": torch.zeros(2, 2, 2)},
        {"left_out": torch.tensor([0]), "calibration": torch.full((2, 2, 2), float("nan"))},
    ):
        path.write_bytes(save(tensors))
        with pytest.raises(ModelProblem, match="core train quality"):
            read_quality(path, hashlib.sha256(path.read_bytes()).hexdigest())


def slice_with(quality: float | None) -> SliceSummary:
    score = Score(key=QUALITY.key, value=quality, note="" if quality is not None else NO_FILE)
    return SliceSummary(index=0, empty=True, scores=(score,), measures=(), components=())


def fired(quality: float | None) -> list[str]:
    limits = with_limit(built_in_limits(), "low-quality", limit=0.3)
    return [flag.rule for flag in decide([slice_with(quality)], limits).flags]


def test_low_quality_fires_below_its_limit_on_an_empty_slice_too() -> None:
    assert "low-quality" in fired(0.29)
    assert "low-quality" not in fired(0.3)


def test_low_quality_is_silent_without_a_network() -> None:
    assert "low-quality" not in fired(None)


def test_low_quality_is_purple_and_q() -> None:
    limits = with_limit(built_in_limits(), "low-quality", limit=0.3)
    flag = next(f for f in decide([slice_with(0.1)], limits).flags if f.rule == "low-quality")
    assert (flag.cause, flag.slice) == ("quality", 0)
    assert "10 %" in flag.sentence and "30 %" in flag.sentence
