"""A table gives back every text as it was written, whatever its separator, encoding and quoting."""

from __future__ import annotations

import csv
import io

import pandas as pd
from hypothesis import example, given
from hypothesis import strategies as st

from core.io.rows import SEPARATORS, read_rows
from core.io.tables import read_table
from core.types import NamedBytes

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16")
ODD = ("001", "NA", "null", "1E5", "1.0", "-0", "nan", "TRUE", "2026-01-02", "=1+1", "#N/A", "1,5", "a;b")
TEXTS = st.one_of(
    st.sampled_from(ODD),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9),
)
NAMES = TEXTS.filter(lambda each: each.strip())


def written(rows: list[list[str]], separator: str, encoding: str, quoting: int = csv.QUOTE_ALL) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=separator, quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    return out.getvalue().encode(encoding)


@given(
    ids=st.lists(NAMES, min_size=1, max_size=6, unique=True),
    groups=st.lists(TEXTS, min_size=6, max_size=6),
    separator=st.sampled_from(SEPARATORS),
    encoding=st.sampled_from(ENCODINGS),
    quoting=st.sampled_from((csv.QUOTE_ALL, csv.QUOTE_MINIMAL)),
)
@example(ids=list(ODD), groups=list(ODD), separator=";", encoding="utf-16", quoting=csv.QUOTE_MINIMAL)
def test_ids_and_groups_stay_as_they_are_spelled(
    ids: list[str], groups: list[str], separator: str, encoding: str, quoting: int
) -> None:
    pairs = list(zip(ids, groups, strict=False))
    rows = [["case", "group", "confidence", "risk"], *([a, b, "0.5", "1"] for a, b in pairs)]
    table = read_table(NamedBytes("t.csv", written(rows, separator, encoding, quoting)))
    assert table.name == tuple(a for a, _ in pairs)
    assert table.group == tuple(b or a for a, b in pairs)


@given(ids=st.lists(NAMES, min_size=1, max_size=6, unique=True))
def test_ids_of_a_parquet_file_stay_as_they_are_spelled(ids: list[str]) -> None:
    out = io.BytesIO()
    pd.DataFrame({"case": ids, "confidence": 0.5, "risk": 0.0}).to_parquet(out)
    assert read_table(NamedBytes("t.parquet", out.getvalue())).name == tuple(ids)


@given(
    width=st.integers(2, 4),
    body=st.lists(st.lists(TEXTS, min_size=4, max_size=4), min_size=1, max_size=4),
    encoding=st.sampled_from(ENCODINGS),
)
def test_every_field_of_any_table_stays_as_it_is_spelled(
    width: int, body: list[list[str]], encoding: str
) -> None:
    header = [f"column {index}" for index in range(width)]
    kept = [row[:width] for row in body if any(row[:width])] or [["x"] * width]
    rows = read_rows(NamedBytes("t.csv", written([header, *kept], ",", encoding)))
    assert [list(row.values()) for row in rows] == kept
    assert [list(row) for row in rows] == [header] * len(kept)


@given(
    numbers=st.lists(st.floats(0, 1), min_size=1, max_size=5),
    spelling=st.sampled_from(("{!r}", "{:.17e}", "{:.20f}")),
)
def test_numbers_come_back_exactly(numbers: list[float], spelling: str) -> None:
    texts = [spelling.format(each) for each in numbers]
    rows = [["case", "confidence", "risk"], *([f"c{k}", text, text] for k, text in enumerate(texts))]
    table = read_table(NamedBytes("t.csv", written(rows, ",", "utf-8")))
    assert table.metrics["risk"].tolist() == [float(text) for text in texts]
    assert table.confidence["confidence"].tolist() == [float(text) for text in texts]
