"""TIFF pictures and stacks: pages become slices.

Conventions: the file's own number type stays, white-is-zero is turned to black-is-zero, palettes become
colours, the orientation tag is applied. Pillow decodes; OpenCV only where Pillow would cut 16-bit colour to
8 bits.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from core.config import ReadOptions
from core.errors import InputProblem
from core.io.decoded import COLOUR, GREY, Array, Decoded
from core.io.limits import Limits, check_size
from core.io.pictures import TURN_NOTE, drop_alpha, load, to_planes

if TYPE_CHECKING:
    from PIL.Image import Image

_SIGNED, _FLOAT, _APART = 2, (3,), 2
_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _SAMPLES, _FORMAT, _DESCRIPTION = 256, 257, 258, 262, 277, 339, 270
_ORIENTATION, _PLANAR, _COMPRESSION = 274, 284, 259
_ALIKE = (_HEIGHT, _WIDTH, _BITS, _PHOTOMETRIC, _FORMAT, _SAMPLES, _ORIENTATION, _PLANAR)
_SWAPPED_MODES, _BIG_ENDIAN, _UNCOMPRESSED = ("I", "F"), b"MM", 1
_TEXT_TAGS = (269, 270, 285, 305, 306, 315, 316, 33432, 34665, 34853)


Header = dict[int, object]
"""Value of each tag of a page that is looked at, None where it is absent."""


def decode_tiff(data: bytes, options: ReadOptions, limits: Limits) -> Decoded:
    """A TIFF with one or more pages of equal size and type."""
    del options
    with _open(data, limits) as stack:
        headers = _page_headers(stack, limits)
        notes = _notes(headers, stack)
        deep = _is_deep_colour(headers[0])
        if deep and headers[0][_PLANAR] == _APART:
            raise _apart()
        packed = any(header[_COMPRESSION] != _UNCOMPRESSED for header in headers)
        if packed and data[:2] == _BIG_ENDIAN and stack.mode in _SWAPPED_MODES:
            raise _swapped()
        planes = _deep_pages(data, len(headers), notes) if deep else _pages(stack, notes)
    names = COLOUR if planes.shape[0] == 3 else GREY
    single = planes.shape[1] == 1
    return Decoded(
        values=planes,
        format="tiff",
        natural_axes=(-1, 0, 1) if single else (0, 1, 2),
        source_shape=planes.shape[2:] if single else planes.shape[1:],
        channel_names=names,
        original_dtype=planes.dtype.name,
        notes=tuple(dict.fromkeys(notes)),
    )


def _open(data: bytes, limits: Limits) -> Image:
    """The stack with the first page's header read and no pixel decoded."""
    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    try:
        return Pillow.open(io.BytesIO(data), formats=("TIFF",))
    except UnidentifiedImageError:
        raise _unreadable(data) from None
    except Pillow.DecompressionBombError:
        raise InputProblem(
            "The picture is too large",
            found="more pixels in the header than any picture may have",
            expected=f"at most {limits.pixels / 1e6:.0f} million pixels",
            fix="crop it or lower its resolution",
        ) from None


def _page_headers(stack: Image, limits: Limits) -> list[Header]:
    """The tags of every page; all equal but for the compression, sizes checked."""
    pages = getattr(stack, "n_frames", 1)
    if pages > limits.pages:
        raise InputProblem(
            "Too many pages",
            found=f"{pages} pages",
            expected=f"at most {limits.pages}",
            fix="split the stack",
        )
    headers: list[Header] = []
    for page in range(pages):
        stack.seek(page)
        tags = stack.tag_v2  # type: ignore[attr-defined]
        headers.append({key: tags.get(key) for key in (*_ALIKE, _COMPRESSION)})
    if any(header[key] != headers[0][key] for header in headers for key in _ALIKE):
        raise InputProblem(
            "The pages of the TIFF differ",
            found="pages of different size or type",
            expected="slices of one size and type",
            fix="export the slices alone, without previews",
        )
    check_size((pages, stack.height, stack.width), limits, slice_axes=(1, 2))
    return headers


