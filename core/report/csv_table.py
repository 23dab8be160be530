"""Tables as CSV that a spreadsheet may open: no cell is taken for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a text that begins so for a formula."""


def safe_cell(value: object) -> object:
    """A table cell that no spreadsheet takes for a formula.

    >>> safe_cell("=1+1"), safe_cell(-1.5)
    ("'=1+1", -1.5)
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_SIGNS) else value


def csv_text(rows: Sequence[Mapping[str, object]]) -> str:
    """One line per row under the names of the first row's entries; "" without a row."""
    if not rows:
        return ""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]))
    writer.writerow({name: safe_cell(name) for name in rows[0]})
    writer.writerows({name: safe_cell(value) for name, value in row.items()} for row in rows)
    return stream.getvalue()
