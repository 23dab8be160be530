"""PNG, TIFF and JPEG of any size, depth, colour and packing give the values that the conventions say."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tifffile
from hypothesis import event, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from io_files import opened, saved
from PIL import Image

from core.errors import InputProblem
from core.types import Case

GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
SAMPLES = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGB_ALPHA: 4}
DEPTHS = {
    GREY: (1, 2, 4, 8, 16), RGB: (8, 16), PALETTE: (1, 2, 4, 8), GREY_ALPHA: (8, 16), RGB_ALPHA: (8, 16),
}  # fmt: skip
ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
"""(first row, first column, step of rows, step of columns) of each pass; PNG specification, section 8.2."""
SIDES = st.integers(1, 20)


@dataclass(frozen=True, eq=False)
class Png:
    """A PNG as a test wants it. pixels: (row, column, sample), whole numbers below 2 ** depth."""

    pixels: np.ndarray
    depth: int
    colour: int
    interlaced: bool
    filters: bytes
    palette: np.ndarray

    def bytes(self) -> bytes:
        """The file, written by the specification and by no library."""
        rows, columns = self.pixels.shape[:2]
        header = struct.pack(">2I5B", columns, rows, self.depth, self.colour, 0, 0, int(self.interlaced))
        passes = ADAM7 if self.interlaced else ((0, 0, 1, 1),)
        raw = b"".join(self._rows(self.pixels[top::down, left::right]) for top, left, down, right in passes)
        palette = _chunk(b"PLTE", self.palette.tobytes()) if self.colour == PALETTE else b""
        body = _chunk(b"IDAT", zlib.compress(raw))
        return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + palette + body + _chunk(b"IEND", b"")

    def _rows(self, pixels: np.ndarray) -> bytes:
        if not pixels.size:
            return b""
        step, before, out = max(1, SAMPLES[self.colour] * self.depth // 8), None, bytearray()
        for index, row in enumerate(pixels):
            packed = _packed(row.ravel(), self.depth)
            kind = self.filters[index % len(self.filters)] % 3
            above = np.zeros_like(packed) if before is None else before
            left = np.concatenate([np.zeros(step, np.uint8), packed[:-step]])[: len(packed)]
            out += bytes([kind]) + (packed - (0, left, above)[kind]).astype(np.uint8).tobytes()
            before = packed
        return bytes(out)

    def expected(self) -> np.ndarray:
        """(channel, row, column) by the conventions of core.io.pictures."""
        if self.colour == PALETTE:
            return np.moveaxis(self.palette[self.pixels[..., 0]], 2, 0)
        if self.colour == GREY and self.depth < 8:
            return self.pixels[None, ..., 0] * (255 // (2**self.depth - 1))
        kept = 3 if self.colour in (RGB, RGB_ALPHA) else 1
        return np.moveaxis(self.pixels[..., :kept], 2, 0)


def _packed(values: np.ndarray, depth: int) -> np.ndarray:
    """Bytes of one row of samples, the first one in the high bits."""
    if depth == 16:
        return np.frombuffer(values.astype(">u2").tobytes(), np.uint8)
    if depth == 8:
        return values.astype(np.uint8)
    bits = (values[:, None] >> np.arange(depth - 1, -1, -1)) & 1
    return np.packbits(bits.astype(np.uint8))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@st.composite
def pngs(draw: st.DrawFn) -> Png:
    """Any combination of colour type, depth, interlacing and filters that the specification allows."""
    colour = draw(st.sampled_from(tuple(DEPTHS)))
    depth = draw(st.sampled_from(DEPTHS[colour]))
    shape = (draw(SIDES), draw(SIDES), SAMPLES[colour])
    pixels = draw(arrays.arrays(np.int64, shape, elements=st.integers(0, 2**depth - 1)))
    palette = draw(arrays.arrays(np.uint8, (2**depth, 3))) if colour == PALETTE else np.zeros((0, 3))
    return Png(pixels, depth, colour, draw(st.booleans()), draw(st.binary(min_size=1, max_size=4)), palette)


def planes(case: Case) -> np.ndarray:
    """(channel, row, column) of a picture of one slice."""
    assert case.image.values.shape[1] == 1
    return case.image.values[:, 0]


@given(made=pngs())
def test_png_of_any_colour_depth_and_packing_keeps_its_values(made: Png) -> None:
    case = opened(made.bytes())
    expected = made.expected()
    event(f"colour {made.colour}, {made.depth} bits")
    assert case.image.original_dtype == ("uint16" if made.depth == 16 else "uint8")
    assert case.image.channel_names == (("red", "green", "blue") if len(expected) == 3 else ("intensity",))
    assert np.array_equal(planes(case), expected.astype(np.float32))


@given(made=pngs(), at=st.integers(0, 10**6), mask=st.integers(1, 255))
def test_png_with_any_changed_byte_is_refused_or_shows_the_same_pixels(made: Png, at: int, mask: int) -> None:
    data = bytearray(made.bytes())
    data[at % len(data)] ^= mask
    try:
        case = opened(bytes(data))
    except InputProblem:
        event("refused")
        return
    event("read")
    assert np.array_equal(planes(case), made.expected().astype(np.float32))


@given(made=pngs(), share=st.floats(0, 1, exclude_max=True))
def test_png_cut_anywhere_is_refused(made: Png, share: float) -> None:
    data = made.bytes()
    with np.testing.assert_raises(InputProblem):
        opened(data[: int(len(data) * share)])


READ = {"<": ("u1", "u2", "u4", "i1", "i2", "i4", "f4"), ">": ("u1", "u2", "i1", "i2", "i4", "f4")}
"""Number types of grey pixels by byte order; Pillow knows no big-endian u4."""
SWAPPED = ("i2", "i4", "f4")
"""Those that Pillow turns twice where they are compressed and big-endian, and which are refused there."""
WHITE = {"<": ("u1", "u2"), ">": ("u1",)}
NOT_READ = ("f2", "f8", "u8", "i8")


@st.composite
def stacks(draw: st.DrawFn) -> np.ndarray:
    """(page, row, column) or (page, row, column, 3) of any number type."""
    colour = draw(st.booleans())
    kinds = ("u1", "u2") if colour else (*READ["<"], *NOT_READ)
    dtype = np.dtype(draw(st.sampled_from(kinds)))
    shape = (draw(st.integers(1, 3)), draw(SIDES), draw(SIDES), *([3] if colour else []))
    limits: dict[str, Any] = {"allow_nan": False, "allow_infinity": False} if dtype.kind == "f" else {}
    if dtype.str[1:] == "f8":
        limits |= {"min_value": -1e30, "max_value": 1e30}
    return draw(arrays.arrays(dtype, shape, elements=arrays.from_dtype(dtype, **limits)))


def tiff(pages: np.ndarray, **how: Any) -> bytes:
    out = io.BytesIO()
    with tifffile.TiffWriter(out, byteorder=how.pop("byteorder")) as writer:
        for page in pages:
            writer.write(page, contiguous=False, metadata=None, **how)
    return out.getvalue()


@given(
    pages=stacks(),
    white=st.booleans(),
    byteorder=st.sampled_from("<>"),
    compression=st.sampled_from((None, "zlib")),
    layout=st.one_of(
        st.integers(1, 20).map(lambda rows: {"rowsperstrip": rows}), st.just({"tile": (16, 32)})
    ),
    apart=st.booleans(),
)
def test_tiff_keeps_its_values_and_type_or_is_refused_where_it_is_not_read(
    pages: np.ndarray,
    white: bool,
    byteorder: str,
    compression: str | None,
    layout: dict[str, Any],
    apart: bool,
) -> None:
    colour = pages.ndim == 4
    white, apart = white and not colour and pages.dtype.kind == "u", apart and colour
    how: dict[str, Any] = {"photometric": "rgb" if colour else "miniswhite" if white else "minisblack"}
    if apart:
        how["planarconfig"] = "separate"
    stored = np.moveaxis(pages, 3, 1) if apart else pages
    data = tiff(stored, byteorder=byteorder, compression=compression, **layout, **how)
    kind = pages.dtype.str[1:]
    swapped = compression is not None and byteorder == ">" and kind in SWAPPED
    readable = kind in (WHITE if white else READ)[byteorder] and not (apart and kind == "u2") and not swapped
    event(f"{kind}{' white' * white}{' colour' * colour}{' apart' * apart}: {readable}")
    if not readable:
        with np.testing.assert_raises(InputProblem):
            opened(data)
        return
    image = opened(data).image
    expected = np.moveaxis(pages, 3, 0) if colour else pages[None]
    top = np.iinfo(pages.dtype).max if white else 0
    assert np.array_equal(image.values, (top - expected if white else expected).astype(np.float32))
    assert image.original_dtype == pages.dtype.name


@given(
    pixels=st.tuples(SIDES, SIDES).flatmap(lambda shape: arrays.arrays(np.bool_, shape)),
    compression=st.sampled_from((None, "tiff_lzw", "tiff_deflate", "group4", "packbits")),
)
def test_one_bit_tiff_becomes_0_and_255(pixels: np.ndarray, compression: str | None) -> None:
    data = saved(Image.fromarray(pixels), "TIFF", compression=compression)
    assert np.array_equal(planes(opened(data))[0], pixels * 255.0)


@given(
    indices=st.tuples(SIDES, SIDES).flatmap(lambda shape: arrays.arrays(np.uint8, shape)),
    palette=arrays.arrays(np.uint8, (256, 3)),
)
def test_palette_tiff_yields_colours(indices: np.ndarray, palette: np.ndarray) -> None:
    picture = Image.fromarray(indices, "P")
    picture.putpalette(palette.tobytes())
    found = planes(opened(saved(picture, "TIFF")))
    assert np.array_equal(found, np.moveaxis(palette[indices], 2, 0).astype(np.float32))


UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: stored.swapaxes(0, 1)[:, ::-1],
    7: lambda stored: stored.swapaxes(0, 1)[::-1, ::-1],
    8: lambda stored: stored.swapaxes(0, 1)[::-1],
}
"""What the EXIF orientation says to do with the stored rows (EXIF 2.3, tag 274)."""


@given(
    pages=stacks().filter(lambda each: each.dtype.str[1:] in READ["<"]),
    turn=st.sampled_from((0, *UPRIGHT, 9)),
)
def test_tiff_with_an_orientation_tag_is_upright_and_noted(pages: np.ndarray, turn: int) -> None:
    colour = pages.ndim == 4
    data = tiff(
        pages,
        byteorder="<",
        photometric="rgb" if colour else "minisblack",
        extratags=[(274, "H", 1, turn, True)],
    )
    case = opened(data)
    upright = np.stack([UPRIGHT.get(turn, UPRIGHT[1])(page) for page in pages])
    expected = np.moveaxis(upright, 3, 0) if colour else upright[None]
    assert np.array_equal(case.image.values, expected.astype(np.float32))
    assert any("orientation tag was applied" in note for note in case.notes) == (turn in range(2, 9))


@given(
    rows=st.integers(1, 40),
    columns=st.integers(1, 40),
    colour=st.booleans(),
    turn=st.sampled_from((None, 0, *UPRIGHT, 9)),
    progressive=st.booleans(),
)
def test_jpeg_of_any_size_and_turn_is_upright_within_coding_error(
    rows: int, columns: int, colour: bool, turn: int | None, progressive: bool
) -> None:
    ramp = np.add.outer(np.arange(rows) * 2.0, np.arange(columns) * 3.0)
    pixels = np.stack([ramp, 255 - ramp, ramp / 2 + 60], axis=2) if colour else ramp
    exif = Image.Exif()
    if turn is not None:
        exif[0x0112] = turn
    data = saved(
        Image.fromarray(pixels.astype(np.uint8)),
        "JPEG",
        quality=100,
        subsampling=0,
        progressive=progressive,
        exif=exif.tobytes(),
    )
    case = opened(data)
    expected = UPRIGHT.get(turn or 1, UPRIGHT[1])(pixels)
    expected = np.moveaxis(expected, 2, 0) if colour else expected[None]
    # Rounding to 8 bits, twice in colour, and of the cosine coefficients.
    assert np.abs(planes(case) - expected).max() <= 4
    assert any("EXIF" in note for note in case.notes) == (turn in range(2, 9))
