"""Cases of a run on the Case page: rows without an image, and the place of any case among the others."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from core.pipeline.points import save_operating_point
from core.pipeline.prediction_tables import add_table
from core.pipeline.runs import keep_result
from core.types import CohortItem, NamedBytes, RunRecord
from tests.core.store.run_examples import make_cohort, make_point, make_run
from tests.pages.conftest import Bench, make_case

PAGE = "pages/case.py"
Text = Callable[[AppTest], str]
CLASSES = """case,group,label,prob_normal,prob_viral
a,p1,normal,0.9,0.1
b,p1,viral,0.6,0.4
c,p2,viral,0.3,0.7
d,p3,normal,0.2,0.8
"""
"""Confidence 0.9, 0.6, 0.7, 0.8; the likeliest class is right, wrong, right, wrong."""
RISKS = "case,confidence,risk\nx,0.2,0.5\ny,0.4,0.1\nz,0.4,0.0\n"


def put_table(bench: Bench, text: str, name: str = "elsewhere") -> RunRecord:
    return add_table(bench.store, NamedBytes(f"{name}.csv", text.encode()), name)[1]


def answer(app: AppTest) -> str:
    starts = ("**Nothing decides", "**Review", "**May go", "**Looks")
    return next(each.value.replace("\\", "") for each in app.markdown if each.value.startswith(starts))


def test_row_without_an_image_shows_its_numbers_and_says_so(bench: Bench, text: Text) -> None:
    run = put_table(bench, CLASSES)
    app = bench.open(PAGE, run=run.id, unit="1")
    shown = text(app)
    assert "No image came with this table" in shown
    for fact in ("**Name:** b", "**Patient:** p1", "**Predicted:** normal", "**Reference:** viral"):
        assert fact in shown
    assert "**Right or wrong:** wrong" in shown
    assert app.dataframe[0].value["Probability"].tolist() == [0.6, 0.4]


def test_place_among_the_cases_of_the_run(bench: Bench) -> None:
    run = put_table(bench, CLASSES)
    # 0.7 of 0.9, 0.6, 0.7, 0.8: two of the other three are higher.
    said = answer(bench.open(PAGE, run=run.id, unit="2"))
    assert (
        "Confidence **0.700** (highest probability) is lower than that of 66.7 % of the other 3 cases" in said
    )


def test_bare_table_shows_its_own_risk(bench: Bench, text: Text) -> None:
    run = put_table(bench, RISKS)
    assert "**Risk (risk as given):** 0.500" in text(bench.open(PAGE, run=run.id, unit="0")).replace("\\", "")


def test_without_a_saved_point_nothing_decides(bench: Bench) -> None:
    run = put_table(bench, CLASSES)
    assert answer(bench.open(PAGE, run=run.id, unit="0")).startswith(
        "**Nothing decides about this case yet:**"
    )


@pytest.mark.parametrize(("unit", "verdict"), [("1", "Review this case"), ("2", "May go unreviewed")])
def test_saved_point_of_the_run_decides(bench: Bench, unit: str, verdict: str) -> None:
    run = put_table(bench, CLASSES)
    point = make_point(
        name="Ward", run_id=run.id, cohort_id=run.cohort_id, model_id=None, estimator=None, threshold=0.7,
        score="max_softmax",
    )  # fmt: skip
    save_operating_point(bench.store, point)
    said = answer(bench.open(PAGE, run=run.id, unit=unit))
    assert said.startswith(f"**{verdict}.**")
    assert "the operating point **Ward v1** (0.700" in said


def test_point_of_another_run_decides_nothing(bench: Bench) -> None:
    run = put_table(bench, CLASSES)
    save_operating_point(bench.store, make_point(model_id=None, estimator=None, score="max_softmax"))
    assert answer(bench.open(PAGE, run=run.id, unit="1")).startswith("**Nothing decides")


def test_neighbours_are_the_next_by_confidence(bench: Bench, text: Text) -> None:
    run = put_table(bench, CLASSES)
    app = bench.open(PAGE, run=run.id, unit="2")
    app.button(key="unit_more").click().run()
    assert app.query_params["unit"] == "3"  # 0.8
    app.button(key="unit_more").click().run()
    assert app.query_params["unit"] == "0"  # 0.9, the last
    assert app.button(key="unit_more").disabled
    app.button(key="unit_less").click().run()
    assert "**Name:** d" in text(app)


@pytest.mark.parametrize("unit", ["99", "s0", "1;drop", "-1"])
def test_unit_that_is_not_there_counts_as_none(bench: Bench, text: Text, unit: str) -> None:
    run = put_table(bench, CLASSES)
    app = bench.open(PAGE, run=run.id, unit=unit)
    assert "No case is selected" in text(app)
    assert not app.exception


def put_cases(bench: Bench, slices: int = 1) -> tuple[RunRecord, list[str]]:
    """A run over two segmented cases; the made-up confidence of each is 0.75."""
    cases = [make_case(f"{k}.png", slices=slices, reference=True, seed=k) for k in range(2)]
    keys = [bench.keep(case).key for case in cases]
    cohort, items = make_cohort("brains", cases)
    bench.store.put_cohort(cohort, items)
    run = make_run(cohort)
    bench.store.put_run(run)
    for item, case, key in zip(items, cases, keys, strict=True):
        analysis = bench.store.analysis(key)
        assert analysis is not None and isinstance(item, CohortItem)
        keep_result(bench.store, run, item, case, analysis)
    bench.store.finish_run(run.id)
    return run, keys


def test_case_with_an_image_shows_its_place_beside_the_usual_page(bench: Bench, text: Text) -> None:
    run, keys = put_cases(bench)
    app = bench.open(PAGE, run=run.id, analysis=keys[0], unit="0")
    assert answer(app).startswith("**Looks consistent.**")
    place = "the confidence of this case is lower than that of 0 % of the other 1 case, equal to 1 more."
    assert f"In **brains** {place}" in text(app).replace("\\", "")
    app.button(key="unit_more").click().run()
    assert app.query_params["analysis"] == keys[1]


def test_place_of_a_case_is_found_without_its_unit(bench: Bench, text: Text) -> None:
    run, keys = put_cases(bench)
    assert "In **brains**" in text(bench.open(PAGE, run=run.id, analysis=keys[1]))


def test_result_of_another_model_has_no_place_in_the_run(bench: Bench, text: Text) -> None:
    run, _ = put_cases(bench)
    stranger = make_case("stranger.png", seed=9)
    bench.keep(stranger)
    assert "In **brains**" not in text(bench.open(PAGE, run=run.id, case=stranger.id, unit="0"))


def test_single_slice_of_a_run_has_its_place_among_slices(bench: Bench, text: Text) -> None:
    run, keys = put_cases(bench, slices=2)
    app = bench.open(PAGE, run=run.id, analysis=keys[0], unit="s1")
    assert "the confidence of slice 2 of this case is lower than that of 0 % of the other 3 slices" in text(
        app
    )


def test_deleted_case_does_not_leave_its_unit_behind(bench: Bench, text: Text) -> None:
    run, keys = put_cases(bench)
    app = bench.open(PAGE, run=run.id, analysis=keys[0], unit="0")
    case_id = app.query_params["case"]
    app.button(key=f"delete_{case_id[:16]}").click().run()
    assert "No case is selected" in text(app)
    assert "unit" not in app.query_params
