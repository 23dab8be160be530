"""Which bags training shows: labels, shares, curriculum, hidden slices, and nothing but the seed decides."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from mil_toy import toy_config, toy_data
from pydantic import ValidationError

from core.models.mil_records import ENCODERS
from core.train.mil.augment import BagChange, apply_bag_change, draw_bag_change
from core.train.mil.bags import BagBatch, FoldTask, drawn_bags, epoch_bags, longest_bag
from core.train.mil.config import BagChanges, MilConfig, read_mil_config
from core.train.mil.data import Bag, evaluation_bags, patient_folds, volumes_of
from core.train.mil.train import fold_task

CONFIGS = sorted((Path(__file__).parents[3] / "core" / "train" / "configs").glob("*.json"))
MIL_CONFIGS = [path for path in CONFIGS if '"bag"' in path.read_text()]
DATA = toy_data(("..xx..", "......", "xxxxxx", ".x"))
STILL = BagChange(False, 0.0, 1.0, (0.0, 0.0), (1.0,) * 3, (1.0,) * 3, 0.0, 0, (0, 1, 2))


def task(**changes: object) -> FoldTask:
    return FoldTask(toy_config(**changes), DATA, 0, (0, 1, 2, 3), ())


@pytest.mark.parametrize("path", MIL_CONFIGS, ids=lambda path: path.stem)
def test_shipped_settings_are_read_and_carry_their_file_name(path: Path) -> None:
    settings = read_mil_config(path)
    assert settings.id == path.stem
    assert settings.encoder in ENCODERS


def test_unknown_settings_and_reversed_sizes_are_refused() -> None:
    with pytest.raises(ValidationError, match="bag_low must not exceed"):
        toy_config(bag_low=5, bag_high=4)
    with pytest.raises(ValidationError, match="momentum"):
        MilConfig.model_validate(toy_config().model_dump() | {"momentum": 1})


def test_temperature_falls_geometrically_and_stays() -> None:
    config = toy_config(epochs=9, temperature_start=4.0, temperature_end=1.0, temperature_share=0.5)
    assert [config.temperature(epoch) for epoch in (0, 2, 4, 8)] == pytest.approx([4.0, 2.0, 1.0, 1.0])


def test_a_slab_is_labelled_by_its_own_slices_and_a_volume_by_its_own_label() -> None:
    assert [DATA.label(Bag(0, places)) for places in ((0, 1), (1, 2), (4, 5))] == [0, 1, 0]
    assert DATA.name(Bag(0, (1, 2))) == "p0 2-3"
    graded = toy_data(("xx", ".."), labels=(0, 1))
    assert [graded.label(Bag(volume, (0, 1))) for volume in (0, 1)] == [0, 1]


def test_evaluation_bags_are_always_the_same_and_hold_every_slice() -> None:
    bags = evaluation_bags(DATA, (0, 3), 4)
    assert bags == (Bag(0, (0, 1, 2, 3)), Bag(0, (2, 3, 4, 5)), Bag(3, (0, 1)))
    assert DATA.rows(bags[2]).tolist() == [18, 19]


def test_drawn_slabs_are_neighbours_of_allowed_length_inside_their_volume() -> None:
    for bag in drawn_bags(task(), 0):
        places = bag.places
        assert places == tuple(range(places[0], places[0] + len(places)))
        assert 2 <= len(places) <= 3 and places[-1] < DATA.volumes[bag.volume].slices


def test_bags_of_a_volume_task_are_scattered_slices_in_order() -> None:
    data = toy_data(("." * 20, "x" * 20), labels=(0, 1))
    bags = drawn_bags(FoldTask(toy_config(bag="volume", bag_low=6, bag_high=6), data, 0, (0, 1), ()), 3)
    assert all(sorted(set(bag.places)) == list(bag.places) and len(bag.places) == 6 for bag in bags)
    assert any(bag.places != tuple(range(bag.places[0], bag.places[0] + 6)) for bag in bags)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_the_weighted_sampler_shows_the_share_that_it_is_asked_for(share: float) -> None:
    labels = [DATA.label(bag) for bag in drawn_bags(task(positive_share=share), 0)]
    assert (len(labels), sum(labels)) == (12, 12 * share)


def test_without_a_sampler_bags_come_as_they_are_each_volume_in_turn() -> None:
    volumes = [bag.volume for bag in drawn_bags(task(positive_share=None), 0)]
    assert sorted(volumes) == sorted([0, 1, 2, 3] * 3)


def test_deterministic_bags_are_those_of_the_evaluation_in_another_order() -> None:
    bags = drawn_bags(task(draw="deterministic", positive_share=None), 1)
    fixed = evaluation_bags(DATA, (0, 1, 2, 3), 2)
    assert sorted(bags, key=str) == sorted(fixed, key=str)
    assert bags != list(fixed)


def test_a_curriculum_grows_to_the_longest_bag_half_way() -> None:
    config = toy_config(draw="curriculum", bag_low=2, bag_high=10, epochs=9)
    assert [longest_bag(config, epoch) for epoch in (0, 1, 2, 4, 8)] == [2, 4, 6, 10, 10]
    assert longest_bag(toy_config(bag_high=10), 0) == 10


def test_epochs_differ_and_the_same_seed_gives_the_same_bytes() -> None:
    def batches(epoch: int, **changes: object) -> list[bytes]:
        return [batch.slices.tobytes() for batch in epoch_bags(task(**changes), epoch)]

    assert batches(0) == batches(0)
    assert batches(0) != batches(1)
    assert batches(0) != batches(0, seed=1)


def test_hidden_slices_are_missing_but_never_all_of_a_bag() -> None:
    batches = list(epoch_bags(task(instance_dropout=0.95), 0))
    sizes = [size for batch in batches for size in batch.sizes]
    assert min(sizes) == 1 and np.mean(sizes) < 1.5
    whole = [size for batch in epoch_bags(task(instance_dropout=0.0), 0) for size in batch.sizes]
    assert min(whole) >= 2
    assert sum(len(batch.slices) for batch in batches) == sum(sizes)


def test_a_batch_brings_labels_of_bags_and_no_masks() -> None:
    assert {each.name for each in dataclasses.fields(BagBatch)} == {"slices", "sizes", "label", "temperature"}
    (batch, *_) = epoch_bags(task(), 0)
    assert batch.label.shape == (4,) and batch.slices.shape[1:] == (3, 32, 32)


def test_members_leave_whole_patients_out_and_every_patient_once() -> None:
    data = toy_data(("..xx", "xx..", "....", "xxxx", "x...", ".x.."))
    tasks = [fold_task(toy_config(), data, member) for member in (0, 1)]
    assert sorted(tasks[0].unseen + tasks[1].unseen) == list(range(6))
    assert all(set(each.seen).isdisjoint(each.unseen) and len(each.unseen) == 3 for each in tasks)


def test_folds_of_graded_volumes_hold_both_grades() -> None:
    data = toy_data(("..",) * 12, labels=(0, 1) * 6)
    folds = patient_folds(data, 3)
    for fold in range(3):
        names = [name for name in folds if folds[name] == fold]
        labels = [data.volumes[index].label for index in volumes_of(data, names)]
        assert sorted(labels) == [0, 0, 1, 1]


def test_a_still_change_changes_nothing() -> None:
    slices = DATA.slices(Bag(0, (0, 1, 2)))
    assert np.abs(apply_bag_change(slices, STILL) - slices).max() < 1e-6


def test_a_flip_mirrors_every_slice_alike_and_a_shift_moves_it() -> None:
    slices = DATA.slices(Bag(0, (1, 2)))
    flipped = apply_bag_change(slices, dataclasses.replace(STILL, flip=True))
    assert np.abs(flipped - slices[..., ::-1]).max() < 1e-5
    moved = apply_bag_change(slices, dataclasses.replace(STILL, shift=(0.25, 0.0)))
    assert np.abs(moved[..., :-8] - slices[..., 8:]).max() < 1e-5


def test_a_missing_channel_shows_the_anchor() -> None:
    slices = DATA.slices(Bag(0, (0, 1)))
    changed = apply_bag_change(slices, dataclasses.replace(STILL, source=(1, 1, 2)))
    assert np.array_equal(changed[:, 0], changed[:, 1]) and not np.array_equal(changed[:, 1], changed[:, 2])
    settings = BagChanges(anchor_only_probability=1.0)
    assert draw_bag_change(np.random.default_rng(0), settings, 3).source == (1, 1, 1)
    free = BagChanges(anchor=None, anchor_only_probability=1.0)
    assert draw_bag_change(np.random.default_rng(0), free, 4).source == (0, 1, 2, 3)
