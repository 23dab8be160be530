"""Measures of a whole study, from the stored measures of its slices: how much, in how many pieces, where."""

from __future__ import annotations

from collections.abc import Sequence

from core.detector.measures import MeasureSpec, value_of
from core.types import Measure, SliceSummary

EMPTY_STUDY = "nothing was predicted"
NOT_MEASURED = "it was not measured on every slice"
ONE_SLICE = "there is only one slice"

STUDY_MEASURES: tuple[MeasureSpec, ...] = (
    MeasureSpec(
        "volume_fraction", "Volume", "share of the study", 0.0, 1.0,
        "Predicted voxels divided by all voxels of the study.", "definition",
    ),
    MeasureSpec(
        "slices_found", "Slices with a prediction", "slices", 0.0, None,
        "Number of slices on which anything was predicted.", "definition",
    ),
    MeasureSpec(
        "slices_found_share", "Share of slices with a prediction", "share of slices", 0.0, 1.0,
        "Slices on which anything was predicted divided by all slices.", "definition",
    ),
    MeasureSpec(
        "runs", "Separate stacks", "stacks", 0.0, None,
        "Number of stretches of neighbouring slices that hold a prediction.", "definition",
    ),
    MeasureSpec(
        "largest_slice_fraction", "Area on the fullest slice", "share of the picture", 0.0, 1.0,
        "Largest predicted share of a picture over all slices.", "definition",
    ),
    MeasureSpec(
        "pieces", "Separate pieces", "pieces", 0.0, None,
        "Number of connected pieces in three dimensions; voxels that touch at a corner belong together.",
        "26-connectivity",
    ),
    MeasureSpec(
        "largest_piece_share", "Share of the largest piece", "share of the prediction", 0.0, 1.0,
        "Voxels of the largest piece in three dimensions divided by all predicted voxels.", "definition",
    ),
    MeasureSpec(
        "midline_share", "Share across the midline", "share of the prediction", 0.0, 0.5,
        "Share of the predicted voxels on that side of the body's middle which holds fewer of them.",
        "definition",
    ),
)  # fmt: skip


def measure_study(slices: Sequence[SliceSummary]) -> tuple[Measure, ...]:
    """All of `STUDY_MEASURES` in that order, from the stored measures of equally large slices."""
    fractions = [value_of(each.measures, "area_fraction") or 0.0 for each in slices]
    found = [not each.empty for each in slices]
    starts = [now and not before for before, now in zip([False, *found], found, strict=False)]
    count = max(1, len(slices))
    values = _across(slices) | {
        "volume_fraction": sum(fractions) / count,
        "slices_found": float(sum(found)),
        "slices_found_share": sum(found) / count,
        "runs": float(sum(starts)),
        "largest_slice_fraction": max(fractions, default=0.0),
    }
    note = ONE_SLICE if len(slices) == 1 else NOT_MEASURED if any(found) else EMPTY_STUDY
    return tuple(_measure(spec.key, values.get(spec.key), note) for spec in STUDY_MEASURES)


def _across(slices: Sequence[SliceSummary]) -> dict[str, float]:
    """Sums over the measures of `core.detector.volume`, where every slice with a prediction has them."""
    found = [each for each in slices if not each.empty]
    pixels = [value_of(each.measures, "area_px") or 0.0 for each in found]
    begun = [value_of(each.measures, "pieces_begun") for each in found]
    inside = _weighted([value_of(each.measures, "in_largest_piece") for each in found], pixels)
    left = _weighted([value_of(each.measures, "left_share") for each in found], pixels)
    values: dict[str, float] = {}
    if inside is not None:
        values |= {"pieces": sum(each or 0.0 for each in begun), "largest_piece_share": inside}
    if left is not None:
        values["midline_share"] = min(left, 1.0 - left)
    return values


def _weighted(values: Sequence[float | None], pixels: Sequence[float]) -> float | None:
    """Mean of `values` weighted by `pixels`; None when there is none, or one is undefined."""
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return None
    return sum(value * weight for value, weight in zip(known, pixels, strict=True)) / sum(pixels)


def _measure(key: str, value: float | None, note: str) -> Measure:
    return Measure(key=key, value=value, note="" if value is not None else note)
