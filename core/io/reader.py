"""Files in, one Case out: decoded at the boundary, turned for display, checked, read-only."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.config import ReadOptions, digest
from core.errors import InputProblem
from core.io.boundary import at_boundary
from core.io.decoded import Array, Choices, Decoded
from core.io.limits import Limits, check_upload, limits_in_force
from core.io.names import display_name
from core.io.orient import orient, orientation_note
from core.io.reference import fit_reference
from core.io.upload import decode_upload
from core.types import Case, Float32Array, Image, NamedBytes, Reference

READER_VERSION = 2
"""Part of every case id: raised when the same bytes are read to other values."""

_EXACT_IN_FLOAT32 = 2**24


@dataclass(frozen=True, eq=False)
class Opened:
    """A case with what only the reader knows: choices, technical tags, digests of the input files."""

    case: Case
    choices: Choices
    tags: tuple[tuple[str, str], ...]
    input_sha256: tuple[str, ...]


def read_case(
    files: Sequence[NamedBytes],
    options: ReadOptions = ReadOptions(),  # noqa: B008 - frozen
    reference: Sequence[NamedBytes] = (),
    limits: Limits | None = None,
    *,
    group: str | None = None,
    class_levels: tuple[int, ...] | None = None,
) -> Case:
    """The study in `files`: one file, one zip, or all files of one DICOM series.

    reference: a mask on the same grid, in any of the same formats; class_levels: its values for class 1, 2,
    ..., see `fit_reference`. Same bytes and options, same case id and arrays. Raises InputProblem, never
    anything else, for what cannot be read.
    """
    limits = limits or limits_in_force()
    case = _open(files, options, reference, limits, class_levels).case
    return case if group is None else replace(case, group=group)


def open_case(
    files: Sequence[NamedBytes],
    options: ReadOptions = ReadOptions(),  # noqa: B008 - frozen
    reference: Sequence[NamedBytes] = (),
    limits: Limits | None = None,
) -> Opened:
    """`read_case` with the choices, tags and digests that an inspection shows."""
    limits = limits or limits_in_force()
    return _open(files, options, reference, limits, None)


def _open(
    files: Sequence[NamedBytes],
    options: ReadOptions,
    reference: Sequence[NamedBytes],
    limits: Limits,
    class_levels: tuple[int, ...] | None,
) -> Opened:
    name = display_name(files[0].name) if files else ""
    check_upload([len(file.data) for file in (*files, *reference)] if files else [], limits, name)
    decoded = at_boundary(name, lambda: decode_upload(files, options, limits))
    shas = tuple(sorted(_sha256(file) for file in files))
    identity = [shas, sorted(_sha256(file) for file in reference), options, READER_VERSION]
    mask = None
    if reference:
        mask_name = display_name(reference[0].name)
        drawn = at_boundary(mask_name, lambda: decode_upload(reference, ReadOptions(), limits))
        mask = NamedMask(mask_name, drawn, class_levels)
    return Opened(make_case(name, decoded, mask, options, identity), decoded.choices, decoded.tags, shas)


@dataclass(frozen=True, eq=False)
class NamedMask:
    """A decoded reference and the (clean) name of its file; class_levels: see `fit_reference`."""

    name: str
    decoded: Decoded
    class_levels: tuple[int, ...] | None = None


def make_case(
    name: str,
    decoded: Decoded,
    mask: NamedMask | None,
    options: ReadOptions,
    identity: Sequence[object],
    group: str | None = None,
) -> Case:
    """A case from what was decoded, turned for display, checked and read-only.

    identity: what the case id is the digest of: digests of all bytes and how they were read.
    """
    told = () if mask is None or mask.class_levels is None else (mask.class_levels,)
    case_id = digest([*identity, *told])
    image, notes = at_boundary(name, lambda: _image(decoded, options, name))
    mask_ref, more = _reference(decoded, image, mask)
    return Case(
        id=case_id,
        name=_case_name(name, decoded, case_id),
        image=image,
        reference=mask_ref,
        format=decoded.format,
        options=options,
        group=group,
        notes=tuple(dict.fromkeys((*decoded.notes, *notes, *more))),
    )


def _sha256(file: NamedBytes) -> str:
    return hashlib.sha256(file.data).hexdigest()


def _case_name(name: str, decoded: Decoded, case_id: str) -> str:
    """The upload's name; for DICOM a neutral one, since archives name files after patients."""
    if decoded.format != "dicom":
        return name
    return f"DICOM {decoded.modality or 'image'} {case_id[:8]}"


