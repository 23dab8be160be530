"""Turning an image to the radiology display and back, by whole axes and without resampling.

Shown are slices towards superior (axial), posterior (coronal) or left (sagittal); rows run towards
posterior or inferior, columns towards the patient's left (posterior in sagittal slices).
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from core.config import Plane, ReadOptions
from core.io.decoded import Array, Decoded
from core.types import Float64Array, Geometry

ShownPlane = Literal["axial", "coronal", "sagittal"]
Turn = tuple[tuple[int, int, int], tuple[bool, bool, bool]]

# World axis (0 = right, 1 = anterior, 2 = superior) and its sign, for (slice, row, column).
_TARGETS: dict[ShownPlane, tuple[tuple[int, int], tuple[int, int], tuple[int, int]]] = {
    "axial": ((2, 1), (1, -1), (0, -1)),
    "coronal": ((1, -1), (2, -1), (0, -1)),
    "sagittal": ((0, -1), (2, -1), (1, -1)),
}
_PLANE_OF_NORMAL: tuple[ShownPlane, ShownPlane, ShownPlane] = ("sagittal", "coronal", "axial")
_LETTERS = ("LR", "PA", "IS")
_ANISOTROPIC = 1.5
"""Spacing through the slices over the next largest from which a volume counts as acquired in that plane."""
_OBLIQUE_DEGREES = 15.0


def orient(decoded: Decoded, plane: Plane) -> tuple[Array, Geometry, tuple[str, ...]]:
    """Values (channel, slice, row, column) turned for display, their geometry, and notes."""
    if decoded.affine_ras is None:
        return decoded.values, _unknown_geometry(decoded, plane), ()
    axes = _nearest_axes(decoded.affine_ras)
    shown, source, notes = _choose_plane(decoded, axes, plane)
    turn = _turn(axes, shown)
    values = _apply(decoded.values, turn)
    affine = decoded.affine_ras @ _index_map(turn, decoded.values.shape[1:])
    affine.flags.writeable = False
    geometry = Geometry(
        spacing_mm=_spacing(affine) if decoded.measurable else None,
        affine_ras=affine if decoded.measurable else None,
        plane=shown,
        plane_source=source,
        edges=_edges(shown),
        source_shape=tuple(decoded.source_shape),
        source_axes=_file_axes(decoded, turn[0]),
        source_flips=turn[1],
        form_codes=decoded.form_codes,
    )
    return values, geometry, (*notes, *_oblique_note(decoded.affine_ras))


def to_source(array: Array, geometry: Geometry) -> Array:
    """`array` (slice, row, column) back in the file's own axes and direction, shape `source_shape`.

    Exactly inverts the turn for display: from_source(to_source(a, g), g) == a.
    """
    flipped = array[_reversed(geometry.source_flips)]
    return flipped.transpose(np.argsort(geometry.source_axes)).reshape(geometry.source_shape)


def from_source(array: Array, geometry: Geometry) -> Array:
    """`array` in the file's own axes (shape `source_shape`) turned as the image is shown."""
    missing = sum(axis < 0 for axis in geometry.source_axes)
    full = array.reshape((1,) * missing + tuple(geometry.source_shape))
    return full.transpose([axis + missing for axis in geometry.source_axes])[_reversed(geometry.source_flips)]


def source_affine(geometry: Geometry) -> Float64Array | None:
    """(4, 4) mapping of the file's own indices to mm (RAS); a 2-D file gets its normal as third axis."""
    if geometry.affine_ras is None:
        return None
    missing = sum(axis < 0 for axis in geometry.source_axes)
    order = [axis + missing for axis in geometry.source_axes]
    full = (1,) * missing + tuple(geometry.source_shape)
    to_file = np.linalg.inv(_index_map((_triple(order), geometry.source_flips), full))
    affine: Float64Array = geometry.affine_ras @ to_file
    columns = [*range(missing, 3), *range(missing), 3]
    return affine[:, columns] + 0.0


def axis_codes(geometry: Geometry) -> tuple[str, str, str] | None:
    """Letters that (slice, row, column) run towards, or None when the orientation is unknown."""
    if geometry.edges is None or geometry.plane == "unknown":
        return None
    return _codes(geometry.plane)


def _codes(plane: ShownPlane) -> tuple[str, str, str]:
    slices, rows, columns = (_LETTERS[axis][sign > 0] for axis, sign in _TARGETS[plane])
    return slices, rows, columns


def _edges(plane: ShownPlane) -> tuple[str, str, str, str]:
    (_, _), (row, row_sign), (column, column_sign) = _TARGETS[plane]
    return (
        _LETTERS[row][row_sign < 0],
        _LETTERS[row][row_sign > 0],
        _LETTERS[column][column_sign < 0],
        _LETTERS[column][column_sign > 0],
    )


