"""A packed npz: slices of many patients in four arrays, one case per patient.

image: uint8 or other numbers (slice, row, column) or (slice, row, column, channel). mask: (slice, row,
column), optional. patient: text per slice. slice: whole number per slice, optional.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np

from core.config import ReadOptions
from core.errors import InputProblem
from core.io.archive import is_npz
from core.io.decoded import COLOUR, GREY, Array, Decoded
from core.io.limits import Limits, check_size, limits_in_force
from core.io.names import display_name
from core.io.npz import read_npz
from core.io.reader import READER_VERSION, NamedMask, make_case
from core.types import Case, NamedBytes, PackedIndex

_SOURCE_KIND = "packed"


class Packed:
    """The arrays of a packed npz, checked against each other."""

    def __init__(self, file: NamedBytes, limits: Limits | None = None) -> None:
        """Raises InputProblem when a key is missing or lengths differ."""
        limits = limits or limits_in_force()
        self.name = display_name(file.name)
        arrays = _arrays(file, limits)
        self._image = arrays["image"]
        self._mask = arrays.get("mask")
        self.index = _index(arrays, self.name)
        slices = len(self.index.patient)
        if self._image.ndim not in (3, 4) or len(self._image) != slices:
            raise self._refused(
                f"image of shape {self._image.shape} beside {slices} patient names",
                "image (slice, row, column) or (slice, row, column, channel), one patient name per slice",
            )
        if self._image.ndim == 4 and self._image.shape[3] not in (1, 3):
            raise self._refused(f"{self._image.shape[3]} channels", "1 (grey) or 3 (colour) channels")
        if self._mask is not None and self._mask.shape != self._image.shape[:3]:
            raise self._refused(f"mask of shape {self._mask.shape}", f"shape {self._image.shape[:3]}")
        check_size(self._image.shape[1:3], limits, slice_axes=(0, 1))
        self._limits = limits

    def mask_of(self, patient: str) -> Array | None:
        """Mask values (slice, row, column) of one patient in slice order, None where there is none."""
        return None if self._mask is None else self._mask[self._places(patient)]

    def case(self, patient: str, group: str, class_levels: tuple[int, ...]) -> Case:
        """All slices of one patient as one case, in the order of their numbers."""
        places = self._places(patient)
        values = self._image[places]
        check_size(values.shape[:3], self._limits)
        mask = self.mask_of(patient)
        planes = values[None] if values.ndim == 3 else np.moveaxis(values, 3, 0)
        identity = [_SOURCE_KIND, _digest(values), None if mask is None else _digest(mask), READER_VERSION]
        drawn = None if mask is None else NamedMask("mask", _stack(mask[None]), class_levels)
        return make_case(display_name(patient), _stack(planes), drawn, ReadOptions(), identity, group)

    def _places(self, patient: str) -> list[int]:
        places = [place for place, name in enumerate(self.index.patient) if name == patient]
        return sorted(places, key=lambda place: self.index.slice[place])

    def _refused(self, found: str, expected: str) -> InputProblem:
        return _problem(self.name, found, expected)


def packed_index(file: NamedBytes, limits: Limits | None = None) -> PackedIndex:
    """Patients and slice numbers of a packed npz; raises InputProblem where it is none."""
    limits = limits or limits_in_force()
    return _index(_arrays(file, limits), display_name(file.name))


def _arrays(file: NamedBytes, limits: Limits) -> Mapping[str, Array]:
    name = display_name(file.name)
    if not is_npz(file.data):
        raise _problem(name, "no npz", "a .npz of arrays image, patient and, if there are, mask and slice")
    arrays = read_npz(file.data, limits)
    missing = [key for key in ("image", "patient") if key not in arrays]
    if missing:
        raise _problem(name, f"arrays {', '.join(sorted(arrays))[:80]}", "arrays image and patient")
    return arrays


def _index(arrays: Mapping[str, Array], name: str) -> PackedIndex:
    patient, number = arrays["patient"], arrays.get("slice")
    if patient.ndim != 1 or (number is not None and number.shape != patient.shape):
        raise _problem(
            name, f"patient of shape {patient.shape}", "one patient name and slice number per slice"
        )
    if number is not None and number.dtype.kind not in "iu":
        raise _problem(name, f"slice numbers of type {number.dtype}", "whole numbers")
    numbers = range(len(patient)) if number is None else number
    names = tuple(str(each) for each in patient)
    pairs = list(zip(names, (int(each) for each in numbers), strict=True))
    if len(set(pairs)) < len(pairs):
        raise _problem(name, "the same slice of a patient twice", "each slice of a patient once")
    return PackedIndex(names, tuple(each for _, each in pairs), "mask" in arrays)


def _stack(planes: Array) -> Decoded:
    """(channel, slice, row, column) as a stack of pages."""
    return Decoded(
        values=planes,
        format="tiff",
        natural_axes=(0, 1, 2),
        source_shape=planes.shape[1:],
        channel_names=COLOUR if len(planes) == 3 else GREY,
        original_dtype=planes.dtype.name,
    )


def _digest(values: Array) -> str:
    found = hashlib.sha256(f"{values.dtype.str} {values.shape}".encode())
    found.update(np.ascontiguousarray(values).data)
    return found.hexdigest()


def _problem(name: str, found: str, expected: str) -> InputProblem:
    return InputProblem(
        "Not a packed set of slices", found=found, expected=expected, fix="pack the slices again", file=name
    )