def _image(decoded: Decoded, options: ReadOptions, name: str) -> tuple[Image, tuple[str, ...]]:
    turned, geometry, notes = orient(decoded, options.plane)
    values, value_range, more = _finite(turned, name)
    image = Image(
        values=values,
        geometry=geometry,
        channel_names=decoded.channel_names,
        modality=decoded.modality,
        original_dtype=decoded.original_dtype,
        original_range=value_range,
    )
    return image, (*orientation_note(decoded, options), *notes, *more, *_content_notes(values, value_range))


def _finite(turned: Array, name: str) -> tuple[Float32Array, tuple[float, float], tuple[str, ...]]:
    """Read-only float32 copy in display order, range of its finite values, notes; NaN becomes background."""
    with np.errstate(over="ignore"):
        values = np.array(turned, np.float32, order="C", copy=True)
    good = np.isfinite(values)
    bad = values.size - int(np.count_nonzero(good))
    if bad == values.size:
        raise InputProblem(
            "The image holds no number",
            found="no finite voxel",
            expected="at least one finite voxel",
            fix="export the image again",
            file=name,
        )
    low, high = float(values.min(where=good, initial=np.inf)), float(values.max(where=good, initial=-np.inf))
    notes: list[str] = []
    if bad:
        fill = 0.0 if low <= 0 <= high else low
        values[~good] = fill
        notes.append(f"{bad} voxels are not a number (NaN or infinite); they count as background ({fill:g}).")
    if turned.dtype.kind in "iu" and max(abs(low), abs(high)) > _EXACT_IN_FLOAT32:
        notes.append("Values above 16,777,216 are rounded to 32-bit floating point.")
    values.flags.writeable = False
    return values, (low, high), tuple(notes)


def _content_notes(values: Float32Array, value_range: tuple[float, float]) -> tuple[str, ...]:
    """What the user should know about the content before trusting any result on it."""
    notes = []
    if value_range[0] == value_range[1]:
        notes.append(f"Every voxel has the same value ({value_range[0]:g}): there is nothing to see.")
    elif values.shape[0] == 3:
        notes.extend(_equal_channels(values))
    if min(values.shape[2:]) < 8:
        notes.append(f"The slices are very small or thin ({values.shape[2]} x {values.shape[3]} pixels).")
    return tuple(notes)


def _equal_channels(values: Float32Array) -> list[str]:
    pairs = {
        "red and green": np.array_equal(values[0], values[1]),
        "green and blue": np.array_equal(values[1], values[2]),
        "red and blue": np.array_equal(values[0], values[2]),
    }
    if all(pairs.values()):
        return ["All three channels are equal: a grey picture saved as colour."]
    return [
        f"The channels {names} are equal: one sequence may stand in for a missing one."
        for names, same in pairs.items()
        if same
    ]


def _reference(
    decoded: Decoded, image: Image, mask: NamedMask | None
) -> tuple[Reference | None, tuple[str, ...]]:
    """The reference mask on the image's grid; its own file is named in refusals.

    Beside DICOM its name is not kept, as for the case itself.
    """
    if mask is None:
        return None, ()
    kept_name = "reference mask" if decoded.format == "dicom" else mask.name
    fitted, notes = at_boundary(
        mask.name, lambda: fit_reference(mask.decoded, decoded, image.geometry, mask.name, mask.class_levels)
    )
    return replace(fitted, name=kept_name), (
        *(f"Reference: {note}" for note in mask.decoded.notes if "orientation unknown" not in note),
        *notes,
    )
