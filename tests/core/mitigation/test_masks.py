"""Morphology on masks small enough to draw."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import SettingsProblem
from core.mitigation import (
    MITIGATIONS,
    clean_up,
    fill_holes,
    largest_component,
    largest_per_side,
    mitigation_spec,
    remove_small,
)
from core.types import BoolArray


def drawn(*planes: str) -> BoolArray:
    """Slices of rows separated by "/", # for foreground."""
    return np.array([[[each == "#" for each in row] for row in plane.split("/")] for plane in planes])


def test_largest_component_is_that_of_the_whole_volume() -> None:
    mask = drawn("##..#/....#", "##..#/....#", "....#/....#")
    assert np.array_equal(largest_component(mask), drawn("....#/....#", "....#/....#", "....#/....#"))


def test_nothing_stays_nothing() -> None:
    nothing = np.zeros((2, 4, 4), np.bool_)
    for change in (
        largest_component,
        fill_holes,
        lambda m: remove_small(m, None),
        lambda m: clean_up(m, None),
    ):
        assert not change(nothing).any()
    assert not largest_per_side(nothing, np.ones(nothing.shape, np.float32)).any()


def test_second_focus_across_the_midline_survives() -> None:
    mask = drawn("###...##./#.......#/#..#.....")
    image = np.ones(mask.shape, np.float32)
    kept = largest_per_side(mask, image)
    assert np.array_equal(kept, drawn("###...##./#.......#/#........"))
    assert np.array_equal(largest_component(mask), drawn("###....../#......../#........"))


def test_midline_follows_the_head_and_not_the_frame() -> None:
    mask = drawn("....#.#.#/........./.........")
    image = np.zeros(mask.shape, np.float32)
    image[..., 4:] = 1.0
    kept = largest_per_side(mask, image)
    assert kept[0, 0, 4] and kept[0, 0].sum() == 2


def test_minimum_size_is_an_area_in_mm() -> None:
    mask = np.zeros((1, 12, 12), np.bool_)
    mask[0, :4, :4] = True
    mask[0, 8:, 8:] = True
    mask[0, 8, 7] = True
    assert remove_small(mask, None)[0].sum() == 0, "16 and 17 pixels are less than 20"
    assert remove_small(mask, (5.0, 1.0, 1.2))[0].sum() == 17, "17 x 1.2 mm² are enough, 16 x 1.2 mm² are not"
    assert remove_small(mask, (5.0, 2.0, 2.0))[0].sum() == 33


def test_holes_are_filled_slice_by_slice() -> None:
    mask = drawn("###/#.#/###", "###/#../###")
    assert np.array_equal(fill_holes(mask), drawn("###/###/###", "###/#../###"))


@pytest.mark.parametrize("change", [largest_component, fill_holes, lambda m: clean_up(m, None)])
def test_input_is_not_changed(change: object) -> None:
    mask = np.random.default_rng(0).random((2, 9, 9)) > 0.5
    before = mask.copy()
    change(mask)  # type: ignore[operator]
    assert np.array_equal(mask, before)


def test_table_names_what_each_betters_and_refuses_the_unknown() -> None:
    assert len({spec.key for spec in MITIGATIONS}) == len(MITIGATIONS)
    assert {spec.better for spec in MITIGATIONS} == {"Dice", "ECE"}
    with pytest.raises(SettingsProblem, match="largest_component"):
        mitigation_spec("prayer")
