"""PNG, JPEG and TIFF: golden values for each convention, and what is refused."""

from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from io_files import opened, pillow, saved
from PIL import Image

from core.errors import InputProblem

RAMP = np.arange(80, dtype=np.uint8).reshape(8, 10)
COLOUR = np.stack([RAMP, RAMP + 50, RAMP + 100], axis=2)


def plane(data: bytes) -> np.ndarray:
    """First channel, only slice."""
    values = opened(data).image.values
    assert values.shape[1] == 1
    return values[0, 0]


def png(width: int, height: int, raw: bytes, depth: int = 8, colour: int = 0) -> bytes:
    """A PNG around filtered rows `raw`."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">2I5B", width, height, depth, colour, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def test_grey_png_keeps_its_values_and_type() -> None:
    case = opened(pillow(RAMP))
    assert np.array_equal(case.image.values[0, 0], RAMP)
    assert (case.format, case.image.original_dtype, case.image.original_range) == ("png", "uint8", (0, 79))
    assert not case.image.values.flags.writeable


def test_sixteen_bit_grey_png_keeps_its_range() -> None:
    assert np.array_equal(plane(pillow(RAMP.astype(np.uint16) * 800)), RAMP * 800.0)


def test_sixteen_bit_colour_png_is_not_cut_to_eight_bits() -> None:
    deep = COLOUR.astype(np.uint16) * 257 + 3
    _, coded = cv2.imencode(".png", deep[..., ::-1])
    image = opened(coded.tobytes()).image
    assert image.channel_names == ("red", "green", "blue")
    assert image.original_dtype == "uint16"
    assert np.array_equal(image.values[:, 0], np.moveaxis(deep, 2, 0))


def test_palette_png_yields_colours_never_indices() -> None:
    picture = Image.fromarray(np.zeros((8, 8), np.uint8), "P")
    picture.putpalette([10, 20, 30])
    assert opened(saved(picture, "PNG")).image.values[:, 0, 0, 0].tolist() == [10, 20, 30]


def test_one_bit_png_becomes_0_and_255() -> None:
    assert np.unique(plane(pillow(RAMP > 40))).tolist() == [0, 255]


def test_alpha_is_dropped_and_noted_only_where_it_hides_something() -> None:
    opaque = np.dstack([COLOUR, np.full((8, 10), 255, np.uint8)])
    half = np.dstack([COLOUR, np.full((8, 10), 90, np.uint8)])
    for pixels in (opaque, half):
        assert np.array_equal(opened(pillow(pixels)).image.values[:, 0], np.moveaxis(COLOUR, 2, 0))
    assert not any("alpha" in note for note in opened(pillow(opaque)).notes)
    assert any("alpha" in note for note in opened(pillow(half)).notes)


def test_interlaced_png_passes_the_exact_size_check() -> None:
    # One 1 x 1 grey pixel: Adam7 holds it in the first of seven passes, filter byte + value.
    data = bytearray(png(1, 1, b"\x00\x2a"))
    data[28] = 1
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    assert plane(bytes(data)).tolist() == [[42]]


def test_equal_colour_channels_stay_and_are_noted() -> None:
    case = opened(pillow(np.dstack([RAMP] * 3)))
    assert case.image.values.shape == (3, 1, 8, 10)
    assert any("All three channels are equal" in note for note in case.notes)


def test_a_sequence_that_stands_in_for_another_is_noted() -> None:
    case = opened(pillow(np.dstack([RAMP, RAMP, RAMP + 1])))
    assert any("red and green are equal" in note for note in case.notes)


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"\0" + bytes(8), "9 bytes of pixel rows"),
        ((b"\0" + bytes(8)) * 9, "73 bytes of pixel rows"),
    ],
)
def test_png_with_missing_or_extra_rows_is_refused(raw: bytes, found: str) -> None:
    with pytest.raises(InputProblem) as refused:
        opened(png(8, 8, raw))
    assert refused.value.found == found
    assert "exactly 72 bytes" in refused.value.expected


def test_png_with_a_flipped_byte_is_refused_by_its_checksum() -> None:
    data = bytearray(pillow(RAMP))
    data[-20] ^= 1
    with pytest.raises(InputProblem, match="CRC"):
        opened(bytes(data))


@pytest.mark.parametrize("size", [(2**31 - 1, 2**31 - 1), (60_000, 60_000), (0, 10)])
def test_png_of_impossible_size_is_refused_from_its_header(size: tuple[int, int]) -> None:
    with pytest.raises(InputProblem, match="size"):
        opened(png(*size, b""))


def test_jpeg_is_read_within_coding_error() -> None:
    case = opened(pillow(RAMP, "JPEG", quality=100))
    assert case.format == "jpeg"
    assert np.abs(case.image.values[0, 0] - RAMP).max() <= 2


def test_exif_turn_is_applied_and_noted() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees clockwise
    case = opened(pillow(RAMP, "JPEG", quality=100, exif=exif.tobytes()))
    assert case.image.slice_shape == (10, 8)
    assert np.abs(case.image.values[0, 0] - np.rot90(RAMP, -1)).max() <= 2
    assert any("EXIF" in note for note in case.notes)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_a_cut_picture_is_refused_rather_than_shown_half(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)
    data = pillow(noise, kind)
    with pytest.raises(InputProblem, match="cut off"):
        opened(data[: len(data) // 2] if kind == "JPEG" else data[:-2000])


def test_tiff_pages_become_slices() -> None:
    pages = [Image.fromarray(RAMP + index) for index in range(3)]
    case = opened(saved(pages[0], "TIFF", save_all=True, append_images=pages[1:], compression="tiff_lzw"))
    assert case.image.values.shape == (1, 3, 8, 10)
    assert case.image.values[0, :, 0, 0].tolist() == [0, 1, 2]
    assert case.image.geometry.source_shape == (3, 8, 10)


def test_tiff_pages_of_different_size_are_refused() -> None:
    pages = [Image.fromarray(RAMP), Image.fromarray(RAMP[:4])]
    with pytest.raises(InputProblem, match="pages of different size"):
        opened(saved(pages[0], "TIFF", save_all=True, append_images=pages[1:]))


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32, np.float32])
def test_tiff_keeps_values_of(kind: type) -> None:
    pixels = RAMP.astype(kind)
    case = opened(pillow(pixels, "TIFF"))
    assert case.image.original_dtype == pixels.dtype.name
    assert np.array_equal(case.image.values[0, 0], pixels)


def test_unsigned_32_bit_tiff_does_not_wrap() -> None:
    signed = np.full((8, 8), 3_000_000_000, np.uint32).view(np.int32)
    data = bytearray(saved(Image.fromarray(signed), "TIFF"))
    at = data.index(struct.pack("<HHI", 339, 3, 1))  # SampleFormat: 2 (signed) becomes 1 (unsigned)
    data[at + 8] = 1
    assert opened(bytes(data)).image.original_range == (3e9, 3e9)


@pytest.mark.parametrize("top", [255, 65535])
def test_white_is_zero_tiff_is_turned(top: int) -> None:
    pixels = RAMP.astype(np.uint8 if top == 255 else np.uint16)
    data = bytearray(pillow(pixels, "TIFF"))
    at = data.index(struct.pack("<HHI", 262, 3, 1))  # PhotometricInterpretation: 1 becomes 0
    data[at + 8] = 0
    assert np.array_equal(plane(bytes(data)), top - pixels.astype(np.float32))


def test_sixteen_bit_colour_tiff_is_not_cut_to_eight_bits() -> None:
    deep = COLOUR.astype(np.uint16) * 257 + 3
    _, coded = cv2.imencode(".tif", deep[..., ::-1])
    assert np.array_equal(opened(coded.tobytes()).image.values[:, 0], np.moveaxis(deep, 2, 0))


def tiff(pixels: np.ndarray, byteorder: str = "<", **how: object) -> bytes:
    out = io.BytesIO()
    with tifffile.TiffWriter(out, byteorder=byteorder) as writer:
        writer.write(pixels, metadata=None, **how)
    return out.getvalue()


def test_sixteen_bit_colour_planes_stored_apart_are_refused() -> None:
    # OpenCV gave back pixels full of what its memory held before.
    deep = np.moveaxis(COLOUR, 2, 0).astype(np.uint16)
    with pytest.raises(InputProblem) as refused:
        opened(tiff(deep, photometric="rgb", planarconfig="separate"))
    assert "planar configuration 2" in refused.value.found


@pytest.mark.parametrize(("kind", "low"), [(np.int8, -128), (np.int16, -32768)])
def test_signed_tiff_keeps_sign_and_type(kind: type, low: int) -> None:
    image = opened(tiff(np.full((8, 8), low, kind))).image
    assert (image.original_dtype, image.original_range) == (np.dtype(kind).name, (low, low))


@pytest.mark.parametrize("kind", [np.int16, np.int32, np.float32])
def test_compressed_big_endian_tiff_is_refused_where_its_bytes_would_be_turned(kind: type) -> None:
    pixels = RAMP.astype(kind)
    assert np.array_equal(plane(tiff(pixels, ">")), pixels)
    with pytest.raises(InputProblem) as refused:
        opened(tiff(pixels, ">", compression="zlib"))
    assert "big-endian" in refused.value.found


def test_sixteen_bit_grey_with_alpha_is_one_channel() -> None:
    rows = b"".join(b"\0" + struct.pack(">16H", *range(0, 16_000, 1000)) for _ in range(8))
    image = opened(png(8, 8, rows, depth=16, colour=4)).image
    assert image.channel_names == ("intensity",)
    assert image.values[0, 0, 0].tolist() == [2000.0 * column for column in range(8)]


def test_content_decides_not_the_name() -> None:
    assert opened(pillow(RAMP, "JPEG"), name="picture.png").format == "jpeg"


def test_a_constant_picture_is_read_and_noted() -> None:
    assert any("same value" in note for note in opened(pillow(RAMP * 0)).notes)
