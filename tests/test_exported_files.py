"""Files that leave the program: no cell is a formula, no download has a name or bytes of its own making."""

from __future__ import annotations

import ast
import csv
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.commands import jitter
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

COMPRESSED = {
    "pages/ui/review_files.py": "a zip",
    "pages/ui/case_study.py": "one page; its name carries a digest, which makes its address its own",
}
"""Downloads that are not handed through `packed`, and why two of them never get one address."""


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
    (row,) = csv.DictReader(csv_text([{"case": hostile, "risk": -0.5}]).splitlines(keepends=True))
    assert row == {"case": f"'{hostile}", "risk": "-0.5"}


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


def downloads_of(path: Path) -> list[tuple[ast.FunctionDef, ast.Call]]:
    """Download buttons with the innermost function that makes them."""
    owners: dict[ast.Call, ast.FunctionDef] = {}
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "download_button":
                    owners[node] = function
    return [(function, call) for call, function in owners.items()]


def from_packed(function: ast.FunctionDef, name: str) -> bool:
    """Whether `name` is what `packed` gave back."""
    return any(
        isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id == name
        and isinstance(node.value, ast.Call)
        and getattr(node.value.func, "id", "") == "packed"
        for node in ast.walk(function)
    )


PAGES = [path for path in SOURCES if relative(path).startswith("pages/") and downloads_of(path)]


def test_download_buttons_are_found() -> None:
    assert len(PAGES) >= 5


@pytest.mark.parametrize("path", PAGES, ids=relative)
def test_download_hands_over_one_file_with_its_own_name_and_packs_what_is_large(path: Path) -> None:
    for function, call in downloads_of(path):
        data, name = call.args[1], next(each.value for each in call.keywords if each.arg == "file_name")
        assert isinstance(data, ast.Attribute) and data.attr == "data", ast.unparse(call)
        assert isinstance(name, ast.Attribute) and name.attr == "name", ast.unparse(call)
        assert ast.unparse(data.value) == ast.unparse(name.value)
        assert from_packed(function, ast.unparse(data.value)) or relative(path) in COMPRESSED
