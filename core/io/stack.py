"""Several files to one case: pictures of one patient to a volume, sequences to channels, a picture to the
grid that its mask was drawn on.

Masks are never resampled. The one thing that is, and only where a plan asks for it, is a picture whose mask
and predictions were made on another grid; the case says so in a note.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from core.config import ReadOptions
from core.errors import InputProblem
from core.io.boundary import at_boundary
from core.io.decoded import Array, Decoded
from core.io.limits import Limits, check_size, limits_in_force
from core.io.names import display_name
from core.io.reader import READER_VERSION, NamedMask, make_case
from core.io.reference import AFFINE_TOLERANCE_MM
from core.io.upload import decode_upload
from core.types import Case, NamedBytes

_OPTIONS = ReadOptions()


def read_stack(
    name: str,
    images: Sequence[NamedBytes],
    references: Sequence[NamedBytes],
    *,
    group: str,
    class_levels: tuple[int, ...] | None = None,
    limits: Limits | None = None,
) -> Case:
    """One volume whose k-th slice is the k-th picture; the sizes must agree, nothing is resampled.

    references: as many as images, or none.
    """
    limits = limits or limits_in_force()
    if references and len(references) != len(images):
        raise _refused(name, f"{len(images)} pictures and {len(references)} masks", "a mask for each picture")
    image = _pages(name, images, limits)
    mask = _mask(name, references, class_levels, limits) if references else None
    identity = ["stack", _shas(images), _shas(references), READER_VERSION]
    return make_case(display_name(name), image, mask, _OPTIONS, identity, group)


def read_channels(
    name: str,
    images: Sequence[NamedBytes],
    channel_names: Sequence[str],
    references: Sequence[NamedBytes],
    *,
    group: str,
    class_levels: tuple[int, ...] | None = None,
    limits: Limits | None = None,
) -> Case:
    """One case whose k-th channel is the k-th file; sizes and positions in the body must agree."""
    limits = limits or limits_in_force()
    parts = [_decode(file, limits) for file in images]
    first = parts[0]
    for file, part in zip(images, parts, strict=True):
        if part.values.shape[0] != 1 and len(parts) > 1:
            raise _refused(file.name, f"{part.values.shape[0]} channels in one file", "one channel per file")
        if part.values.shape[1:] != first.values.shape[1:]:
            raise _refused(
                file.name, f"size {_size(part)}", f"the size of the first sequence, {_size(first)}"
            )
        if not _same_place(part, first):
            raise _refused(
                file.name,
                "another position in the body than the first sequence",
                f"positions that agree within {AFFINE_TOLERANCE_MM:g} mm (coregistered sequences)",
            )
    check_size((len(parts), *first.values.shape[1:]), limits)
    image = first
    if len(parts) > 1:
        values = np.concatenate([part.values.astype(np.float32, copy=False) for part in parts])
        notes = tuple(dict.fromkeys(note for part in parts for note in part.notes))
        image = replace(first, values=values, channel_names=tuple(channel_names), notes=notes)
    mask = None
    if references:
        reference = references[0]
        mask = NamedMask(display_name(reference.name), _decode(reference, limits), class_levels)
    identity = ["channels", _shas(images), _shas(references), list(channel_names), READER_VERSION]
    return make_case(display_name(name), image, mask, _OPTIONS, identity, group)


def read_fitted(
    name: str,
    image: NamedBytes,
    reference: NamedBytes,
    *,
    group: str,
    class_levels: tuple[int, ...] | None = None,
    limits: Limits | None = None,
) -> Case:
    """A picture resampled to the size of its mask where they differ; the mask stays as it is."""
    limits = limits or limits_in_force()
    picture, mask = _decode(image, limits), _decode(reference, limits)
    wanted = mask.values.shape[2:]
    if picture.values.shape[1] != 1 or mask.values.shape[1] != 1:
        raise _refused(name, "a volume", "a single picture with a mask of its own size")
    if picture.values.shape[2:] != wanted:
        picture = _resampled(picture, (int(wanted[0]), int(wanted[1])))
    identity = ["fitted", _shas([image]), _shas([reference]), READER_VERSION]
    named = NamedMask(display_name(reference.name), mask, class_levels)
    return make_case(display_name(name), picture, named, _OPTIONS, identity, group)


def _resampled(picture: Decoded, size: tuple[int, int]) -> Decoded:
    """Linear interpolation between pixels, averaging where it shrinks (Pillow's BILINEAR)."""
    from PIL import Image

    planes = [
        np.asarray(
            Image.fromarray(plane.astype(np.float32)).resize((size[1], size[0]), Image.Resampling.BILINEAR)
        )
        for plane in picture.values[:, 0]
    ]
    new = f"{size[0]} x {size[1]}"
    note = f"The picture was resampled from {_size(picture)} to {new} pixels, the size of its mask."
    return replace(picture, values=np.stack(planes)[:, None], source_shape=size, notes=(*picture.notes, note))


def _mask(
    name: str, references: Sequence[NamedBytes], class_levels: tuple[int, ...] | None, limits: Limits
) -> NamedMask:
    return NamedMask(display_name(references[0].name), _pages(name, references, limits), class_levels)


def _pages(name: str, files: Sequence[NamedBytes], limits: Limits) -> Decoded:
    """Pictures of equal size, channels and number type as the pages of one stack."""
    parts = [_decode(file, limits) for file in files]
    first = parts[0]
    for file, part in zip(files, parts, strict=True):
        if part.values.shape != first.values.shape or part.values.shape[1] != 1:
            raise _refused(
                file.name, f"size {_shape(part.values)}", f"the size of the first, {_shape(first.values)}"
            )
        if part.values.dtype != first.values.dtype:
            raise _refused(file.name, f"values of type {part.original_dtype}", f"{first.original_dtype}")
    check_size((first.values.shape[0], len(parts), *first.values.shape[2:]), limits, slice_axes=(2, 3))
    values = np.concatenate([part.values for part in parts], axis=1)
    return replace(
        first,
        values=values,
        format="tiff",
        natural_axes=(0, 1, 2),
        source_shape=values.shape[1:],
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
    )


def _decode(file: NamedBytes, limits: Limits) -> Decoded:
    return at_boundary(display_name(file.name), lambda: decode_upload([file], _OPTIONS, limits))


def _same_place(part: Decoded, first: Decoded) -> bool:
    if part.affine_ras is None or first.affine_ras is None:
        return (part.affine_ras is None) == (first.affine_ras is None)
    return bool(np.allclose(part.affine_ras, first.affine_ras, rtol=0, atol=AFFINE_TOLERANCE_MM))


def _shas(files: Sequence[NamedBytes]) -> list[str]:
    return [hashlib.sha256(file.data).hexdigest() for file in files]


def _size(decoded: Decoded) -> str:
    return " x ".join(str(n) for n in decoded.source_shape)


def _shape(values: Array) -> str:
    channels, _, rows, columns = values.shape
    return f"{rows} x {columns}, {channels} channel(s)"


def _refused(name: str, found: str, expected: str) -> InputProblem:
    return InputProblem(
        "The files do not make one case",
        found=found,
        expected=expected,
        fix="correct or leave out that file",
        file=display_name(name),
    )
