"""PNG files checked from end to end before they are decoded: chunks, checksums, exact inflated size.

Decoders show missing rows as black and do not look at the checksum of the pixels (PNG specification,
3rd edition, https://www.w3.org/TR/png-3/, sections 5 and 10).
"""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass

from core.errors import InputProblem
from core.io.inflate import ZLIB, inflate
from core.io.limits import Limits, check_size

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY_ALPHA = 4
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_TEXT_CHUNKS = (b"tEXt", b"zTXt", b"iTXt", b"eXIf")


@dataclass(frozen=True)
class PngHeader:
    """What the file says of itself. colour: 0 grey, 2 RGB, 3 palette, 4 grey + alpha, 6 RGB + alpha."""

    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool
    has_text: bool
    trailing: int


def check_png(data: bytes, limits: Limits) -> PngHeader:
    """Header of a PNG whose every chunk, checksum and pixel row is present; refuses any other."""
    chunks, trailing = _chunks(data)
    if not chunks or chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13:
        raise _damaged("the first chunk is not a picture header", "a 13-byte IHDR chunk first")
    width, height, depth, colour, packing, filtering, interlace = struct.unpack(">2I5B", chunks[0][1])
    if depth not in _DEPTHS.get(colour, ()) or packing or filtering or interlace > 1:
        raise _damaged(f"colour type {colour} at {depth} bits", "a combination that the PNG standard allows")
    check_size((height, width), limits, slice_axes=(0, 1))
    has_text = any(kind in _TEXT_CHUNKS for kind, _ in chunks)
    header = PngHeader(width, height, depth, colour, interlace == 1, has_text, trailing)
    _check_pixels(b"".join(body for kind, body in chunks if kind == b"IDAT"), _inflated_size(header))
    return header


def _chunks(data: bytes) -> tuple[list[tuple[bytes, memoryview]], int]:
    """All chunks up to IEND with their checksums compared, and the number of bytes after it."""
    view, at = memoryview(data), len(SIGNATURE)
    found: list[tuple[bytes, memoryview]] = []
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        if at + 12 + length > len(data):
            break
        kind, body = bytes(view[at + 4 : at + 8]), view[at + 8 : at + 8 + length]
        if zlib.crc32(view[at + 4 : at + 8 + length]) != struct.unpack_from(">I", data, at + 8 + length)[0]:
            raise _damaged(f"a wrong checksum (CRC) in chunk {len(found) + 1}", "matching checksums")
        found.append((kind, body))
        at += 12 + length
        if kind == b"IEND":
            return found, len(data) - at
    raise InputProblem(
        "The PNG is cut off",
        found=f"{len(data):,} bytes without an end mark",
        expected="an IEND chunk at the end",
        fix="copy or upload the file again",
    )


def _inflated_size(header: PngHeader) -> int:
    bits = _CHANNELS[header.colour] * header.depth
    if not header.interlaced:
        return header.height * (1 + math.ceil(header.width * bits / 8))
    total = 0
    for left, top, step_x, step_y in _ADAM7:
        columns = math.ceil(max(header.width - left, 0) / step_x)
        rows = math.ceil(max(header.height - top, 0) / step_y)
        total += rows * (1 + math.ceil(columns * bits / 8)) if columns else 0
    return total


def _check_pixels(packed: bytes, expected: int) -> None:
    """Inflate without keeping, never past `expected` + 1 byte, and compare the size."""
    result = inflate(packed, ZLIB, expected, len)
    if result.size != expected or not result.finished:
        raise InputProblem(
            "The PNG does not hold exactly its pixels",
            found=result.reason or f"{result.size:,} bytes of pixel rows",
            expected=f"exactly {expected:,} bytes, as the header declares",
            fix="copy or export the file again",
        )


def _damaged(found: str, expected: str) -> InputProblem:
    return InputProblem(
        "The PNG is damaged", found=found, expected=expected, fix="copy or export the file again"
    )
