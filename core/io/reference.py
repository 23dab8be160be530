"""A reference mask laid over an image: same grid, same turn, its values read by written rules."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.errors import InputProblem
from core.io.decoded import Array, Decoded
from core.io.orient import orient
from core.types import BoolArray, Geometry, LabelArray, Reference

AFFINE_TOLERANCE_MM = 1e-3
MOST_LABELS = 20
_MOST_VALUES = 256
_HALF_OF_8_BIT = 127


def fit_reference(
    mask: Decoded, image: Decoded, geometry: Geometry, name: str, class_levels: tuple[int, ...] | None = None
) -> tuple[Reference, tuple[str, ...]]:
    """The mask on the grid of the shown image (slice, row, column), and notes.

    mask, image: as decoded; geometry: of the shown image. Nothing is resampled: with an orientation in
    both files each is turned by its own header, otherwise the mask is turned as the image was. class_levels:
    the value of class 1, 2, ..., () for inside and outside only, None to take whole numbers above 1 for
    labels as they stand.

    Raises InputProblem when the grids differ or the values are no mask.
    """
    mask, notes = _one_channel(mask)
    plane = "axial" if geometry.plane == "unknown" else geometry.plane
    if mask.affine_ras is None or image.affine_ras is None:
        _check_shape(mask, image, mask.values.shape, image.values.shape)
        mask = replace(mask, affine_ras=image.affine_ras)
    elif np.allclose(mask.affine_ras, image.affine_ras, rtol=0, atol=AFFINE_TOLERANCE_MM):
        # At 45 degrees a rounding error would decide which way an axis is turned.
        mask = replace(mask, affine_ras=image.affine_ras)
    turned, own, _ = orient(mask, plane)
    _check_shape(mask, image, turned.shape, _shown_shape(image, geometry))
    notes = (*notes, *_affine_note(own, geometry))
    if class_levels:
        labels, more = read_labels(turned[0], class_levels)
        return Reference(labels > 0, name, value_set(turned[0]), labels), (*notes, *more)
    reencoded = mask.format in ("png", "jpeg", "tiff")
    mask_ref, more = read_mask(turned[0], reencoded=reencoded)
    own_labels = _labels_as_they_stand(turned[0], reencoded=reencoded) if class_levels is None else None
    return Reference(mask_ref, name, value_set(turned[0]), own_labels), (*notes, *more)


def read_labels(values: Array, class_levels: tuple[int, ...]) -> tuple[LabelArray, tuple[str, ...]]:
    """uint8 (slice, row, column), k where `values` equal the k-th of `class_levels`, and notes.

    Raises InputProblem for any other value.
    """
    found = np.unique(values)
    strange = [f"{value:g}" for value in found if value != 0 and value not in class_levels]
    if strange:
        raise InputProblem(
            "The mask holds values that are no class of the cohort",
            found=f"values {', '.join(strange[:5])}",
            expected=f"0 and {', '.join(str(each) for each in class_levels)}",
            fix="export the mask with the cohort's labels",
        )
    labels = np.zeros(values.shape, np.uint8)
    for index, level in enumerate(class_levels, 1):
        labels[values == level] = index
    labels.flags.writeable = False
    if class_levels == tuple(range(1, len(class_levels) + 1)):
        return labels, ()
    coded = ", ".join(f"{level} is class {index}" for index, level in enumerate(class_levels, 1))
    return labels, (f"Reference values are classes: {coded}.",)


def _labels_as_they_stand(values: Array, *, reencoded: bool) -> LabelArray | None:
    """The labels where whole numbers tell classes apart, None where they only tell inside from outside."""
    high = float(values.max())
    if high <= 1 or high > 255 or (reencoded and values.dtype == np.uint8 and high > _HALF_OF_8_BIT):
        return None
    labels = values.astype(np.uint8)
    labels.flags.writeable = False
    return labels


def read_mask(values: Array, *, reencoded: bool) -> tuple[BoolArray, tuple[str, ...]]:
    """Where `values` mean "inside", and notes.

    8-bit pictures whose largest value is above 127 (`reencoded`): inside is > 127. Whole numbers, at
    most 20 different: inside is > 0. Numbers in [0, 1]: inside is > 0.5. Anything else is refused, as
    are negative and non-finite values.
    """
    if not np.isfinite(values).all():
        raise _no_mask("voxels that are not a number (NaN or infinite)", "export the mask as whole numbers")
    low, high = float(values.min()), float(values.max())
    if low < 0:
        raise _no_mask(f"negative values down to {low:g}", "export the mask with 0 as background")
    inside, notes = _inside(values, high, reencoded=reencoded)
    inside.flags.writeable = False
    if inside.all():
        notes = (*notes, "The reference covers everything.")
    return inside, notes


def value_set(values: Array) -> tuple[float, ...]:
    """All different values where there are at most 256, else the smallest and the largest."""
    found = np.unique(values)
    kept = found if len(found) <= _MOST_VALUES else found[[0, -1]]
    return tuple(float(value) for value in kept)


def _inside(values: Array, high: float, *, reencoded: bool) -> tuple[BoolArray, tuple[str, ...]]:
    found = np.unique(values)
    whole = bool(np.all(found == np.rint(found)))
    if reencoded and values.dtype == np.uint8 and high > _HALF_OF_8_BIT:
        more = "" if len(found) <= 2 else f" ({len(found)} different values: re-encoded)"
        return values > _HALF_OF_8_BIT, (f"Reference values above 127 count as inside{more}.",)
    if whole and len(found) <= MOST_LABELS:
        labels = [f"{value:g}" for value in found if value > 0]
        if labels in ([], ["1"]):
            return values > 0, ()
        return values > 0, (f"Reference labels {', '.join(labels)} all count as inside.",)
    if not whole and high <= 1:
        return values > 0.5, ("The reference holds fractions from 0 to 1; values above 0.5 count as inside.",)
    raise _no_mask(
        f"{len(found)} different values from {float(found[0]):g} to {high:g}",
        "export labels or a black and white mask",
    )


def _no_mask(found: str, fix: str) -> InputProblem:
    return InputProblem(
        "The reference is not a mask",
        found=found,
        expected=f"0 as background and at most {MOST_LABELS} labels, 0/255, or fractions from 0 to 1",
        fix=fix,
    )


def _one_channel(mask: Decoded) -> tuple[Decoded, tuple[str, ...]]:
    """The mask with one channel; colour is accepted only where all channels are equal."""
    if mask.choices.volumes > 1:
        raise _no_mask(f"{mask.choices.volumes} volumes", "export the one volume that holds the mask")
    first = mask.values[:1]
    if mask.values.shape[0] == 1:
        return mask, ()
    if all(np.array_equal(first[0], other) for other in mask.values[1:]):
        return replace(mask, values=first), ("The reference is a grey picture saved as colour.",)
    raise _no_mask("a colour picture", "export the mask as one grey channel")


def _check_shape(mask: Decoded, image: Decoded, found: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if found[1:] == expected[1:]:
        return
    raise InputProblem(
        "The reference does not fit the image",
        found=f"a reference of size {_size(mask)}",
        expected=f"the image's size {_size(image)} (in the files' own axes)",
        fix="upload the reference that was drawn on this image",
    )


def _size(decoded: Decoded) -> str:
    return " x ".join(str(n) for n in decoded.source_shape)


def _shown_shape(image: Decoded, geometry: Geometry) -> tuple[int, ...]:
    natural = dict(zip(image.natural_axes, image.values.shape[1:], strict=True))
    return (1, *(natural[axis] for axis in geometry.source_axes))


def _affine_note(own: Geometry, geometry: Geometry) -> tuple[str, ...]:
    """How far corresponding voxels lie apart, when that is more than the tolerance."""
    if own.affine_ras is None or geometry.affine_ras is None:
        return ()
    apart = float(np.abs(own.affine_ras - geometry.affine_ras).max())
    if apart <= AFFINE_TOLERANCE_MM:
        return ()
    return (
        f"The reference's position in the body differs from the image's by up to {apart:.4g} mm (tolerance "
        f"{AFFINE_TOLERANCE_MM:g} mm); voxels were matched by index, nothing was resampled.",
    )
