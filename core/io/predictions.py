"""Predictions made elsewhere, laid over the image they belong to: masks, probability volumes, softmax arrays.

A NumPy array is ordered as nnU-Net writes it, ([class,] slice, row, column) in the file's own direction. It
is turned as the image was; nothing is resampled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.config import ReadOptions
from core.errors import InputProblem
from core.io.archive import is_npz
from core.io.boundary import at_boundary
from core.io.decoded import Array, Decoded
from core.io.limits import Limits, limits_in_force
from core.io.names import display_name
from core.io.npz import NPY, read_npy, read_npz
from core.io.orient import from_source, orient, source_affine
from core.io.reference import read_labels, read_mask
from core.io.upload import decode_upload
from core.types import Case, Float32Array, LabelArray, NamedBytes

KEYS = ("probabilities", "softmax", "probability", "prob", "mask", "labels", "arr_0")
"""Keys of a .npz that are looked for, in this order; an only array may be called anything."""

SUM_TOLERANCE = 0.01
"""How far probabilities of all classes may miss 1: half precision and 8 bits round to about 0.004."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """One sample of one case: a hard mask, or probabilities.

    labels: uint8 (slice, row, column), 0 = background; prob: float32 (class, slice, row, column) in [0, 1],
    foreground classes. Exactly one is there. notes: what was assumed.
    """

    classes: int
    labels: LabelArray | None = None
    prob: Float32Array | None = None
    notes: tuple[str, ...] = ()

    @property
    def hard(self) -> bool:
        """Whether it is a mask: every probability is 0 or 1."""
        return self.labels is not None

    def plane(self, index: int) -> Float32Array:
        """Probabilities (class, row, column) of one slice."""
        if self.labels is None:
            assert self.prob is not None
            plane: Float32Array = self.prob[:, index]
            return plane
        wanted = np.arange(1, self.classes + 1, dtype=np.uint8)[:, None, None]
        votes: Float32Array = (self.labels[index] == wanted).astype(np.float32)
        return votes

    def mask(self) -> LabelArray:
        """uint8 (slice, row, column): the likeliest class, background included."""
        if self.labels is not None:
            return self.labels
        assert self.prob is not None
        if self.classes == 1:
            single: LabelArray = (self.prob[0] > 0.5).astype(np.uint8)
            return single
        found = self.prob.max(axis=0) > 1.0 - self.prob.sum(axis=0)
        return np.where(found, self.prob.argmax(axis=0) + 1, 0).astype(np.uint8)


def read_prediction(
    files: Sequence[NamedBytes],
    case: Case,
    class_levels: tuple[int, ...],
    limits: Limits | None = None,
) -> Prediction:
    """One sample of `case` from one file, or from one picture per slice, in slice order.

    class_levels: mask value of class 1, 2, ... (numbers from 1 on are understood too); () for inside and
    outside only. Raises InputProblem where size, position or values do not fit.
    """
    limits = limits or limits_in_force()
    name = display_name(files[0].name)
    if len(files) > 1:
        parts = [_one(file, _slice_case(case, k), class_levels, limits) for k, file in enumerate(files)]
        return _joined(parts, name)
    return _one(files[0], case, class_levels, limits)


def _one(file: NamedBytes, case: Case, class_levels: tuple[int, ...], limits: Limits) -> Prediction:
    name = display_name(file.name)
    if file.data.startswith(NPY) or is_npz(file.data):
        return at_boundary(name, lambda: _from_array(_array(file.data, limits), case, class_levels))
    volumes = at_boundary(name, lambda: _volumes(file, limits))
    return at_boundary(name, lambda: _from_decoded(volumes, case, class_levels))


def _array(data: bytes, limits: Limits) -> Array:
    if data.startswith(NPY):
        return read_npy(data, limits)
    arrays: Mapping[str, Array] = read_npz(data, limits)
    key = next((each for each in KEYS if each in arrays), None)
    if key is None and len(arrays) == 1:
        (key,) = arrays
    if key is None:
        raise _refused(
            f"arrays {', '.join(sorted(arrays))[:80]}", f"one array, or one called {' or '.join(KEYS[:2])}"
        )
    return arrays[key]


def _volumes(file: NamedBytes, limits: Limits) -> list[Decoded]:
    """The file's volumes (the classes of a 4-D NIfTI), each as decoded."""
    first = decode_upload([file], ReadOptions(volume=0), limits)
    count = first.choices.volumes
    if count > 256:
        raise _refused(f"{count} volumes", "one volume, or one per class")
    return [first, *(decode_upload([file], ReadOptions(volume=k), limits) for k in range(1, count))]


