"""Tables of text: CSV or Parquet to rows by column name, every value as the file spells it.

Case ids such as 001, NA or 1E5 must stay what they are, so nothing is turned into a number here.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from core.errors import InputProblem
from core.io.limits import Limits, limits_in_force
from core.io.names import display_name
from core.types import NamedBytes, Rows

SEPARATORS = (",", ";", "\t")


def read_rows(file: NamedBytes, limits: Limits | None = None) -> Rows:
    """The rows of a table; raises InputProblem for what is no table or passes a limit."""
    limits = limits or limits_in_force()
    name = display_name(file.name)
    lines = _parquet(file.data, name, limits) if file.data[:4] == b"PAR1" else _csv(file.data, name, limits)
    header = [each.strip() for each in next(lines, [])]
    if not any(header):
        raise _refused(name, "no header", "a header row and at least one row below it")
    if "" in header:
        found = f"no name for column {header.index('') + 1}"
        raise _refused(name, found, "a header that names every column (pandas: to_csv with index=False)")
    if len(set(header)) < len(header):
        twice = next(each for each in header if header.count(each) > 1)
        raise _refused(name, f"two columns called {twice[:80]!r}", "a header row with different names")
    if len(header) > limits.columns:
        raise _refused(name, f"{len(header)} columns", f"at most {limits.columns}")
    rows: list[dict[str, str]] = []
    for number, values in enumerate(lines, 2):
        if len(rows) >= limits.rows:
            raise _refused(name, f"more than {limits.rows:,} rows", f"at most {limits.rows:,}")
        if not any(values):
            continue
        if len(values) != len(header):
            found = f"{len(values)} values in line {number}"
            raise _refused(name, found, f"{len(header)}, as in the header")
        rows.append(dict(zip(header, values, strict=True)))
    if not rows:
        raise _refused(name, "no row below the header", "at least one row")
    return tuple(rows)


def _csv(data: bytes, name: str, limits: Limits) -> Iterator[list[str]]:
    try:
        # Excel's "Unicode text" is UTF-16 and says so in its first two bytes.
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        raise _refused(name, "bytes that are no UTF-8 text", "a CSV in UTF-8 or UTF-16, or Parquet") from None
    if "\0" in text:
        raise _refused(name, "zero bytes in the text", "plain text")
    first = text.partition("\n")[0]
    separator = max(SEPARATORS, key=first.count)
    try:
        for values in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True):
            if any(len(value) > limits.field for value in values):
                raise _refused(name, "a very long field", f"at most {limits.field:,} characters")
            yield values
    except csv.Error:
        raise _refused(name, "quotation marks or fields that do not end", "a well-formed CSV") from None


def _parquet(data: bytes, name: str, limits: Limits) -> Iterator[list[str]]:
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    try:
        opened = pq.ParquetFile(io.BytesIO(data))
        sizes = opened.metadata.num_rows, opened.metadata.num_columns
        if sizes[0] > limits.rows or sizes[1] > limits.columns:
            raise _refused(
                name,
                f"{sizes[0]:,} rows, {sizes[1]} columns",
                f"at most {limits.rows:,} and {limits.columns}",
            )
        columns = opened.read().to_pydict()
    except (pa.ArrowException, OSError, ValueError):
        raise _refused(name, "a Parquet file that cannot be read", "a valid Parquet file") from None
    yield list(columns)
    for values in zip(*columns.values(), strict=True):
        yield _texts(values)


def _texts(values: Sequence[object]) -> list[str]:
    """Text of each value; a missing one is empty."""
    return ["" if value is None else str(value) for value in values]


def _refused(name: str, found: str, expected: str) -> InputProblem:
    return InputProblem(
        "The table cannot be read", found=found, expected=expected, fix="export the table again", file=name
    )
