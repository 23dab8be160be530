"""Stacks, gaps and thin ends of short made-up studies, given as areas per slice."""

from __future__ import annotations

from core.detector.context import context_values, thin_ends


def only(key: str, areas: tuple[float, ...]) -> dict[int, float]:
    return {index: each[key] for index, each in enumerate(context_values(areas)) if key in each}


def test_gap_is_counted_between_slices_only() -> None:
    assert only("gap_slices", (0.0, 0.1, 0.0, 0.0, 0.1, 0.0)) == {2: 2.0, 3: 2.0}


def test_single_slice_has_neither_gap_nor_neighbour() -> None:
    assert context_values((0.0,)) == ({},)


def test_neighbour_area_is_the_larger_one_and_only_on_empty_slices() -> None:
    assert only("neighbour_area", (0.2, 0.0, 0.3, 0.0, 0.0, 0.0)) == {1: 0.3, 3: 0.3}


def test_stacks_are_numbered_by_volume_and_marked_on_their_fullest_slice() -> None:
    assert only("stack_number", (0.1, 0.0, 0.1, 0.4, 0.0, 0.2)) == {0: 3.0, 3: 1.0, 5: 2.0}


def test_study_without_a_prediction_has_no_context() -> None:
    assert context_values((0.0, 0.0)) == ({}, {})


def test_thin_ends_hold_less_than_a_quarter_of_their_own_stack() -> None:
    assert thin_ends((0.02, 0.10, 0.025, 0.0, 0.001)) == (True, False, False, False, False)