def _from_decoded(volumes: Sequence[Decoded], case: Case, class_levels: tuple[int, ...]) -> Prediction:
    first = volumes[0]
    channels = first.values.shape[0]
    if channels > 1:
        if not all(np.array_equal(first.values[0], each) for each in first.values[1:]):
            raise _refused("a colour picture", "one grey channel")
        volumes = [replace(first, values=first.values[:1])]
    turned = np.stack([_laid_over(each, case) for each in volumes])
    reencoded = first.format in ("png", "jpeg", "tiff")
    return _judged(turned if len(volumes) > 1 else turned[0], class_levels, (), reencoded=reencoded)


def _laid_over(decoded: Decoded, case: Case) -> Array:
    """(slice, row, column) on the grid of the shown image; turned by its own header where both have one."""
    geometry = case.image.geometry
    plane = "axial" if geometry.plane == "unknown" else geometry.plane
    own = decoded.affine_ras
    if own is None or geometry.affine_ras is None:
        natural = source_affine(geometry)
        reverse = [2, 1, 0, 3] if case.format == "nifti" else [0, 1, 2, 3]
        borrowed = None if natural is None else natural[:, reverse]
        decoded = replace(decoded, affine_ras=borrowed)
    turned, place, _ = orient(decoded, plane)
    if turned.shape[1:] != case.image.values.shape[1:]:
        raise _size_differs(decoded.source_shape, case)
    if own is not None and geometry.affine_ras is not None and place.affine_ras is not None:
        apart = float(np.abs(place.affine_ras - geometry.affine_ras).max())
        spacing = max(geometry.spacing_mm or (1.0,))
        if apart > spacing / 2:
            raise _refused(
                f"a position in the body that is off by up to {apart:.3g} mm",
                "the image's own position and orientation",
                fix="export the prediction in the image's geometry",
            )
    values: Array = turned[0]
    return values


def _from_array(values: Array, case: Case, class_levels: tuple[int, ...]) -> Prediction:
    if values.dtype.kind not in "biuf":
        raise _refused(f"values of type {values.dtype}", "numbers")
    classed = values.ndim == 4 or (values.ndim == 3 and case.image.slices == 1 and values.shape[0] > 1)
    planes = values if classed else values[None]
    turned, notes = zip(*(_turned(each, case) for each in planes), strict=True)
    stacked = np.stack(turned)
    return _judged(stacked if classed else stacked[0], class_levels, notes[0], reencoded=True)


def _turned(array: Array, case: Case) -> tuple[Array, tuple[str, ...]]:
    """One volume (slice, row, column) of the file's own direction, turned as the image is shown."""
    source = case.image.geometry.source_shape
    kept = array[0] if array.ndim == len(source) + 1 and array.shape[0] == 1 else array
    if case.format == "nifti" and kept.shape == source[::-1]:
        return from_source(kept.T, case.image.geometry), ()
    if kept.shape == source:
        order = "column, row, slice" if case.format == "nifti" else ""
        note = (f"The array is ordered ({order}), as in the NIfTI file.",) if order else ()
        return from_source(kept, case.image.geometry), note
    if kept.shape == case.image.values.shape[1:] and case.image.geometry.affine_ras is None:
        return kept, ()
    raise _size_differs(array.shape, case)


