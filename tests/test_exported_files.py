"""Files that leave the program: no cell is a formula, no download has a name or bytes of its own making."""

from __future__ import annotations

import ast
import csv
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.commands import jitter
from core.report import named
from core.report.csv_table import FORMULA_SIGNS, csv_text
from tests.test_architecture import SOURCES, relative

WRITERS = {
    "core/report/csv_table.py": "the one place where cells are made safe",
    "core/commands/jitter.py": "names of cases and patients go through safe_cell",
    "core/report/sweeps.py": "numbers and the program's own words, no text of a file",
    "core/train/common/curve.py": "numbers and notes of the program, no text of a file",
    "core/train/mil/logs.py": "a log that the audit reads back: ids as the operator's own folders have them",
}
"""Every file that writes CSV, and why no cell of it is taken for a formula."""


def calls(path: Path, *names: str) -> list[ast.Call]:
    """Calls of a method or function of one of these names."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            found += [node] if called in names else []
    return found


def writes_csv(path: Path) -> bool:
    csv_writers = [
        call
        for call in calls(path, "writer", "DictWriter")
        if isinstance(call.func, ast.Name) or getattr(getattr(call.func, "value", None), "id", "") == "csv"
    ]
    return bool(csv_writers or calls(path, "to_csv", "write_csv"))


def test_every_writer_of_csv_is_known() -> None:
    program = [path for path in SOURCES if relative(path).startswith(("core/", "pages/"))]
    assert {relative(path) for path in program if writes_csv(path)} == set(WRITERS)


@pytest.mark.parametrize("sign", FORMULA_SIGNS)
def test_no_cell_of_a_table_begins_like_a_formula(sign: str) -> None:
    hostile = f"{sign}cmd|' /C calc'!A0"
    (row,) = csv.DictReader(csv_text([{hostile: hostile, "risk": -0.5}]).splitlines(keepends=True))
    assert row == {f"'{hostile}": f"'{hostile}", "risk": "-0.5"}


@pytest.mark.parametrize("sign", FORMULA_SIGNS)
def test_no_cell_of_a_jitter_study_begins_like_a_formula(tmp_path: Path, sign: str) -> None:
    hostile = f"{sign}1+1"
    line = SimpleNamespace(
        case=hostile, group=hostile, index=0, kind="box", share=0.1, iou=(0.5,), dice=(0.25,), agreement=None
    )
    study: Any = SimpleNamespace(slices=(line,))
    jitter._write(tmp_path, study, {})
    with (tmp_path / jitter.SLICES).open(newline="", encoding="utf-8") as stream:
        (row,) = csv.DictReader(stream)
    assert (row["case"], row["patient"], row["iou"]) == (f"'{hostile}", f"'{hostile}", "0.500000")


def test_every_download_goes_through_one_button() -> None:
    """It packs what is large; beside it only `named` gives a file that leaves the program its name."""
    pages = [path for path in SOURCES if relative(path).startswith(("pages/", "app.py", "serve.py"))]
    assert {relative(path) for path in pages if calls(path, "download_button")} == {"pages/ui/save.py"}
    offering = [path for path in pages if calls(path, "save_button")]
    assert len(offering) >= 5
    made = [path for path in SOURCES if relative(path).startswith("core/report/")] + offering
    assert {relative(path) for path in made if calls(path, "NamedBytes")} == {"core/report/export.py"}
    export = next(path for path in SOURCES if relative(path) == "core/report/export.py")
    assert len(calls(export, "NamedBytes")) == 1


def test_a_name_differs_with_the_content() -> None:
    first, second = (named("second-look-case", ".json", data) for data in (b"{}", b"[]"))
    assert first.name != second.name
    assert re.fullmatch(r"second-look-case_[0-9a-f]{16}\.json", first.name)
