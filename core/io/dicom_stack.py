"""Frames of a series into volumes: sorted by position along the normal, split by time, checked for gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.config import ReadOptions
from core.errors import InputProblem
from core.io.dicom_file import number
from core.io.dicom_frames import Frame
from core.types import Float64Array

_SAME_PLACE_MM = 0.01
_REGULAR = 0.01
"""Share of the slice distance by which distances may differ (positions are often rounded to 1e-3 mm)."""
_SAME_DIRECTION = 1e-3
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Stack:
    """Frames of one volume in slice order.

    affine_ras: (4, 4) of (slice, row, column, 1), or None when directions are unknown.
    measurable: False when distances are not known or not even, so that the affine tells directions only.
    """

    frames: tuple[Frame, ...]
    volumes: int
    volume: int
    affine_ras: Float64Array | None
    measurable: bool
    spacing_mm: tuple[float, float, float] | None
    notes: tuple[str, ...]


def stack_frames(frames: list[Frame], options: ReadOptions) -> Stack:
    """The chosen volume of one series, or a refusal when its slices do not make one."""
    _check_alike(frames)
    if any(frame.position is None or frame.directions is None for frame in frames):
        return _without_positions(frames, options)
    along = _positions_along_normal(frames)
    places = _cluster(along)
    volumes = _time_points(frames, places)
    chosen, notes = _choose(len(volumes), options, "time point")
    picked = volumes[chosen]
    affine, measurable, more = _affine([frames[index] for index in picked])
    return Stack(
        tuple(frames[index] for index in picked),
        len(volumes),
        chosen,
        affine,
        measurable,
        None,
        (*notes, *more),
    )


def _check_alike(frames: list[Frame]) -> None:
    sizes = sorted({frame.shape for frame in frames})
    if len(sizes) > 1:
        raise InputProblem(
            "The slices of the series differ in size",
            found=" and ".join(f"{r} x {c}" for r, c in sizes[:4]),
            expected="one size in one series",
            fix="upload the slices of one size alone",
        )
    first = frames[0]
    for frame in frames:
        if (frame.directions is None) != (first.directions is None) or frame.pixel_mm != first.pixel_mm:
            raise _unlike("different pixel spacing or missing orientation in some slices")
        if _apart(frame.directions, first.directions) > _SAME_DIRECTION:
            raise _unlike("slices of different orientation (such as a localizer)")


def _apart(one: Float64Array | None, other: Float64Array | None) -> float:
    return 0.0 if one is None or other is None else float(np.abs(one - other).max())


def _unlike(found: str) -> InputProblem:
    return InputProblem(
        "The slices of the series do not make one volume",
        found=found,
        expected="parallel slices of one spacing",
        fix="upload one orientation alone",
    )


def _normal(frame: Frame) -> Float64Array:
    assert frame.directions is not None
    normal: Float64Array = np.cross(frame.directions[0], frame.directions[1])
    return normal


def _positions_along_normal(frames: list[Frame]) -> Float64Array:
    return np.array([np.array(frame.position) @ _normal(frames[0]) for frame in frames])


def _cluster(along: Float64Array) -> list[list[int]]:
    """Frame numbers grouped by position, lowest first."""
    groups: list[list[int]] = []
    last = -np.inf
    for index in np.argsort(along, kind="stable"):
        if along[index] - last > _SAME_PLACE_MM:
            groups.append([])
        groups[-1].append(int(index))
        last = along[index]
    return groups


def _time_points(frames: list[Frame], places: list[list[int]]) -> list[list[int]]:
    """For each time point the frame numbers in slice order."""
    counts = {len(place) for place in places}
    if len(counts) > 1:
        raise InputProblem(
            "The slices of the series do not fill whole volumes",
            found=f"{len(frames)} slices at {len(places)} positions, {min(counts)} to {max(counts)} at each",
            expected="the same number of slices at every position",
            fix="upload the complete series",
        )
    in_time = [sorted(place, key=lambda index: frames[index].order) for place in places]
    return [list(volume) for volume in zip(*in_time, strict=True)]


def _choose(count: int, options: ReadOptions, word: str) -> tuple[int, tuple[str, ...]]:
    chosen = options.volume or 0
    if chosen >= count:
        raise InputProblem(
            f"There is no such {word}",
            found=f"number {chosen} of {count}",
            expected=f"0 to {count - 1}",
            fix=f"choose another {word}",
        )
    if count == 1:
        return 0, ()
    how = "is shown because none was chosen" if options.volume is None else "was chosen"
    return chosen, (f"The series holds {count} {word}s; number {chosen + 1} of {count} {how}.",)


def _affine(frames: list[Frame]) -> tuple[Float64Array, bool, tuple[str, ...]]:
    """Affine from the positions of sorted slices, whether its distances hold, and notes."""
    first = frames[0]
    step, even, notes = _step(frames)
    if first.pixel_mm is None:
        notes = (*notes, "The file gives no pixel spacing: no figures in mm or ml.")
    return _matrix(step, first, np.array(first.position)), even and first.pixel_mm is not None, notes


def _step(frames: list[Frame]) -> tuple[Float64Array, bool, tuple[str, ...]]:
    """Vector from one slice to the next in mm, whether slices are evenly spaced, and notes."""
    normal = _normal(frames[0])
    if len(frames) == 1:
        return _single_step(frames[0], normal)
    positions = np.array([frame.position for frame in frames], np.float64)
    gaps = np.diff(positions @ normal)
    usual = float(np.median(gaps))
    mean_step = (positions[-1] - positions[0]) / (len(frames) - 1)
    if np.abs(gaps - usual).max() <= max(_REGULAR * usual, _SAME_PLACE_MM):
        return mean_step, True, _thickness_note(frames[0], float(mean_step @ normal))
    skipped = gaps / float(gaps.min())
    if np.abs(skipped - np.rint(skipped)).max() > 0.05:
        raise InputProblem(
            "The slices are not evenly spaced",
            found=f"distances from {gaps.min():.3g} to {gaps.max():.3g} mm",
            expected="one distance between all slices",
            fix="upload the complete series, or resample it first",
        )
    missing = int(np.rint(skipped).sum()) - len(gaps)
    where = float((positions @ normal)[int(np.argmax(gaps))])
    note = (
        f"Missing slices: {missing}. After position {where:.3g} mm the distance is {gaps.max():.3g}, not "
        f"{gaps.min():.3g} mm. Nothing was filled in; figures in mm and ml are withheld."
    )
    return normal * float(gaps.min()), False, (note,)


def _single_step(frame: Frame, normal: Float64Array) -> tuple[Float64Array, bool, tuple[str, ...]]:
    thickness = number(frame.file.dataset, "SpacingBetweenSlices") or number(
        frame.file.dataset, "SliceThickness"
    )
    if thickness and thickness > 0:
        return normal * thickness, True, ()
    return normal, False, ("A single slice of unknown thickness: no figures in mm or ml.",)


def _thickness_note(frame: Frame, spacing: float) -> tuple[str, ...]:
    thickness = number(frame.file.dataset, "SliceThickness")
    if thickness is None or abs(thickness - spacing) <= 0.05 * spacing:
        return ()
    return (
        f"Slices lie {spacing:.4g} mm apart by position; their thickness of {thickness:.4g} mm is unused.",
    )


def _without_positions(frames: list[Frame], options: ReadOptions) -> Stack:
    """Instance order; distances only where the file states them all and no direction is at stake."""
    chosen, _ = _choose(1, options, "time point")
    ordered = sorted(frames, key=lambda frame: (*frame.order[1:], frame.index))
    first = ordered[0]
    notes = []
    if len(frames) > 1:
        notes.append("The file gives no slice positions: slices are in instance or frame order.")
    gap = number(first.file.dataset, "SpacingBetweenSlices") or 0.0
    spacing = (gap, *first.pixel_mm) if gap > 0 and first.pixel_mm and first.directions is None else None
    if spacing is None:
        notes.append("Distances between slices are unknown: no figures in mm or ml.")
    affine = None
    if first.directions is not None:
        affine = _matrix(_normal(first), first, np.zeros(3))
        notes.append("Which end of the stack is up is assumed from the frame order.")
    return Stack(tuple(ordered), 1, chosen, affine, False, spacing, tuple(notes))


def _matrix(step: Float64Array, frame: Frame, position: Float64Array) -> Float64Array:
    """(4, 4) of (slice, row, column, 1) to mm (RAS), for slices `step` mm (LPS) apart from `position`."""
    assert frame.directions is not None
    row_mm, column_mm = frame.pixel_mm or (1.0, 1.0)
    affine = np.eye(4)
    affine[:3] = np.column_stack(
        [step, frame.directions[1] * row_mm, frame.directions[0] * column_mm, position]
    )
    return _LPS_TO_RAS @ affine
