"""The one button by which a file is taken along."""

from __future__ import annotations

import gzip
from typing import Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.types import NamedBytes

MIMES = {
    ".csv": "text/csv", ".dcm": "application/dicom", ".gz": "application/gzip", ".html": "text/html",
    ".json": "application/json", ".parquet": "application/vnd.apache.parquet", ".png": "image/png",
    ".tif": "image/tiff", ".zip": "application/zip",
}  # fmt: skip
LARGEST_RAW = 2**20
"""Bytes; see `packed`."""


def save_button(
    label: str,
    file: NamedBytes,
    *,
    key: str,
    place: DeltaGenerator | None = None,
    kind: Literal["primary", "secondary"] = "secondary",
    width: Literal["stretch", "content"] = "stretch",
) -> None:
    """Offer a file whose name carries a hash of its content (`core.report.named`); large ones are packed.

    place: where to draw it, None: here. A press changes nothing on the page.
    """
    file = packed(file)
    suffix = file.name[file.name.rfind(".") :]
    (place or st).download_button(
        label, file.data, file_name=file.name, mime=MIMES.get(suffix, "application/octet-stream"), key=key,
        on_click="ignore", type=kind, width=width,
    )  # fmt: skip


def packed(file: NamedBytes) -> NamedBytes:
    """The file itself, gzipped when it is a large one that is not compressed and no page to be opened.

    Streamlit names a payload above `LARGEST_RAW` by its name and samples of its bytes, so that two
    patients' files of one name could get one address. Our names differ with the content; compressed bytes
    differ everywhere besides.
    """
    if len(file.data) <= LARGEST_RAW or file.name.endswith((".gz", ".png", ".zip", ".html")):
        return file
    return NamedBytes(f"{file.name}.gz", gzip.compress(file.data, 6, mtime=0))
