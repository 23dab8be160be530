"""The one table of reading limits; everything in it is checked from headers, before anything is decoded."""

from __future__ import annotations

import math
from collections.abc import Sequence

from core.config import Frozen
from core.errors import InputProblem

MIB = 1 << 20


class Limits(Frozen):
    """Largest input that is read. Sizes in bytes unless the name says otherwise.

    upload: all files of one upload together. voxels: one volume, all channels. pixels: one slice.
    inflated: everything that one upload unpacks to. ratio: unpacked per packed byte, looked at
    above `ratio_floor`. header: text or tags before the image data. pages: of a TIFF, frames of a
    DICOM object. Source of the numbers: measurements in the project's reliability notes.
    """

    upload: int = 200 * 10**6
    voxels: int = 512**3
    pixels: int = 64 * 10**6
    members: int = 5000
    inflated: int = 2 << 30
    ratio: float = 200.0
    ratio_floor: int = MIB
    header: int = MIB
    pages: int = 5000


DEFAULT_LIMITS = Limits()


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
