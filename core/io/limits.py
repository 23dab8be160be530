"""The one table of reading limits; everything in it is checked from headers, before anything is decoded."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from functools import lru_cache

from pydantic import Field, ValidationError

from core.config import Frozen
from core.errors import InputProblem, SettingsProblem
from core.mode import current_mode

MIB, GIB = 1 << 20, 1 << 30


class Limits(Frozen):
    """Largest input that is read. Sizes in bytes unless the name says otherwise.

    upload: all files of one upload together. voxels: one volume, all channels. pixels: one slice.
    inflated: everything that one upload unpacks to. ratio: unpacked per packed byte, looked at
    above `ratio_floor`. header: text or tags before the image data. pages: of a TIFF, frames of a
    DICOM object. rows, columns, field: of a table, the last in characters. memory, seconds: what
    decoding may use in a process of its own. Source of the numbers: measurements in the project's
    reliability notes.
    """

    upload: int = Field(default=200 * 10**6, gt=0)
    voxels: int = Field(default=512**3, gt=0)
    pixels: int = Field(default=64 * 10**6, gt=0)
    members: int = Field(default=5000, gt=0)
    inflated: int = Field(default=2 << 30, gt=0)
    ratio: float = Field(default=200.0, gt=0)
    ratio_floor: int = Field(default=MIB, ge=0)
    header: int = Field(default=MIB, gt=0)
    pages: int = Field(default=5000, gt=0)
    rows: int = Field(default=200_000, gt=0)
    columns: int = Field(default=200, gt=0)
    field: int = Field(default=10_000, gt=0)
    memory: int = Field(default=4 << 30, gt=0)
    seconds: float = Field(default=120.0, gt=0)


PUBLIC = Limits(
    upload=25 * 10**6, voxels=256**3, pixels=16 * 10**6, members=500, inflated=256 * MIB, pages=500,
    rows=20_000, memory=GIB, seconds=30.0,
)  # fmt: skip
"""Limits of a public server, where many strangers share one machine."""

VARIABLE = "SECOND_LOOK_LIMITS"
"""Environment variable with other limits, as JSON: {"upload": 500000000}."""


class LimitRow(Frozen):
    """One limit in words, for a page and the README."""

    key: str
    label: str
    value: str
    guards: str


@lru_cache(maxsize=8)
def _parsed(text: str, usual: Limits) -> Limits:
    try:
        changed = Limits.model_validate_json(text or "{}")
        return usual.model_copy(update={key: getattr(changed, key) for key in changed.model_fields_set})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or VARIABLE
        raise SettingsProblem(
            f"The limits in {VARIABLE} cannot be used",
            found=f"{where}: {first['msg']}",
            expected=f"JSON with any of {', '.join(Limits.model_fields)}",
            fix=f"correct {VARIABLE}, or remove it",
        ) from error


def limits_in_force() -> Limits:
    """The limits of this process: those of its mode, changed by an operator. Raises SettingsProblem."""
    return _parsed(os.environ.get(VARIABLE, ""), PUBLIC if current_mode().public else Limits())


def limit_rows(limits: Limits) -> tuple[LimitRow, ...]:
    """Every limit in words."""
    megabyte, million = 1e6, 1e6
    rows = (
        ("upload", "All files of one upload", f"{limits.upload / megabyte:.0f} MB", "memory of the server"),
        ("voxels", "Voxels of a volume, all channels", f"{limits.voxels / million:.0f} million", "memory"),
        ("pixels", "Pixels of one slice", f"{limits.pixels / million:.0f} million", "decompression bombs"),
        ("members", "Files of one upload or zip", f"{limits.members:,}", "endless archives"),
        ("inflated", "What one upload unpacks to", f"{limits.inflated / MIB:,.0f} MiB", "zip and gzip bombs"),
        ("ratio", "Unpacked per packed byte", f"{limits.ratio:.0f}, above {limits.ratio_floor / MIB:.0f} MiB",
         "zip and gzip bombs"),
        ("header", "Text before the image data", f"{limits.header / MIB:.0f} MiB", "endless headers"),
        ("pages", "Pages of a TIFF, frames of a DICOM object", f"{limits.pages:,}", "endless stacks"),
        ("rows", "Rows of a table", f"{limits.rows:,}", "memory"),
        ("columns", "Columns of a table", f"{limits.columns:,}", "memory"),
        ("field", "Characters of one field of a table", f"{limits.field:,}", "memory"),
        ("memory", "Memory of the process that decodes", f"{limits.memory / MIB:,.0f} MiB", "every decoder"),
        ("seconds", "Time of the process that decodes", f"{limits.seconds:g} s", "decoders that hang"),
    )  # fmt: skip
    return tuple(
        LimitRow(key=key, label=label, value=value, guards=guards) for key, label, value, guards in rows
    )


def check_upload(sizes: Sequence[int], limits: Limits, file: str = "") -> None:
    """Refuse an upload of nothing, of too many files, or of too many bytes."""
    if not sizes:
        raise InputProblem(
            "Nothing to read",
            found="no file",
            expected="one file or the files of one series",
            fix="choose a file",
            file=file,
        )
    if len(sizes) > limits.members:
        raise InputProblem(
            "Too many files",
            found=f"{len(sizes)} files",
            expected=f"at most {limits.members}",
            fix="upload one series at a time",
            file=file,
        )
    if sum(sizes) > limits.upload:
        raise InputProblem(
            "The upload is too large",
            found=f"{sum(sizes) / 1e6:.0f} MB",
            expected=f"at most {limits.upload / 1e6:.0f} MB",
            fix="upload one series or volume, compressed",
            file=file,
        )


def check_size(shape: Sequence[int], limits: Limits, *, slice_axes: tuple[int, int] | None = None) -> int:
    """Number of voxels of `shape`, or a refusal when an axis is empty or a limit is passed.

    slice_axes: the two axes that make one picture, checked against `limits.pixels`.
    """
    text = " x ".join(str(n) for n in shape)
    if any(n <= 0 for n in shape):
        raise InputProblem(
            "The image has no voxels",
            found=f"size {text}",
            expected="at least 1 along every axis",
            fix="export the image again",
        )
    # Python integers: a 32-bit product of such sizes wraps (CVE-2026-5443).
    voxels = math.prod(int(n) for n in shape)
    if slice_axes and math.prod(int(shape[axis]) for axis in slice_axes) > limits.pixels:
        raise InputProblem(
            "The picture is too large",
            found=f"size {text}",
            expected=f"at most {limits.pixels / 1e6:.0f} million pixels in one picture",
            fix="crop it or export it at a lower resolution",
        )
    if voxels > limits.voxels:
        raise InputProblem(
            "The image is too large",
            found=f"size {text} = {voxels / 1e6:,.0f} million voxels",
            expected=f"at most {limits.voxels / 1e6:.0f} million voxels",
            fix="crop it or export it at a lower resolution",
        )
    return voxels


def check_bytes(needed: int, found: int, what: str = "The file is cut off") -> None:
    """Refuse image data shorter than its own header declares."""
    if found < needed:
        raise InputProblem(
            what,
            found=f"{found:,} bytes of image data",
            expected=f"{needed:,} bytes, as the header declares",
            fix="copy or upload the file again",
        )