def _judged(
    values: Array, class_levels: tuple[int, ...], notes: tuple[str, ...], *, reencoded: bool
) -> Prediction:
    """Mask or probabilities, told by number of axes, type and range."""
    classes = max(len(class_levels), 1)
    if values.ndim == 4:
        return _probabilities(values, classes, notes)
    fractions = values.dtype.kind == "f" and not np.all(values == np.rint(values))
    if fractions and classes == 1:
        return _probabilities(values[None], classes, notes)
    if not class_levels:
        inside, more = read_mask(values, reencoded=reencoded)
        return Prediction(1, labels=inside.astype(np.uint8), notes=(*notes, *_said(more)))
    present = {float(each) for each in np.unique(values)} - {0.0}
    plain = tuple(range(1, classes + 1))
    levels = class_levels if present <= set(class_levels) else plain
    labels, more = read_labels(values, levels)
    return Prediction(classes, labels=labels, notes=(*notes, *_said(more)))


def _probabilities(values: Array, classes: int, notes: tuple[str, ...]) -> Prediction:
    """(class, slice, row, column) with or without background; the background comes first and is left out."""
    prob = values.astype(np.float32)
    if not np.isfinite(prob).all() or prob.min() < -SUM_TOLERANCE or prob.max() > 1 + SUM_TOLERANCE:
        raise _refused(
            f"values from {float(np.nanmin(prob)):.3g} to {float(np.nanmax(prob)):.3g}",
            "probabilities from 0 to 1 (after softmax or sigmoid)",
        )
    total = prob.sum(axis=0)
    if len(prob) == classes + 1:
        off = float(np.abs(total - 1).max())
        if off > SUM_TOLERANCE:
            raise _refused(
                f"{len(prob)} classes whose probabilities miss the sum 1 by up to {off:.3g}",
                "background and foreground classes that sum to 1",
            )
        prob = prob[1:]
    elif len(prob) != classes or float(total.max()) > 1 + SUM_TOLERANCE:
        raise _refused(
            f"{len(prob)} probability maps", f"{classes} foreground classes, or {classes + 1} with background"
        )
    prob = np.clip(prob, 0.0, 1.0)
    prob.flags.writeable = False
    return Prediction(classes, prob=prob, notes=notes)


def _said(notes: Sequence[str]) -> tuple[str, ...]:
    return tuple(note.replace("reference", "prediction").replace("Reference", "Predicted") for note in notes)


def _slice_case(case: Case, index: int) -> Case:
    """The k-th slice as a picture of its own, to lay one picture over."""
    geometry = replace(
        case.image.geometry,
        affine_ras=None,
        source_shape=case.image.slice_shape,
        source_axes=(-1, 0, 1),
        source_flips=(False, False, False),
    )
    image = replace(case.image, values=case.image.values[:, index : index + 1], geometry=geometry)
    return replace(case, image=image, format="png")


def _joined(parts: Sequence[Prediction], name: str) -> Prediction:
    if len({part.hard for part in parts}) > 1:
        raise _refused("masks and probabilities mixed", "one kind for all slices", file=name)
    notes = tuple(dict.fromkeys(note for part in parts for note in part.notes))
    if parts[0].hard:
        labels = np.concatenate([part.mask() for part in parts])
        return Prediction(parts[0].classes, labels=labels, notes=notes)
    prob = np.stack([part.plane(0) for part in parts], axis=1)
    return Prediction(parts[0].classes, prob=prob, notes=notes)


def _size_differs(found: Sequence[int], case: Case) -> InputProblem:
    own = " x ".join(str(n) for n in case.image.geometry.source_shape)
    return _refused(
        f"size {' x '.join(str(n) for n in found)}",
        f"the image's size {own}",
        fix="export the prediction on the image's grid",
    )


def _refused(
    found: str, expected: str, fix: str = "export the prediction again", file: str = ""
) -> InputProblem:
    return InputProblem(
        "The prediction does not fit the case", found=found, expected=expected, fix=fix, file=file
    )
