"""Tables of predictions made elsewhere: what they mean, and what is refused, naming the row."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputProblem
from core.io.limits import Limits
from core.io.tables import read_table
from core.types import NamedBytes, UnitTable


def read(text: str | bytes, **options: object) -> UnitTable:
    data = text if isinstance(text, bytes) else text.encode()
    return read_table(NamedBytes("table.csv", data), **options)  # type: ignore[arg-type]


def test_confidence_and_risk_make_a_bare_table() -> None:
    table = read("case,confidence,risk\na,0.9,0\nb,-3.5e-1,0.25\n")
    assert (table.name, table.group) == (("a", "b"), ("a", "b"))
    assert table.confidence["confidence"].tolist() == [0.9, -0.35]
    assert table.metrics["risk"].tolist() == [0.0, 0.25]
    assert (table.level, table.prob, table.default_confidence) == ("case", None, "confidence")
    assert table.has_ref.all()


def test_ids_survive_as_they_are_written() -> None:
    ids = ["001", "NA", "1E5", "null", "1.0", "TRUE", " x ", "ü;1", "-0", "2026-01-02"]
    text = "case;confidence;risk\n" + "".join(f'"{each}";0.5;0\n' for each in ids)
    assert read(text).name == tuple(ids)


def test_groups_are_patients_and_an_empty_one_is_the_case_itself() -> None:
    assert read("case,group,confidence,risk\na,007,1,0\nb,,1,0\nc,007,1,0\n").group == ("007", "b", "007")


def test_class_probabilities_with_one_label() -> None:
    table = read("case,label,prob_no,prob_yes\na,yes,0.25,0.75\nb, no ,0.5,0.5\n")
    assert (table.task, table.class_names) == ("classification", ("no", "yes"))
    assert table.prob is not None
    assert table.label is not None
    assert table.prob.tolist() == [[0.25, 0.75], [0.5, 0.5]]
    assert table.label.tolist() == [[False, True], [True, False]]


@pytest.mark.parametrize(
    "text",
    [
        "case,label,prob_x,prob_y\na,x;y,0.9,0.8\nb,,0.1,0.2\nc,y,0.3,0.9\n",
        "case,label_x,label_y,prob_x,prob_y\na,1,1,0.9,0.8\nb,0,0,0.1,0.2\nc,0,1,0.3,0.9\n",
    ],
)
def test_several_findings_at_once(text: str) -> None:
    table = read(text)
    assert table.task == "multilabel"
    assert table.label is not None
    assert table.label.tolist() == [[True, True], [False, False], [False, True]]


def test_a_class_may_hold_a_semicolon() -> None:
    table = read("case,label,prob_a;b,prob_c\n1,a;b,0.5,0.5\n2,c,0.1,0.9\n")
    assert table.task == "classification"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_separator_line_ends_and_byte_order_mark_are_found(separator: str, ends: str) -> None:
    text = ends.join(separator.join(row) for row in (["case", "confidence", "risk"], ["a", "1", "0"]))
    assert read(b"\xef\xbb\xbf" + text.encode()).name == ("a",)


def test_parquet_is_read_as_the_same_table() -> None:
    frame = pd.DataFrame({"case": ["001", "NA"], "confidence": [0.5, 0.25], "risk": [0, 1]})
    stored = io.BytesIO()
    frame.to_parquet(stored)
    table = read(stored.getvalue())
    assert table.name == ("001", "NA")
    assert table.metrics["risk"].tolist() == [0.0, 1.0]


REFUSED = {
    "empty file": ("", "cannot be read"),
    "no row": ("case,confidence,risk\n", "no row"),
    "one column": ("case|confidence|risk\na|1|0\n", "only one column"),
    "missing risk": ("case,confidence\na,1\n", "column is missing"),
    "missing case": ("id,confidence,risk\na,1,0\n", "column is missing"),
    "missing label": ("case,prob_a,prob_b\na,0.5,0.5\n", "column is missing"),
    "two meanings": ("case,confidence,risk,label,prob_a,prob_b\na,1,0,a,0.5,0.5\n", "two things at once"),
    "not a number": ("case,confidence,risk\na,1,0\nb,high,0\n", "row 2 .*'high'"),
    "thousands or a decimal comma": ("case;confidence;risk\na;1,234;0\n", "row 1 .*'1,234'"),
    "nan": ("case,confidence,risk\na,nan,0\n", "row 1 .*'nan'"),
    "infinity": ("case,confidence,risk\na,inf,0\n", "row 1 .*'inf'"),
    "underscore": ("case,confidence,risk\na,1_0,0\n", "row 1 .*'1_0'"),
    "missing value": ("case,confidence,risk\na,1,\n", "row 1 .*empty field"),
    "risk above one": ("case,confidence,risk\na,1,1.5\n", "row 1 .*from 0 to 1"),
    "prob below zero": ("case,label,prob_a,prob_b\na,a,-0.1,1.1\n", "'prob_a' .*row 1 .*'-0.1'"),
    "sum": ("case,label,prob_a,prob_b\na,a,0.5,0.5\nb,a,0.5,0.6\n", "add up to 1 .row 2 .*1.1"),
    "repeated case": ("case,confidence,risk\na,1,0\nb,1,0\na,1,0\n", "row 3 .*'a', as in row 1"),
    "no id": ("case,confidence,risk\n,1,0\n", "no id .row 1"),
    "unknown label": ("case,label,prob_a,prob_b\na,c,0.5,0.5\n", "row 1 .*'c'.*a, b"),
    "missing single label": (
        "case,label,prob_a,prob_b\na,a,0.5,0.5\nb,,0.5,0.5\n",
        "label is missing .row 2",
    ),
    "half a finding": ("case,label_a,prob_a\na,0.5,0.5\n", "row 1 .*0 or 1"),
    "other findings": ("case,label_b,prob_a\na,1,0.5\n", "different classes"),
    "nameless class": ("case,label,prob_,prob_b\na,b,0.5,0.5\n", "no name"),
    "ragged": ("case,confidence,risk\na,1\n", "2 values in line 2"),
    "latin-1": ("case,confidence,risk\nü,1,0\n".encode("latin-1"), "UTF-8"),
    "zero bytes": (b"case,confidence,risk\na\0,1,0\n", "zero bytes"),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0", "cannot be read"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_a_table_is_refused_with_the_row(name: str) -> None:
    text, words = REFUSED[name]
    with pytest.raises(InputProblem, match=words) as refused:
        read(text)
    problem = refused.value
    assert problem.file == "table.csv"
    assert problem.what
    assert problem.found
    assert problem.expected
    assert problem.fix


def test_limits_hold() -> None:
    text = "case,confidence,risk\n" + "".join(f"{k},1,0\n" for k in range(5))
    with pytest.raises(InputProblem, match="more than 4 rows"):
        read(text, limits=Limits(rows=4))
    with pytest.raises(InputProblem, match="3 columns"):
        read(text, limits=Limits(columns=2))
    with pytest.raises(InputProblem, match="long field"):
        read("case,confidence,risk\n" + "x" * 50 + ",1,0\n", limits=Limits(field=40))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        table = read(b"case,confidence,risk\n" + data)
    except InputProblem as problem:
        assert problem.found and problem.expected and problem.fix
        return
    assert table.units == len(set(table.name)) > 0
    assert ((table.metrics["risk"] >= 0) & (table.metrics["risk"] <= 1)).all()


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.text(min_size=1).filter(lambda t: t.strip() and "\0" not in t), st.floats(0, 1)),
        min_size=1,
        max_size=8,
        unique_by=lambda row: row[0],
    )
)
def test_written_tables_come_back_bit_by_bit(rows: list[tuple[str, float]]) -> None:
    import csv

    stored = io.StringIO(newline="")
    writer = csv.writer(stored, quoting=csv.QUOTE_ALL)
    writer.writerow(["case", "confidence", "risk"])
    try:
        writer.writerows([name, repr(value), repr(value)] for name, value in rows)
        data = stored.getvalue().encode()
    except UnicodeEncodeError:
        return
    table = read(data)
    assert table.name == tuple(name for name, _ in rows)
    assert np.array_equal(table.metrics["risk"], [value for _, value in rows])


def test_probabilities_written_to_two_places_may_miss_one() -> None:
    thirds = b"case,label,prob_a,prob_b,prob_c\n1,a,.33,.33,.33\n2,b,.34,.34,.33\n"
    assert read_table(NamedBytes("t.csv", thirds)).task == "classification"
    with pytest.raises(InputProblem, match="add up to 1"):
        read_table(NamedBytes("t.csv", b"case,label,prob_a,prob_b\n1,a,.5,.48\n"))


@pytest.mark.parametrize("data", [b"", b"\n\n"])
def test_an_empty_file_is_called_one(data: bytes) -> None:
    with pytest.raises(InputProblem, match="Found: no header"):
        read_table(NamedBytes("t.csv", data))


def test_a_decimal_comma_is_read_as_one() -> None:
    found = read_table(NamedBytes("t.csv", b"case;confidence;risk\n01;0,9;0,1\n"))
    assert found.name == ("01",)
    assert (found.confidence["confidence"][0], found.metrics["risk"][0]) == (0.9, 0.1)


def test_one_probability_is_that_of_label_one() -> None:
    found = read_table(NamedBytes("t.csv", b"case_id,label,prob\n007,1,0.75\n008,0,0.25\n"))
    assert found.name == ("007", "008")
    assert found.class_names == ("0", "1")
    assert found.prob is not None
    assert found.label is not None
    assert found.prob.tolist() == [[0.25, 0.75], [0.75, 0.25]]
    assert found.label.tolist() == [[False, True], [True, False]]


def test_labels_in_words_beside_one_probability_are_refused() -> None:
    with pytest.raises(InputProblem, match="0 or 1 beside the one column prob"):
        read_table(NamedBytes("t.csv", b"case,label,prob\na,pos,0.75\n"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_encodings_of_spreadsheets_are_recognised(encoding: str) -> None:
    found = read_table(NamedBytes("t.csv", "case,confidence,risk\nä,0.5,0\n".encode(encoding)))
    assert found.name == ("ä",)


@pytest.mark.parametrize(
    ("header", "words"),
    [(b",case,confidence,risk", "no name for column 1"), (b"case,risk,risk", "two columns called 'risk'")],
)
def test_a_header_is_refused_with_the_column_that_is_meant(header: bytes, words: str) -> None:
    with pytest.raises(InputProblem, match=words):
        read_table(NamedBytes("t.csv", header + b"\n0,a,1,0\n"))
