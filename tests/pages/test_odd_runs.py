"""Runs that leave little to judge: each page says so in a sentence of its own and never fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.pipeline.cohorts import add_cohort, remove_cohort
from core.pipeline.imported import import_predictions
from core.types import RunRecord
from tests.pages.conftest import Bench
from tests.pages.many import csv_file, import_table

Text = Callable[[AppTest], str]
SIDE = 24
PAGES = ("pages/coverage.py", "pages/reliability.py", "pages/cohorts.py")
UNFORESEEN = "did not foresee"


def draw(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def block(rows: int, classes: int = 1) -> np.ndarray:
    """The first `rows` rows; of two classes the second lies on the right."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[:rows] = 1
    mask[:rows, SIDE // 2 :] = classes
    return mask


def masks_of_one_epoch(
    bench: Bench, folder: Path, *, references: bool = True, cases: int = 4, classes: int = 1
) -> RunRecord:
    """One hard mask per case, off by a row more each time."""
    generator = np.random.default_rng(0)
    for k in range(cases):
        image = generator.integers(0, 255, (SIDE, SIDE)).astype(np.uint8)
        draw(folder / "d" / "images" / f"c{k}.png", image)
        if references:
            draw(folder / "d" / "masks" / f"c{k}.png", block(6, classes))
        draw(folder / "p" / f"c{k}.png", block(7 + k, classes))
    if not references:
        rows = "\n".join(f"c{k},images/c{k}.png" for k in range(cases))
        (folder / "d" / "manifest.csv").write_text(f"case,image\n{rows}\n")
    cohort = add_cohort(bench.store, folder / "d")
    return import_predictions(bench.store, cohort.id, folder / "p")


@pytest.mark.parametrize("page", PAGES)
def test_a_run_without_references(bench: Bench, tmp_path: Path, text: Text, page: str) -> None:
    run = masks_of_one_epoch(bench, tmp_path, references=False)
    app = bench.open(page, run=run.id, cohort=run.cohort_id)
    assert not app.exception
    assert UNFORESEEN not in text(app)
    if page != "pages/cohorts.py":
        assert "reference" in text(app)


@pytest.mark.parametrize("classes", [1, 2])
@pytest.mark.parametrize("page", PAGES)
def test_one_hard_mask_per_case(bench: Bench, tmp_path: Path, text: Text, page: str, classes: int) -> None:
    run = masks_of_one_epoch(bench, tmp_path, classes=classes)
    app = bench.open(page, run=run.id, cohort=run.cohort_id)
    assert not app.exception
    assert UNFORESEEN not in text(app)
    if page == "pages/coverage.py":
        assert "No score can rank these cases" in text(app)
    if page == "pages/reliability.py":
        assert "Every stated probability is 0 or 1" in text(app)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    "rows",
    [("a,a,0.9,0.1",), ("a,a,0.9,0.1", "b,a,0.5,0.5"), ("a,a,1,0", "b,a,1,0", "c,b,1,0", "d,b,1,0")],
    ids=["one", "one class", "all alike"],
)
def test_tables_with_next_to_nothing_in_them(
    bench: Bench, text: Text, page: str, rows: tuple[str, ...]
) -> None:
    run = import_table(bench.store, csv_file("t.csv", "case,label,prob_a,prob_b", rows))
    app = bench.open(page, run=run.id, cohort=run.cohort_id)
    assert not app.exception
    assert UNFORESEEN not in text(app)


@pytest.mark.parametrize("page", [*PAGES, "pages/case.py"])
def test_a_cohort_that_was_removed_while_it_was_selected(bench: Bench, text: Text, page: str) -> None:
    run = import_table(bench.store, csv_file("t.csv", "case,confidence,risk", ["a,1,0", "b,0,1", "c,.5,.2"]))
    app = bench.open(page, run=run.id, cohort=run.cohort_id, unit="1")
    remove_cohort(bench.store, run.cohort_id)
    app.run()
    assert not app.exception
    assert UNFORESEEN not in text(app)
