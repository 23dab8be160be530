"""Makes what the self-test reads: `python -m tests.core.selftest_files` writes assets/selftest/files anew.

The files are drawn by code and show nobody. What is expected of them is stated here, from the values that
were put in, and never taken from the reader under test.
"""

from __future__ import annotations

import gzip
import json
import struct
import sys
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, TiffImagePlugin
from pydicom.uid import DeflatedExplicitVRLittleEndian as DEFLATED
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from core.selftest.expected import FILES_FOLDER, MANIFEST, FileCheck, FileList, digest_of
from tests.core.io.io_files import as_jpeg_lossless, dicom, nifti, pillow, recompressed, saved, series, zipped

ROW, COLUMN = np.mgrid[0:24, 0:32]
RAMP = (ROW * 8 + COLUMN).astype(np.uint8)
DEEP = (RAMP.astype(np.uint16) * 257 + COLUMN.astype(np.uint16)).astype(np.uint16)
COLOUR = np.stack([RAMP, 255 - RAMP, RAMP // 2], axis=2)
FLOAT = RAMP.astype(np.float32) / 7
SMOOTH = np.clip(128 + 60 * np.sin(ROW / 7) + 50 * np.cos(COLUMN / 9), 0, 255).astype(np.uint8)
CUBE = np.arange(6 * 8 * 5, dtype=np.int16).reshape(6, 8, 5)
SCANNER = np.diag([-1.5, -1.5, 3.0, 1.0])
"""First voxel axis towards the left, second towards the back, third upwards: as DICOM's axial slices lie."""


def grey(values: np.ndarray) -> np.ndarray:
    """(row, column) as the reader's (channel, slice, row, column)."""
    return np.asarray(values, np.float32)[None, None]


def stack(values: np.ndarray) -> np.ndarray:
    """(slice, row, column) as the reader's array."""
    return np.asarray(values, np.float32)[None]


def colour(values: np.ndarray) -> np.ndarray:
    """(row, column, channel) as the reader's array."""
    return np.moveaxis(np.asarray(values, np.float32), 2, 0)[:, None]


def axial(voxels: np.ndarray) -> np.ndarray:
    """Voxels that lie as SCANNER says, seen from the feet: columns to the left, rows to the back."""
    return stack(np.transpose(voxels, (2, 1, 0)))


def tiff(picture: Image.Image, **tags: Any) -> bytes:
    return saved(picture, "TIFF", **tags)


def pages(values: np.ndarray) -> bytes:
    first, *rest = [Image.fromarray(each) for each in values]
    return tiff(first, save_all=True, append_images=rest)


def white_is_zero() -> bytes:
    """RAMP as a reader should show it; its bytes are 255 - RAMP."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[262] = 0
    return tiff(Image.fromarray(RAMP), tiffinfo=tags)


def palette() -> bytes:
    picture = Image.fromarray((RAMP % 4).astype(np.uint8), "P")
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 10, 20, 30])
    return saved(picture, "PNG")


def deep_colour() -> bytes:
    _, coded = cv2.imencode(".png", (COLOUR.astype(np.uint16) * 257)[..., ::-1])
    return bytes(coded.tobytes())


def jpeg_lossless() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return as_jpeg_lossless(dicom(DEEP // 16), Path(folder))


def lying_nifti() -> bytes:
    data = bytearray(nifti(CUBE))
    struct.pack_into("<8h", data, 40, 3, 2048, 2048, 2048, 1, 1, 1, 1)
    return bytes(data)


def wrong_checksum() -> bytes:
    data = bytearray(nifti(CUBE, gz=True))
    data[-8] ^= 0xFF
    return bytes(data)


def short_png() -> bytes:
    """A whole PNG by its checksums, with one row of 24."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = zlib.compress(b"\0" + RAMP[0].tobytes())
    header = struct.pack(">2I5B", 32, 24, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def damaged_png() -> bytes:
    data = bytearray(pillow(RAMP))
    data[len(data) // 2] ^= 0x10
    return bytes(data)


PALETTE = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0], [10, 20, 30]])
SCALED = (CUBE * 0.5 + 10).astype(np.float32)
SERIES = np.zeros((4, 8, 9), np.float32)
SERIES[:, 0, 0] = [1, 2, 3, 4]

READ: dict[str, tuple[Callable[[], bytes], np.ndarray]] = {
    "grey8.png": (lambda: pillow(RAMP), grey(RAMP)),
    "grey16.png": (lambda: pillow(DEEP), grey(DEEP)),
    "colour8.png": (lambda: pillow(COLOUR), colour(COLOUR)),
    "colour16.png": (deep_colour, colour(COLOUR.astype(np.float32) * 257)),
    "palette.png": (palette, colour(PALETTE[RAMP % 4])),
    "picture-without-suffix": (lambda: pillow(RAMP, optimize=True), grey(RAMP)),
    "grey8.tif": (lambda: tiff(Image.fromarray(RAMP)), grey(RAMP)),
    "grey16-lzw.tif": (lambda: tiff(Image.fromarray(DEEP), compression="tiff_lzw"), grey(DEEP)),
    "float.tif": (lambda: tiff(Image.fromarray(FLOAT)), grey(FLOAT)),
    "pages-deflate.tif": (lambda: pages(np.stack([RAMP, 255 - RAMP, RAMP // 3])),
                          stack(np.stack([RAMP, 255 - RAMP, RAMP // 3]))),
    "white-is-zero.tif": (white_is_zero, grey(RAMP)),
    "int16.nii": (lambda: nifti(CUBE, SCANNER), axial(CUBE)),
    "int16.nii.gz": (lambda: nifti(CUBE, SCANNER, gz=True), axial(CUBE)),
    "float32.nii.gz": (lambda: nifti(SCALED, SCANNER, gz=True), axial(SCALED)),
    "gz-without-gz-name.nii": (lambda: nifti(CUBE + 1, SCANNER, gz=True), axial(CUBE + 1)),
    "explicit.dcm": (lambda: dicom(DEEP // 16), grey(DEEP // 16)),
    "signed-rescaled.dcm": (
        lambda: dicom((DEEP // 16).astype(np.int16) - 1024, RescaleSlope="2", RescaleIntercept="-10"),
        grey(((DEEP // 16).astype(np.float32) - 1024) * 2 - 10),
    ),
    "monochrome1.dcm": (lambda: dicom(RAMP, PhotometricInterpretation="MONOCHROME1"),
                        grey(255 - RAMP.astype(np.float32))),
    "colour.dcm": (lambda: dicom(COLOUR), colour(COLOUR)),
    "frames.dcm": (lambda: dicom(np.stack([RAMP, RAMP // 2]), None), stack(np.stack([RAMP, RAMP // 2]))),
    "rle.dcm": (lambda: recompressed(dicom(DEEP // 16), RLELossless), grey(DEEP // 16)),
    "jpeg-ls.dcm": (lambda: recompressed(dicom(DEEP // 16), JPEGLSLossless), grey(DEEP // 16)),
    "jpeg-2000.dcm": (lambda: recompressed(dicom(DEEP // 16), JPEG2000Lossless), grey(DEEP // 16)),
    "jpeg-lossless.dcm": (jpeg_lossless, grey(DEEP // 16)),
    "deflated.dcm": (lambda: recompressed(dicom(DEEP // 16), DEFLATED), grey(DEEP // 16)),
    "series.zip": (lambda: zipped({f"s/{9 - n}": each for n, each in enumerate(series(4))}), SERIES[None]),
}  # fmt: skip

LOSSY: dict[str, tuple[Callable[[], bytes], np.ndarray, float]] = {
    "grey.jpg": (lambda: pillow(SMOOTH, "JPEG", quality=95), grey(SMOOTH), 4.0),
}
"""JPEG decoders may differ by a level or two: the largest difference that is accepted stands beside it."""

REFUSED: dict[str, Callable[[], bytes]] = {
    "cut.png": lambda: pillow(RAMP)[:-40],
    "one-row.png": short_png,
    "flipped-bit.png": damaged_png,
    "cut.jpg": lambda: pillow(SMOOTH, "JPEG")[:-60],
    "cut.tif": lambda: tiff(Image.fromarray(RAMP))[:200],
    "claims-8-giga-voxels.nii": lying_nifti,
    "wrong-checksum.nii.gz": wrong_checksum,
    "cut.nii": lambda: nifti(CUBE)[:-100],
    "gzip-bomb.nii.gz": lambda: gzip.compress(bytes(64 << 20), 9, mtime=0),
    "report.dcm": lambda: dicom(RAMP, PixelData=None, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11"),
    "cut.dcm": lambda: dicom(RAMP)[:-300],
    "page.png": lambda: b"<html><script>alert(1)</script></html>",
    "empty.png": lambda: b"",
}  # fmt: skip


def written(folder: Path) -> FileList:
    """Write every file into `folder`; what is expected of each."""
    folder.mkdir(parents=True, exist_ok=True)
    checks = []
    for name, (make, values) in READ.items():
        (folder / name).write_bytes(make())
        checks.append(FileCheck(name=name, shape=values.shape, sha256=digest_of(values)))
    for name, (make, values, tolerance) in LOSSY.items():
        (folder / name).write_bytes(make())
        coarse = [float(each) for each in values.mean(axis=(0, 1, 3)).round(3)]
        checks.append(FileCheck(name=name, shape=values.shape, row_means=coarse, tolerance=tolerance))
    for name, make in REFUSED.items():
        (folder / name).write_bytes(make())
        checks.append(FileCheck(name=name, refused=True))
    return FileList(files=tuple(checks))


if __name__ == "__main__":
    found = written(FILES_FOLDER)
    MANIFEST.write_text(json.dumps(json.loads(found.model_dump_json(exclude_defaults=True)), indent=1) + "\n")
    sys.stdout.write(f"{len(found.files)} files\n")
