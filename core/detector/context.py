"""What a slice's neighbours say about it: stacks of slices with a prediction, gaps, and thin ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from core.detector.measures import MeasureSpec, value_of
from core.types import SliceSummary

TAPER_SHARE = 0.25
"""Slices with less than this share of their stack's largest area are its thin ends."""

CONTEXT_MEASURES: tuple[MeasureSpec, ...] = (
    MeasureSpec(
        "gap_slices", "Length of the gap", "slices", 1.0, None,
        "On an empty slice between two with a prediction: how many neighbouring slices are empty in a row.",
        "definition",
    ),
    MeasureSpec(
        "neighbour_area", "Area on the slice beside", "share of the picture", 0.0, 1.0,
        "On an empty slice: the larger of the areas predicted on the slices before and after.", "definition",
    ),
    MeasureSpec(
        "stack_number", "Number of the stack", "stacks", 1.0, None,
        "On the fullest slice of each stack of neighbouring slices with a prediction: 1 for the stack with "
        "the largest volume, 2 for the next, and so on.", "definition",
    ),
)  # fmt: skip


def areas_of(slices: Sequence[SliceSummary]) -> tuple[float, ...]:
    """Predicted share of the picture on each slice, 0 where nothing was predicted."""
    return tuple(value_of(each.measures, "area_fraction") or 0.0 for each in slices)


def context_values(areas: Sequence[float]) -> tuple[dict[str, float], ...]:
    """For each slice its values of `CONTEXT_MEASURES`; a key is missing where the measure is undefined.

    areas: predicted share of the picture per slice, in anatomical order.

    >>> context_values((0.02, 0.0, 0.01))[1]
    {'gap_slices': 1.0, 'neighbour_area': 0.02}
    """
    values: list[dict[str, float]] = [{} for _ in areas]
    for start, stop in _gaps(areas):
        for index in range(start, stop):
            values[index]["gap_slices"] = float(stop - start)
    for index, area in enumerate(areas):
        beside = max((*areas[max(0, index - 1) : index], *areas[index + 1 : index + 2]), default=0.0)
        if area == 0.0 and beside > 0.0:
            values[index]["neighbour_area"] = beside
    for number, (start, stop) in enumerate(_stacks_by_volume(areas), 1):
        values[max(range(start, stop), key=lambda index: areas[index])]["stack_number"] = float(number)
    return tuple(values)


def thin_ends(areas: Sequence[float]) -> tuple[bool, ...]:
    """For each slice whether it is a thin end of its stack, where small and ragged masks are usual.

    >>> thin_ends((0.0, 0.001, 0.02, 0.01))
    (False, True, False, False)
    """
    thin = [False] * len(areas)
    for start, stop in _stacks(areas):
        largest = max(areas[start:stop])
        for index in range(start, stop):
            thin[index] = areas[index] < TAPER_SHARE * largest
    return tuple(thin)


def _stacks(areas: Sequence[float]) -> Iterator[tuple[int, int]]:
    for found, group in groupby(range(len(areas)), key=lambda index: areas[index] > 0.0):
        if found:
            members = list(group)
            yield members[0], members[-1] + 1


def _stacks_by_volume(areas: Sequence[float]) -> list[tuple[int, int]]:
    return sorted(_stacks(areas), key=lambda stack: (-sum(areas[slice(*stack)]), stack))


def _gaps(areas: Sequence[float]) -> list[tuple[int, int]]:
    stacks = list(_stacks(areas))
    return [(before[1], after[0]) for before, after in pairwise(stacks)]
