"""What is known about the place of slices: volumes lie in space, loops and pages do not."""

from __future__ import annotations

import numpy as np
from PIL import Image as Pillow

from core.detector import stack_space
from core.io import read_case
from core.types import Image
from tests.core.io.io_files import dicom, named, nifti, opened, pillow, saved

FRAMES = np.arange(4 * 12 * 10, dtype=np.uint8).reshape(4, 12, 10)


def image_of(data: bytes) -> Image:
    return opened(data).image


def test_series_with_positions_and_volume_lie_in_space() -> None:
    slices = [
        dicom(frame.astype(np.uint16), (0, 0, 2.0 * k), InstanceNumber=k) for k, frame in enumerate(FRAMES)
    ]
    assert stack_space(read_case(named(slices)).image).spatial
    assert stack_space(image_of(nifti(FRAMES, np.diag([1.0, 1.0, 2.0, 1.0]), codes=(1, 1)))).spatial


def test_cine_loop_pages_and_single_pictures_do_not() -> None:
    cine = dicom(FRAMES, None, PixelSpacing=None, SliceThickness=None)
    pages = pillow_pages()
    for data in (cine, pages, pillow(FRAMES[0])):
        assert not stack_space(image_of(data)).spatial


def test_sagittal_slices_have_no_midline() -> None:
    data = nifti(FRAMES, np.diag([1.0, 1.0, 2.0, 1.0]), codes=(1, 1))
    assert stack_space(opened(data).image).midline is not None
    assert stack_space(opened(data, plane="sagittal").image).midline is None


def pillow_pages() -> bytes:
    first, *rest = [Pillow.fromarray(frame) for frame in FRAMES]
    return saved(first, "TIFF", save_all=True, append_images=rest)
