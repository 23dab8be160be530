"""Measures of a predicted mask across slices: jumps, pieces in three dimensions, cut-off ends, the midline.

Neighbours are slices in a stack, frames of a cine loop or pages of a file: the same measures say how steady
a mask is in space or in time. Only the ends of a stack need space: a loop begins anywhere. Changes are shares
of the stack's fullest slice, so that the thin ends of a lesion, where few pixels make large ratios, do not
look like jumps.
"""

from __future__ import annotations

import math
from itertools import groupby, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.detector.context import TAPER_SHARE
from core.detector.measures import MeasureSpec, measure_slice
from core.detector.space import StackSpace
from core.types import BoolArray, Component, Float64Array, Measure

VOLUME_MEASURES: tuple[MeasureSpec, ...] = (
    MeasureSpec(
        "dice_before", "Dice with the slice before", "", 0.0, 1.0,
        "Overlap of the masks of this slice and of the slice before: twice the common area divided by the "
        "sum of both. Thin ends of a stack are left out.",
        "Dice 1945 (doi:10.2307/1932409)",
    ),
    MeasureSpec(
        "area_step", "Change of area", "share of the fullest slice", 0.0, 1.0,
        "How much the area differs from the slice before, divided by the area on the fullest slice of the "
        "stack.", "definition",
    ),
    MeasureSpec(
        "centroid_step", "Shift of the centre", "radii", 0.0, None,
        "Distance of the centroids of this slice and of the slice before, divided by the radius of a disk "
        "with the area of the stack's fullest slice.", "definition",
    ),
    MeasureSpec(
        "isolated_area", "Blob on one slice alone", "share of the picture", 0.0, 1.0,
        "Area of the largest blob that touches no prediction on the slices before and after.",
        "26-connectivity",
    ),
    MeasureSpec(
        "pieces_begun", "Pieces that begin here", "pieces", 0.0, None,
        "Number of pieces in three dimensions whose first slice this is; voxels that touch at a corner "
        "belong together.", "26-connectivity",
    ),
    MeasureSpec(
        "in_largest_piece", "Share in the largest piece", "share of the prediction", 0.0, 1.0,
        "Share of the slice's predicted pixels that belong to the study's largest piece in three dimensions.",
        "26-connectivity",
    ),
    MeasureSpec(
        "end_area", "Area at the end of the stack", "share of the fullest slice", 0.0, 1.0,
        "On the first and the last slice of a volume: the predicted area divided by that on the study's "
        "fullest slice. Above 0 the lesion may go on where nothing was scanned.", "definition",
    ),
    MeasureSpec(
        "left_share", "Share left of the midline", "share of the prediction", 0.0, 1.0,
        "Share of the predicted pixels in the left half of the picture; the halves meet in the middle "
        "between the outermost columns of the body.", "definition",
    ),
)  # fmt: skip

ONE_SLICE = "there is only one slice"
NO_NEIGHBOUR = "nothing was predicted on the slice before"
THIN_END = "a thin end of the stack"
NO_END = "not an end of the stack"
NO_SPACE = "the file does not say that the slices lie beside each other in space"
NO_MIDLINE = "where the middle of the body lies is not known"
EMPTY_NOTE = "nothing was predicted on this slice"

_CORNERS = np.ones((3, 3, 3), np.bool_)

Values = dict[str, float]


def measure_slices(
    masks: BoolArray,
    space: StackSpace = StackSpace(),  # noqa: B008 - frozen
) -> tuple[tuple[tuple[Measure, ...], tuple[Component, ...]], ...]:
    """For each slice its `SLICE_MEASURES` and `VOLUME_MEASURES`, and its blobs, largest first.

    masks: (slice, row, column), in anatomical order or in time. Measures that are undefined are None and say
    why; of a single slice only `left_share` and contact with the edge say anything about the whole.
    """
    across, notes = _values(masks, space)
    found = []
    for index, mask in enumerate(masks):
        own, components = measure_slice(mask)
        more = tuple(_measure(spec.key, across[index], notes[index]) for spec in VOLUME_MEASURES)
        found.append(((*own, *more), components))
    return tuple(found)


