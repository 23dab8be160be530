"""PNG and JPEG pictures to channels, by one written set of conventions.

Palettes are resolved to colours, 1-bit becomes 0/255, 16 bits stay 16 bits, alpha is dropped (the pixels
below it are kept), CMYK becomes RGB, the EXIF turn of a JPEG is applied. Libraries differ on each of these.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from core.config import ReadOptions
from core.errors import InputProblem
from core.io.decoded import COLOUR, GREY, Array, Decoded, Format
from core.io.limits import Limits, check_size
from core.io.png import GREY_ALPHA, check_png

if TYPE_CHECKING:
    from PIL.Image import Image

_NOT_KEPT = "Text or camera data inside the file was not read and is not kept."
TURN_NOTE = "The file's EXIF orientation tag was applied: everything shown and written is upright."
_EXIF_ORIENTATION = 0x0112


def decode_png(data: bytes, options: ReadOptions, limits: Limits) -> Decoded:
    """A PNG picture; see `check_png` for what is refused."""
    del options
    header = check_png(data, limits)
    notes = [_NOT_KEPT] if header.has_text else []
    if header.trailing:
        notes.append(f"{header.trailing} bytes after the end of the picture were ignored.")
    if header.depth == 16 and header.colour != 0:
        planes, more = deep_colour(data)
        # Grey with alpha comes as three equal colours and alpha.
        planes = planes[:1] if header.colour == GREY_ALPHA else planes
    else:
        with _open(data, limits, "PNG") as picture:
            load(picture)
            planes, more = to_planes(picture)
    return as_picture(planes, "png", [*notes, *more])


def decode_jpeg(data: bytes, options: ReadOptions, limits: Limits) -> Decoded:
    """A JPEG picture, upright."""
    del options
    from PIL import ImageOps

    with _open(data, limits, "JPEG") as picture:
        exif = picture.getexif()
        turned = exif.get(_EXIF_ORIENTATION, 1) in range(2, 9)
        notes = (
            [_NOT_KEPT] if any(tag != _EXIF_ORIENTATION for tag in exif) or "comment" in picture.info else []
        )
        load(picture)
        planes, more = to_planes(ImageOps.exif_transpose(picture) if turned else picture)
    return as_picture(planes, "jpeg", [*notes, *([TURN_NOTE] if turned else []), *more])


def _open(data: bytes, limits: Limits, kind: str) -> Image:
    """The picture with its header read and its size checked, no pixel decoded yet."""
    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    try:
        picture = Pillow.open(io.BytesIO(data), formats=(kind,))
    except UnidentifiedImageError:
        raise InputProblem(
            f"The {kind} is damaged",
            found="a header that cannot be read",
            expected=f"a valid {kind}",
            fix="copy or export the file again",
        ) from None
    except Pillow.DecompressionBombError:
        raise _too_large(limits) from None
    check_size((picture.height, picture.width), limits, slice_axes=(0, 1))
    return picture


def _too_large(limits: Limits) -> InputProblem:
    return InputProblem(
        "The picture is too large",
        found="more pixels in the header than any picture may have",
        expected=f"at most {limits.pixels / 1e6:.0f} million pixels",
        fix="crop it or export it at a lower resolution",
    )


def load(picture: Image) -> None:
    """Decode the current page; a cut or damaged one is refused, never shown part black or grey."""
    try:
        picture.load()
    except (OSError, SyntaxError, ValueError, EOFError):
        raise InputProblem(
            "The picture is cut off (truncated) or damaged",
            found="pixel data that ends early or does not decode",
            expected="complete pixel data",
            fix="copy or export the file again",
        ) from None


def to_planes(picture: Image) -> tuple[Array, list[str]]:
    """Pixels (channel, row, column) of a Pillow picture, and notes; see the module for the conventions."""
    mode = picture.mode
    if mode in ("P", "PA"):
        return _split(picture.convert("RGBA"), ["Palette colours were resolved to red, green and blue."])
    if mode in ("CMYK", "YCbCr", "LAB"):
        return _split(picture.convert("RGB"), [f"{mode} colours were converted to red, green and blue."])
    if mode == "1":
        return np.asarray(picture, np.uint8)[None] * np.uint8(255), ["1-bit pixels became 0 and 255."]
    return _split(picture, [])


def _split(picture: Image, notes: list[str]) -> tuple[Array, list[str]]:
    pixels = np.asarray(picture)
    if pixels.ndim == 2:
        return pixels[None], notes
    planes, alpha = np.moveaxis(pixels, 2, 0), picture.mode[-1] in "Aa"
    return (drop_alpha(planes, notes) if alpha else planes), notes


def drop_alpha(planes: Array, notes: list[str]) -> Array:
    """`planes` without the last one; a note is appended where it was not fully opaque."""
    opaque = np.iinfo(planes.dtype).max
    if planes[-1].min() != opaque:
        notes.append("Transparency (alpha) was dropped; the pixel values below it are kept as they are.")
    return planes[:-1]


def deep_colour(data: bytes) -> tuple[Array, list[str]]:
    """16-bit colour pixels (channel, row, column), which Pillow would cut to 8 bits."""
    import cv2

    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16:
        raise InputProblem(
            "The 16-bit picture cannot be decoded",
            found="damaged or unusual pixel data",
            expected="16-bit pixels",
            fix="export it as 8-bit or as 16-bit grey",
        )
    planes = np.moveaxis(np.atleast_3d(pixels), 2, 0)
    notes: list[str] = []
    if len(planes) in (2, 4):
        planes = drop_alpha(planes, notes)
    return planes[::-1], notes


def as_picture(planes: Array, file_format: Format, notes: list[str]) -> Decoded:
    """One picture (channel, row, column) as a record with one slice."""
    names = COLOUR if len(planes) == 3 else GREY
    if len(planes) not in (1, 3):
        raise InputProblem(
            "Unexpected number of channels",
            found=f"{len(planes)} channels",
            expected="1 (grey) or 3 (colour)",
            fix="export the picture as grey or RGB",
        )
    return Decoded(
        values=planes[:, None],
        format=file_format,
        natural_axes=(-1, 0, 1),
        source_shape=planes.shape[1:],
        channel_names=names,
        original_dtype=planes.dtype.name,
        notes=tuple(notes),
    )
