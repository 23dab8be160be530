"""Shape measures of a predicted mask: how large, how ragged, how scattered.

Sizes are shares of the picture, so that they mean the same at 128 x 128 and at 512 x 512 pixels. The outline
is measured on a grid whose longer side is `OUTLINE_GRID` pixels: a finer grid sees more of the ragged edge,
and its perimeter would grow without the lesion having changed (measured on 126 reference masks: 256 instead
of 128 pixels lowers the median compactness by 0.04).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import SettingsProblem
from core.types import BoolArray, Component, LabelArray, Measure

OUTLINE_GRID = 128
"""Longer side, in pixels, of the grid on which outlines are measured; smaller masks keep their own grid."""
OUTLINE_MIN_PX = 8
"""Below this area on the outline grid a perimeter says nothing about shape."""

EMPTY_NOTE = "nothing was predicted on this slice"
SMALL_NOTE = "the largest blob is too small for an outline"
SINGLE_NOTE = "there is only one blob"


@dataclass(frozen=True)
class MeasureSpec:
    """What a measure is called, its unit, its range (`high` None: unbounded) and where it comes from."""

    key: str
    label: str
    unit: str
    low: float
    high: float | None
    help: str
    source: str


@dataclass(frozen=True, eq=False)
class _Blobs:
    """A slice's foreground as labelled blobs: labels (row, column) of int32, blob k + 1 is components[k]."""

    mask: LabelArray
    labels: NDArray[np.int32]
    components: tuple[Component, ...]
    largest_label: int

    @property
    def areas(self) -> tuple[int, ...]:
        return tuple(each.area_px for each in self.components)


SLICE_MEASURES: tuple[MeasureSpec, ...] = (
    MeasureSpec(
        "area_fraction", "Area", "share of the picture", 0.0, 1.0,
        "Predicted pixels divided by all pixels of the slice.", "definition",
    ),
    MeasureSpec(
        "area_px", "Area in pixels", "pixels", 0.0, None,
        "Number of predicted pixels on the slice.", "definition",
    ),
    MeasureSpec(
        "components", "Separate blobs", "blobs", 0.0, None,
        "Number of connected blobs; pixels that touch at a corner belong together.", "8-connectivity",
    ),
    MeasureSpec(
        "largest_share", "Share of the largest blob", "share of the prediction", 0.0, 1.0,
        "Area of the largest blob divided by the whole predicted area of the slice.", "definition",
    ),
    MeasureSpec(
        "second_share", "Second blob against the largest", "ratio", 0.0, 1.0,
        "Area of the second largest blob divided by that of the largest.", "definition",
    ),
    MeasureSpec(
        "smallest_share", "Smallest blob against the largest", "ratio", 0.0, 1.0,
        "Area of the smallest blob divided by that of the largest.", "definition",
    ),
    MeasureSpec(
        "compactness", "Compactness", "1 = disk", 0.0, 1.0,
        "4 pi area / perimeter squared of the largest blob, holes counted as outline. A disk comes out near "
        "1, a square near 0.88, a thin or ragged shape lower.",
        "Cox 1927 (Journal of Paleontology 1:179); perimeter by Crofton's formula in four directions, "
        "Legland, Kieu and Devaux 2007 (doi:10.5566/ias.v26.p83-92)",
    ),
    MeasureSpec(
        "solidity", "Solidity", "1 = convex", 0.0, 1.0,
        "Area of the largest blob divided by the area of its convex hull, pixels taken as squares. Bays, "
        "holes and branches lower it.",
        "pixel hull: hull of the pixel centres widened by one unit square",
    ),
    MeasureSpec(
        "elongation", "Elongation", "1 = round", 1.0, None,
        "Length of the largest blob divided by its width, from the second moments of its pixels.",
        "Hu 1962 (doi:10.1109/TIT.1962.1057692); each pixel counts as a unit square",
    ),
    MeasureSpec(
        "border_contact", "Contact with the picture's edge", "share of the prediction", 0.0, 1.0,
        "Share of the predicted pixels that lie on the outermost rows and columns.", "definition",
    ),
)  # fmt: skip


def measure_slice(mask: BoolArray | LabelArray) -> tuple[tuple[Measure, ...], tuple[Component, ...]]:
    """All of `SLICE_MEASURES` in that order, and the blobs with their boxes, largest first.

    mask: (row, column), bool or labels; every label above 0 is foreground. An empty mask has area 0, 0 blobs
    and no edge contact; the other measures are None and say why. Raises SettingsProblem when the mask has
    not two axes.

    >>> square = np.zeros((10, 10), dtype=bool)
    >>> square[2:6, 3:7] = True
    >>> measures, components = measure_slice(square)
    >>> measures[0].value, components[0].box
    (0.16, (2, 3, 6, 7))
    """
    blobs = _find_blobs(mask)
    values = _sizes(blobs) | (_outline(blobs) if blobs.components else {})
    note = SMALL_NOTE if blobs.components else EMPTY_NOTE
    notes = {"second_share": SINGLE_NOTE, "smallest_share": SINGLE_NOTE} if blobs.components else {}
    measures = tuple(_measure(spec.key, values, notes.get(spec.key, note)) for spec in SLICE_MEASURES)
    return measures, blobs.components