def _values(masks: BoolArray, space: StackSpace) -> tuple[list[Values], list[dict[str, str]]]:
    """Per slice the values by key, and for keys without a value the reason."""
    areas = masks.sum(axis=(1, 2)).astype(np.float64)
    values: list[Values] = [{} for _ in masks]
    notes: list[dict[str, str]] = [{} for _ in masks]
    if len(masks) == 1:
        notes[0] = {spec.key: ONE_SLICE for spec in VOLUME_MEASURES}
    else:
        _steps(masks, areas, values, notes)
        _pieces(masks, areas, values)
        _ends(areas, space, values, notes)
    _sides(masks, areas, space, values, notes)
    return values, notes


def _steps(masks: BoolArray, areas: Float64Array, values: list[Values], notes: list[dict[str, str]]) -> None:
    for index in _found(areas):
        notes[index] |= dict.fromkeys(("dice_before", "area_step", "centroid_step"), NO_NEIGHBOUR)
    for holds, group in groupby(range(len(areas)), key=lambda index: areas[index] > 0):
        stack = list(group)
        fullest = float(areas[stack].max())
        for before, index in pairwise(stack) if holds else ():
            values[index] |= _step(masks[before], masks[index], fullest)
            if "dice_before" not in values[index]:
                notes[index]["dice_before"] = THIN_END


def _step(before: BoolArray, now: BoolArray, fullest: float) -> Values:
    """What changes between two masks that hold something; fullest: area of their stack's fullest slice."""
    areas = [int(np.count_nonzero(each)) for each in (before, now)]
    shift = float(np.hypot(*(_centre(now) - _centre(before))))
    values = {
        "area_step": abs(areas[1] - areas[0]) / fullest,
        "centroid_step": shift / math.sqrt(fullest / math.pi),
    }
    if min(areas) >= TAPER_SHARE * fullest:
        values["dice_before"] = 2 * int(np.count_nonzero(before & now)) / sum(areas)
    return values


def _found(areas: Float64Array) -> list[int]:
    """Indices of the slices that hold something."""
    return [int(index) for index in np.flatnonzero(areas)]


def _centre(mask: BoolArray) -> Float64Array:
    rows, columns = np.nonzero(mask)
    return np.array([rows.mean(), columns.mean()])


def _pieces(masks: BoolArray, areas: Float64Array, values: list[Values]) -> None:
    from scipy import ndimage

    if not areas.any():
        return
    box = _box(masks)
    labels: NDArray[np.int32]
    labels, count = ndimage.label(masks[box], _CORNERS)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    spans: list[Any] = [place[0] for place in ndimage.find_objects(labels)]
    begin = np.array([span.start for span in spans]) + box[0].start
    alone = np.array([span.stop - span.start == 1 for span in spans])
    largest = int(sizes.argmax()) + 1
    for index in _found(areas):
        inside = np.count_nonzero(labels[index - box[0].start] == largest)
        values[index] |= {
            "isolated_area": int(sizes[alone & (begin == index)].max(initial=0)) / masks[index].size,
            "pieces_begun": float(np.count_nonzero(begin == index)),
            "in_largest_piece": float(inside / areas[index]),
        }


def _box(masks: BoolArray) -> tuple[slice, slice, slice]:
    """The smallest box that holds every predicted voxel: the rest of a large volume need not be labelled."""
    z, y, x = (_span(np.asarray(masks.any(axis=axes))) for axes in ((1, 2), (0, 2), (0, 1)))
    return z, y, x


def _span(side: BoolArray) -> slice:
    held = np.flatnonzero(side)
    return slice(int(held[0]), int(held[-1]) + 1)


def _ends(areas: Float64Array, space: StackSpace, values: list[Values], notes: list[dict[str, str]]) -> None:
    last = len(areas) - 1
    for index, note in enumerate(notes):
        if not space.spatial:
            note["end_area"] = NO_SPACE
        elif 0 < index < last:
            note["end_area"] = NO_END
        elif areas[index]:
            values[index]["end_area"] = float(areas[index] / areas.max())


def _sides(
    masks: BoolArray,
    areas: Float64Array,
    space: StackSpace,
    values: list[Values],
    notes: list[dict[str, str]],
) -> None:
    for index in _found(areas):
        if space.midline is None:
            notes[index]["left_share"] = NO_MIDLINE
        else:
            left = np.count_nonzero(masks[index, :, : int(np.floor(space.midline)) + 1])
            values[index]["left_share"] = float(left / areas[index])


def _measure(key: str, values: Values, notes: dict[str, str]) -> Measure:
    value = values.get(key)
    return Measure(key=key, value=value, note="" if value is not None else notes.get(key, EMPTY_NOTE))