def _notes(headers: list[Header], stack: Image) -> list[str]:
    notes = [f"The {len(headers)} pages are shown as {len(headers)} slices."] if len(headers) > 1 else []
    tags = stack.tag_v2  # type: ignore[attr-defined]
    if any(tag in tags for tag in _TEXT_TAGS):
        notes.append("Text inside the file was not read and is not kept.")
    if headers[0][_PHOTOMETRIC] == 0 and headers[0][_FORMAT] != _FLOAT:
        notes.append("The file counts white as zero; values were turned so that black is zero.")
    if headers[0][_ORIENTATION] in range(2, 9):
        notes.append(TURN_NOTE)
    return notes


def _is_deep_colour(header: Header) -> bool:
    bits = header[_BITS]
    return isinstance(bits, tuple) and len(bits) > 1 and max(bits) > 8


def _pages(stack: Image, notes: list[str]) -> Array:
    """(channel, slice, row, column) of every page, decoded by Pillow."""
    pages = []
    for page in range(getattr(stack, "n_frames", 1)):
        stack.seek(page)
        load(stack)
        planes, more = to_planes(stack)
        notes.extend(more)
        pages.append(_as_stored(planes, stack))
    return np.stack(pages, axis=1)


def _as_stored(planes: Array, page: Image) -> Array:
    """Undo what Pillow gets wrong: types that wrap or grow, deep white-is-zero left as it is."""
    tags = page.tag_v2  # type: ignore[attr-defined]
    bits, sample = tags.get(_BITS, (1,))[0], tags.get(_FORMAT, (1,))[0]
    if planes.dtype == np.int32 and bits == 32 and sample == 1:
        planes = planes.view(np.uint32)
    if sample == _SIGNED and bits == 8 and planes.dtype == np.uint8:
        planes = planes.view(np.int8)
    if sample == _SIGNED and bits == 16 and planes.dtype == np.int32:
        planes = planes.astype(np.int16)
    if tags.get(_PHOTOMETRIC) == 0 and bits > 8 and planes.dtype.kind == "u":
        return np.array(2**bits - 1, planes.dtype) - planes
    return planes


def _deep_pages(data: bytes, count: int, notes: list[str]) -> Array:
    """(channel, slice, row, column) of 16-bit colour pages, decoded by OpenCV."""
    import cv2

    done, pages = cv2.imdecodemulti(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if not done or len(pages) != count or any(page.dtype == np.uint8 or page.ndim != 3 for page in pages):
        raise InputProblem(
            "The 16-bit colour TIFF cannot be decoded",
            found="damaged or unusual pixel data",
            expected="pages of 16-bit RGB",
            fix="export it as 8-bit RGB or as 16-bit grey",
        )
    stack = np.moveaxis(np.stack(pages), 3, 0)
    if len(stack) == 4:
        stack = drop_alpha(stack, notes)
    return stack[::-1]


def _apart() -> InputProblem:
    """OpenCV leaves most of such a picture as whatever its memory held before."""
    return InputProblem(
        "This kind of TIFF is not read",
        found="16-bit colour whose red, green and blue are stored apart (planar configuration 2)",
        expected="16-bit colour stored pixel by pixel (planar configuration 1)",
        fix="export it that way, or as 8-bit colour",
    )


def _swapped() -> InputProblem:
    """Pillow turns the bytes of such numbers once too often, and 1.0 becomes 4.6e-41."""
    return InputProblem(
        "This kind of TIFF is not read",
        found="compressed signed or floating point pixels in big-endian byte order",
        expected="the same uncompressed, or in little-endian byte order",
        fix="export it without compression",
    )


def _unreadable(data: bytes) -> InputProblem:
    """Why Pillow does not know the file: damaged structure, or a sample layout it cannot decode."""
    if data.count(b"\xef\xbf\xbd") > 16:
        found, fix = "bytes replaced as if the file were text (UTF-8)", "download the original as binary"
    else:
        found, fix = (
            "a damaged directory or an unusual kind of pixel",
            "export it as 8-bit, 16-bit or float TIFF",
        )
    return InputProblem(
        "The TIFF cannot be read",
        found=found,
        expected="grey, palette or RGB pixels of 8 to 32 bits",
        fix=fix,
    )
