"""A table of attributes: what is known about cases or patients beside their pictures."""

from __future__ import annotations

import csv
import io

from core.errors import InputProblem
from core.types import NamedBytes

LARGEST_BYTES = 20_000_000


def read_columns(file: NamedBytes) -> dict[str, dict[str, str]]:
    r"""Columns of a CSV by name: value by what its first column says, empty cells left out.

    Raises InputProblem for what is no such table.

    >>> read_columns(NamedBytes("a.csv", b"case,grade\na,2\nb,\n"))
    {'grade': {'a': '2'}}
    """
    if len(file.data) > LARGEST_BYTES:
        raise _bad(file, f"{len(file.data)} bytes", f"at most {LARGEST_BYTES} bytes")
    try:
        rows = list(csv.reader(io.StringIO(file.data.decode("utf-8-sig"))))
    except (UnicodeDecodeError, csv.Error) as error:
        raise _bad(file, "no text of comma-separated values", "a CSV in UTF-8") from error
    if len(rows) < 2 or len(rows[0]) < 2:
        found = f"{len(rows)} rows of {len(rows[0]) if rows else 0} columns"
        raise _bad(file, found, "a header with at least two columns, then rows")
    return {
        name: {row[0]: row[k].strip() for row in rows[1:] if len(row) > k and row[k].strip()}
        for k, name in enumerate(rows[0])
        if k
    }


def _bad(file: NamedBytes, found: str, expected: str) -> InputProblem:
    return InputProblem(
        "The table of attributes cannot be read", file=file.name, found=found, expected=expected,
        fix="write one row per case or patient, its name first",
    )  # fmt: skip