def value_of(measures: Sequence[Measure], key: str) -> float | None:
    """Value of the measure `key`, None when it is undefined or was not taken."""
    return next((each.value for each in measures if each.key == key), None)


def _find_blobs(mask: BoolArray | LabelArray) -> _Blobs:
    if mask.ndim != 2:
        raise SettingsProblem(
            "A slice's mask has two axes",
            found=f"shape {mask.shape}",
            expected="(row, column)",
            fix="pass one slice",
        )
    foreground = np.ascontiguousarray(mask > 0).view(np.uint8)
    labels: Any
    _, labels, stats, _ = cv2.connectedComponentsWithStats(foreground, connectivity=8)
    found = [
        (Component(area_px=int(area), box=(int(top), int(left), int(top + height), int(left + width))), label)
        for label, (left, top, width, height, area) in enumerate(stats)
        if label > 0
    ]
    found.sort(key=lambda each: (-each[0].area_px, each[0].box))
    return _Blobs(foreground, labels, tuple(each for each, _ in found), found[0][1] if found else 0)


def _box_of(mask: BoolArray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def _sizes(blobs: _Blobs) -> dict[str, float]:
    areas, total = blobs.areas, sum(blobs.areas)
    values = {
        "area_fraction": total / blobs.mask.size,
        "area_px": float(total),
        "components": float(len(areas)),
    }
    values["border_contact"] = _edge_pixels(blobs.mask) / total if total else 0.0
    if total:
        values["largest_share"] = areas[0] / total
    if len(areas) > 1:
        values |= {"second_share": areas[1] / areas[0], "smallest_share": areas[-1] / areas[0]}
    return values


def _edge_pixels(mask: LabelArray) -> int:
    inner = mask[1:-1, 1:-1]
    return int(np.count_nonzero(mask)) - int(np.count_nonzero(inner))


def _outline(blobs: _Blobs) -> dict[str, float]:
    largest = (blobs.labels == blobs.largest_label).view(np.uint8)
    values = {"elongation": _elongation(largest)}
    shape = _cut_out(_on_outline_grid(largest))
    area = int(np.count_nonzero(shape))
    if area >= OUTLINE_MIN_PX:
        values |= {"compactness": _compactness(shape, area), "solidity": _solidity(shape, area)}
    return values


def _on_outline_grid(mask: LabelArray) -> LabelArray:
    side = max(mask.shape)
    if side <= OUTLINE_GRID:
        return mask
    rows, columns = (max(1, round(length * OUTLINE_GRID / side)) for length in mask.shape)
    shrunk = cv2.resize(mask.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
    return (shrunk >= 0.5).astype(np.uint8)


def _cut_out(shape: LabelArray) -> LabelArray:
    left, top, width, height = cv2.boundingRect(shape)
    return shape[top : top + height, left : left + width]


def _compactness(shape: LabelArray, area: int) -> float:
    from skimage.measure import perimeter_crofton

    perimeter: float = perimeter_crofton(np.pad(shape, 1), directions=4)  # type: ignore[no-untyped-call]
    # The estimate of the perimeter is not a bound: on a small grid a disk can come out slightly above 1.
    return float(min(1.0, 4.0 * np.pi * area / perimeter**2))


def _solidity(shape: LabelArray, area: int) -> float:
    hull: Any = cv2.convexHull(cv2.findNonZero(shape))
    _, _, width, height = cv2.boundingRect(hull)
    # Convex hull K of the centres, widened by a unit square: area K + (width - 1) + (height - 1) + 1.
    return float(area / (cv2.contourArea(hull) + width + height - 1))


def _elongation(shape: LabelArray) -> float:
    moments = cv2.moments(shape, binaryImage=True)
    area = moments["m00"]
    covariance = np.array([[moments["mu20"], moments["mu11"]], [moments["mu11"], moments["mu02"]]]) / area
    short, long = np.linalg.eigvalsh(covariance + np.eye(2) / 12.0)
    return float(np.sqrt(long / short))


def _measure(key: str, values: dict[str, float], note: str) -> Measure:
    value = values.get(key)
    return Measure(key=key, value=value, note="" if value is not None else note)
