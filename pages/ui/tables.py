"""Small tables of words, and the same numbers as files to take along."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence

import streamlit as st

from core.types import NamedBytes
from pages.ui.downloads import packed
from pages.ui.text import safe_text

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a text that begins so for a formula."""


def show(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table whose cells are words; names differ from each other, trailing spaces count."""
    columns = zip(*rows, strict=True)
    st.table(
        {name: [safe_text(each, 300) for each in cells] for name, cells in zip(names, columns, strict=True)},
        border="horizontal",
        hide_index=True,
    )


def downloads(stem: str, record: Mapping[str, object], rows: Sequence[Mapping[str, object]]) -> None:
    """The whole answer as JSON and its table as CSV; file names carry a hash of the content."""
    text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
    files = (
        ("Everything (JSON)", "json", "application/json", text.encode()),
        ("Table (CSV)", "csv", "text/csv", _csv(rows).encode()),
    )
    columns = st.columns(len(files))
    for column, (label, suffix, mime, data) in zip(columns, files, strict=True):
        name = f"second-look-{stem}_{hashlib.sha256(data).hexdigest()[:16]}.{suffix}"
        file = packed(NamedBytes(name, data))
        column.download_button(
            label, file.data, file_name=file.name, mime=mime, key=f"take_{stem}_{suffix}", on_click="ignore",
            width="stretch",
        )  # fmt: skip


def safe_cell(value: object) -> object:
    """A table cell that no spreadsheet takes for a formula.

    >>> safe_cell("=1+1"), safe_cell(-1.5)
    ("'=1+1", -1.5)
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_SIGNS) else value


def _csv(rows: Sequence[Mapping[str, object]]) -> str:
    stream = io.StringIO()
    names = list(rows[0]) if rows else []
    writer = csv.DictWriter(stream, names)
    writer.writeheader()
    writer.writerows({name: safe_cell(value) for name, value in row.items()} for row in rows)
    return stream.getvalue()
