"""Small tables of words, and the same numbers as files to take along."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import streamlit as st

from core.report import named
from core.report.csv_table import csv_text
from pages.ui.save import save_button
from pages.ui.text import safe_text


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
        ("Everything (JSON)", "json", text.encode()),
        ("Table (CSV)", "csv", csv_text(rows).encode()),
    )
    columns = st.columns(len(files))
    for column, (label, suffix, data) in zip(columns, files, strict=True):
        file = named(f"second-look-{stem}", f".{suffix}", data)
        save_button(label, file, key=f"take_{stem}_{suffix}", place=column)
