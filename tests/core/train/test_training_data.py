"""Folds, sampling and augmentation of the training slices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.train.augment import apply_augmentation, draw_augmentation, inside_head
from core.train.common.groups import assign_folds, in_folds
from core.train.config import AugmentSettings, SegmenterConfig
from core.train.data import (
    TrainingSet,
    evaluate_probabilities,
    load_training_set,
    patient_dice,
    tumour_volumes,
)
from core.train.sampling import SliceTask, draw_order, epoch_batches
from tests.core.train.toy import CONFIG, segmenter_configs, write_toy

STILL = AugmentSettings(
    flip_probability=0,
    angle_sd_degrees=0,
    scale_low=1,
    scale_high=1,
    stretch=0,
    shift=0,
    elastic_probability=0,
    gamma_sd=0,
    gain_sd=0,
    offset_sd=0,
    bias_probability=0,
    blur_probability=0,
    noise_probability=0,
    flair_only_probability=0,
    missing_probability=0,
)


@pytest.fixture
def data(tmp_path: Path) -> TrainingSet:
    return load_training_set(write_toy(tmp_path))


@pytest.fixture
def task(data: TrainingSet) -> SliceTask:
    folds = assign_folds(tumour_volumes(data), CONFIG.folds)
    return SliceTask(CONFIG, data, 0, in_folds(data.patient, folds, CONFIG.members[0]))


def test_slices_are_sorted_by_patient_and_number_not_by_name(data: TrainingSet) -> None:
    assert data.patients == ("p0", "p1", "p2", "p3")
    first = data.slice_number[data.patient == "p0"]
    assert list(first) == sorted(first)
    assert first.max() >= 10


def test_folds_are_balanced_by_volume_and_do_not_depend_on_order() -> None:
    volumes = {f"p{k:02}": (k * 37) % 23 for k in range(50)}
    folds = assign_folds(volumes, 5)
    sums = [sum(volumes[name] for name in folds if folds[name] == fold) for fold in range(5)]
    assert [list(folds.values()).count(fold) for fold in range(5)] == [10] * 5
    assert max(sums) - min(sums) <= 23
    assert assign_folds(dict(reversed(volumes.items())), 5) == folds


def test_no_unseen_slice_is_ever_drawn(task: SliceTask) -> None:
    drawn = np.concatenate([draw_order(task, epoch) for epoch in range(20)])
    assert not task.unseen[drawn].any()
    assert set(np.flatnonzero(~task.unseen)) == set(drawn)


def test_half_of_what_is_drawn_holds_tumour(task: SliceTask) -> None:
    assert task.data.has_tumour[draw_order(task, 0)].mean() == 0.5


def test_batches_are_the_same_every_time_and_other_in_every_epoch(task: SliceTask) -> None:
    first, again, later = (next(epoch_batches(task, epoch, 32)) for epoch in (0, 0, 1))
    assert first[0].tobytes() == again[0].tobytes()
    assert first[0].tobytes() != later[0].tobytes()
    assert first[0].shape == (CONFIG.batch_size, 3, 32, 32)
    assert set(np.unique(first[1])) <= {0.0, 1.0}


def test_nothing_drawn_means_nothing_changed(data: TrainingSet) -> None:
    image = np.random.default_rng(0).random((3, 32, 32), dtype=np.float32)
    change = draw_augmentation(np.random.default_rng(1), STILL)
    moved, mask = apply_augmentation(image, data.mask[0], change, 32)
    np.testing.assert_allclose(moved, image, atol=1e-5)
    np.testing.assert_array_equal(mask, data.mask[0])


def test_a_flip_mirrors_image_and_mask_alike() -> None:
    image = np.random.default_rng(0).random((3, 32, 32), dtype=np.float32)
    mask = image[0] > 0.5
    change = draw_augmentation(np.random.default_rng(1), STILL.model_copy(update={"flip_probability": 1.0}))
    moved, moved_mask = apply_augmentation(image, mask, change, 32)
    np.testing.assert_allclose(moved, image[:, :, ::-1], atol=1e-4)
    np.testing.assert_array_equal(moved_mask, mask[:, ::-1])


def test_flair_alone_shows_the_same_picture_three_times() -> None:
    settings = AugmentSettings(flair_only_probability=1.0)
    change = draw_augmentation(np.random.default_rng(3), settings)
    image = np.random.default_rng(0).random((3, 32, 32), dtype=np.float32)
    moved, _ = apply_augmentation(image, image[0] > 2, change, 32)
    assert np.array_equal(moved[0], moved[1])
    assert np.array_equal(moved[1], moved[2])


@pytest.mark.parametrize("seed", range(8))
def test_a_change_is_replayed_from_its_record_and_stays_in_range(seed: int) -> None:
    image = np.random.default_rng(seed).random((3, 32, 32), dtype=np.float32)
    change = draw_augmentation(np.random.default_rng(seed), AugmentSettings())
    first = apply_augmentation(image, image[0] > 0.5, change, 24)
    again = apply_augmentation(image, image[0] > 0.5, change, 24)
    assert first[0].tobytes() == again[0].tobytes()
    assert first[0].shape == (3, 24, 24)
    assert first[0].dtype == np.float32
    assert 0.0 <= first[0].min() <= first[0].max() <= 1.5


def test_the_inside_of_a_head_is_its_filled_outline_made_thinner() -> None:
    flair = np.zeros((20, 20), dtype=np.float32)
    flair[2:18, 3:17] = 0.5
    flair[8:11, 8:11] = 0.0  # a ventricle belongs to the head
    expected = np.zeros((20, 20), dtype=bool)
    expected[4:16, 5:15] = True
    np.testing.assert_array_equal(inside_head(flair, 2), expected)


def test_stripping_cuts_picture_and_tumour_alike() -> None:
    settings = STILL.model_copy(update={"strip_probability": 1.0, "strip_low": 0.1, "strip_high": 0.1})
    image = np.zeros((3, 40, 40), dtype=np.float32)
    image[:, 5:35, 5:35] = np.random.default_rng(0).uniform(0.4, 0.6, (3, 30, 30))
    mask = np.zeros((40, 40), dtype=bool)
    mask[5:15, 10:20] = True  # reaches the edge of the head; 0.1 of 40 pixels are taken away
    change = draw_augmentation(np.random.default_rng(1), settings)
    moved, moved_mask = apply_augmentation(image, mask, change, 40)
    assert moved_mask.sum() == 6 * 10
    assert not moved[:, :9].any()
    assert moved[1, 10:30, 10:30].min() > 0.3


def test_patient_dice_pools_the_slices_and_agreement_on_nothing_is_one(data: TrainingSet) -> None:
    every = np.ones(len(data.mask), dtype=bool)
    half = data.mask.copy()
    half[:, :, ::2] = False
    found = patient_dice(half, data, every)
    tumour = data.mask[data.patient == "p1"]
    kept = half[data.patient == "p1"].sum()
    assert found["p1"] == pytest.approx(2 * kept / (kept + tumour.sum()))
    nothing = data.patient == "p0"
    assert patient_dice(np.zeros_like(data.mask[nothing]), data, nothing)["p0"] == float(
        not data.mask[nothing].any()
    )


def test_a_perfect_map_has_no_loss_and_dice_one(data: TrainingSet) -> None:
    every = np.ones(len(data.mask), dtype=bool)
    loss, dice = evaluate_probabilities(data.mask.astype(np.float32), data, every)
    assert loss == pytest.approx(0.0, abs=1e-5)
    assert dice == 1.0


@pytest.mark.data
def test_shipped_settings_leave_every_patient_two_members(data_dir: Path) -> None:
    from core.train.config import read_config

    for path in segmenter_configs():
        settings = read_config(path)
        assert isinstance(settings, SegmenterConfig)
        if len(settings.members) > 1:
            counts = [
                sum(fold in left_out for left_out in settings.members) for fold in range(settings.folds)
            ]
            assert min(counts) >= 2
