"""Random numbers from seeds, and what severities share."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from core.config import CorruptionConfig, CorruptionStep
from core.corruptions import corrupt
from core.corruptions.fields import normal_field, step_seed, uniform_field
from core.corruptions.shared import shared
from core.types import Image
from tests.core.corruptions.pictures import of_kind


def test_normal_field_is_standard_normal() -> None:
    from scipy import stats

    field = normal_field(1, "z", (400, 500)).ravel()
    assert stats.kstest(field, "norm").pvalue > 0.01
    assert abs(np.corrcoef(field[:-1], field[1:])[0, 1]) < 0.01
    assert abs(np.corrcoef(field[:100_000], field[100_000:])[0, 1]) < 0.01


def test_field_follows_from_seed_purpose_and_shape_alone() -> None:
    first = normal_field(7, "z", (5, 7)).copy()
    for seed in range(20):
        normal_field(seed, "z", (9, 9))
    assert np.array_equal(normal_field(7, "z", (5, 7)), first)
    assert not np.array_equal(normal_field(7, "other", (5, 7)), first)
    assert not uniform_field(7, "z", (5, 7)).flags.writeable


def test_seed_tells_picture_key_user_and_occurrence_apart() -> None:
    seeds = {
        step_seed("a", "spike", 0), step_seed("b", "spike", 0), step_seed("a", "gibbs", 0),
        step_seed("a", "spike", 1), step_seed("a", "spike", 0, 1),
    }  # fmt: skip
    assert len(seeds) == 5


def test_shared_thing_is_made_once_and_goes_with_its_array() -> None:
    made: list[int] = []

    def make() -> int:
        made.append(1)
        return len(made)

    array = np.zeros(3)
    array.flags.writeable = False
    twin = array.copy()
    twin.flags.writeable = False
    assert [shared(array, "n", make), shared(array, "n", make)] == [1, 1]
    assert [shared(twin, "n", make), shared(np.zeros(3), "n", make), shared(twin, "n", make)] == [2, 3, 2]
    del twin
    gc.collect()
    assert shared(array, "n", make) == 4


@pytest.mark.parametrize("key", ["gibbs", "gaussian_noise", "gamma_expand"])
def test_corrupted_picture_taken_as_a_clean_one_is_scaled_anew(key: str) -> None:
    picture, modality = of_kind("magnitude")
    step = CorruptionConfig(steps=(CorruptionStep(key=key, severity=4.0),))
    first = corrupt(picture, step, "a", modality=modality).image
    again = corrupt(first, step, "b", modality=modality).image
    fresh = Image(
        first.values.copy(), first.geometry, first.channel_names, None, first.original_dtype, (0.0, 1.0)
    )
    assert np.array_equal(corrupt(fresh, step, "b", modality=modality).image.values, again.values)