def _nearest_axes(affine: Float64Array) -> tuple[tuple[int, int], ...]:
    """For each natural axis the world axis it runs along most, and its sign; never two the same."""
    from nibabel import orientations

    library: Any = orientations
    return tuple((int(axis), int(sign)) for axis, sign in library.io_orientation(affine))


def _choose_plane(
    decoded: Decoded, axes: tuple[tuple[int, int], ...], plane: Plane
) -> tuple[ShownPlane, Literal["file", "user"], tuple[str, ...]]:
    if plane != "auto":
        return plane, "user", (f"Shown in the {plane} plane, as chosen.",)
    assert decoded.affine_ras is not None
    sizes = decoded.values.shape[1:]
    spacing = _spacing(decoded.affine_ras)
    thick = int(np.argmax(spacing))
    widest, next_widest = sorted(spacing, reverse=True)[:2]
    if sizes.count(1) == 1:
        shown = _PLANE_OF_NORMAL[axes[sizes.index(1)][0]]
        return shown, "file", (f"A single {shown} slice.",)
    if decoded.measurable and widest >= _ANISOTROPIC * next_widest:
        shown = _PLANE_OF_NORMAL[axes[thick][0]]
        why = (
            f"in which the volume was acquired ({widest:.3g} mm between slices, {next_widest:.3g} mm within)"
        )
        return shown, "file", (f"Shown in the {shown} plane, {why}.",)
    return "axial", "file", ("Shown in the axial plane: the spacing names no other plane.",)


def _turn(axes: tuple[tuple[int, int], ...], plane: ShownPlane) -> Turn:
    """Natural axis for each shown axis, and whether it is reversed."""
    order, flips = [], []
    for world, sign in _TARGETS[plane]:
        natural = next(index for index, (axis, _) in enumerate(axes) if axis == world)
        order.append(natural)
        flips.append(axes[natural][1] != sign)
    return _triple(order), (flips[0], flips[1], flips[2])


def _apply(values: Array, turn: Turn) -> Array:
    order, flips = turn
    return values.transpose(0, *(axis + 1 for axis in order))[(slice(None), *_reversed(flips))]


def _reversed(flips: tuple[bool, bool, bool]) -> tuple[slice, ...]:
    return tuple(slice(None, None, -1 if flip else None) for flip in flips)


def _index_map(turn: Turn, natural_shape: tuple[int, ...]) -> Float64Array:
    """(4, 4) mapping of shown (slice, row, column, 1) to natural indices."""
    mapping = np.zeros((4, 4))
    mapping[3, 3] = 1.0
    for shown, (natural, flip) in enumerate(zip(*turn, strict=True)):
        mapping[natural, shown] = -1.0 if flip else 1.0
        mapping[natural, 3] = natural_shape[natural] - 1 if flip else 0.0
    return mapping


def _spacing(affine: Float64Array) -> tuple[float, float, float]:
    """Length of each index step in mm, rounded to 1e-6 (float32 headers carry no more)."""
    slices, rows, columns = np.round(np.linalg.norm(affine[:3, :3], axis=0), 6)
    return float(slices), float(rows), float(columns)


def _file_axes(decoded: Decoded, order: tuple[int, int, int]) -> tuple[int, int, int]:
    return _triple([decoded.natural_axes[axis] for axis in order])


def _oblique_note(affine: Float64Array) -> tuple[str, ...]:
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    cosines = np.clip(np.abs(directions).max(axis=0), 0, 1)
    degrees = float(np.degrees(np.arccos(cosines)).max())
    if degrees < _OBLIQUE_DEGREES:
        return ()
    return (f"The axes are oblique by up to {degrees:.0f} degrees: side letters are approximate.",)


def _unknown_geometry(decoded: Decoded, plane: Plane) -> Geometry:
    return Geometry(
        spacing_mm=decoded.spacing_mm,
        affine_ras=None,
        plane="axial" if plane == "auto" else plane,
        plane_source="assumed" if plane == "auto" else "user",
        edges=None,
        source_shape=tuple(decoded.source_shape),
        source_axes=decoded.natural_axes,
        source_flips=(False, False, False),
        form_codes=decoded.form_codes,
    )


def orientation_note(decoded: Decoded, options: ReadOptions) -> tuple[str, ...]:
    """What is assumed about the plane when the file does not say."""
    if decoded.affine_ras is not None or options.plane != "auto":
        return ()
    return ("The file does not say which plane it shows; axial is assumed.",)


def _triple(values: list[int]) -> tuple[int, int, int]:
    first, second, third = values
    return first, second, third
