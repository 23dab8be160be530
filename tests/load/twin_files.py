"""Files of 4 MB under one name that differ in a few bytes, where Streamlit takes no samples."""

from __future__ import annotations

import numpy as np

from core.types import NamedBytes
from pages.ui.save import packed

SUFFIXES = ("nii", "csv", "json", "dcm")
BYTES = 4 * 2**20


def twin_file(seed: int, suffix: str, given: bool) -> NamedBytes:
    """The file of a seed; given: as the app hands it out."""
    data = np.zeros(BYTES, np.uint8)
    data[BYTES // 4 : BYTES // 4 + 5] = 1 + seed
    file = NamedBytes(f"mask.{suffix}", data.tobytes())
    return packed(file) if given else file
