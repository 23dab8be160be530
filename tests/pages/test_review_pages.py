"""Worklist and Review desk in their odd states; the desk itself is driven in a real browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from core.pipeline.points import save_operating_point
from core.pipeline.reviews import decide_case, edit_kinds
from core.pipeline.runs import unit_table
from core.pipeline.worklist import worklist
from core.store import Store
from core.types import RiskConventions, RunRecord
from core.types.reviews import Judged, Opinion
from pages.ui.desk import parse_act
from pages.ui.reader import Reader
from pages.ui.review_queue import Filters
from tests.core.store.run_examples import make_point
from tests.pages.conftest import APP, Bench
from tests.pages.many import bare_table, import_table, nine_of_ten
from tests.review_runs import put_run

WORKLIST, REVIEW = "pages/worklist.py", "pages/review.py"
Text = Callable[[AppTest], str]


def open_as(bench: Bench, page: str, name: str = "Ada", *, alone: bool = False, **address: str) -> AppTest:
    """The page for a reader who has said who they are."""
    app = AppTest.from_file(str(APP), default_timeout=30)
    app.switch_page(page)
    for key, value in address.items():
        app.query_params[key] = value
    app.session_state["review_reader"] = Reader(name=name, alone=alone)
    return app.run()


def decide(store: Store, run: RunRecord, reader: str, decisions: dict[int, str]) -> None:
    for item in worklist(store, run, unit_table(store, run.id, "case")):
        if item.row in decisions:
            judged = Judged(subject=item.subject, position=item.row)
            decide_case(store, reader, judged, Opinion(decision=decisions[item.row]))  # type: ignore[arg-type]


def test_worklist_without_a_run_says_what_to_do_first(bench: Bench, text: Text) -> None:
    app = open_as(bench, WORKLIST)
    assert not app.exception
    assert "There is nothing to judge yet" in text(app)


def test_desk_without_a_selection_leads_to_the_worklist(bench: Bench, text: Text) -> None:
    app = open_as(bench, REVIEW)
    assert not app.exception
    assert "Nothing is selected to review" in text(app)


@pytest.mark.parametrize("page", [WORKLIST, REVIEW])
def test_nobody_reads_without_a_name(bench: Bench, text: Text, page: str) -> None:
    run = put_run(bench.store, 3)
    app = bench.open(page, run=run.id)
    assert "Who is reading?" in text(app)
    app.text_input(key="reader_typed").set_value("  ")
    next(each for each in app.button if each.label == "Start reading").click().run()
    assert "This cannot be a reader" in text(app)
    app.text_input(key="reader_typed").set_value("Ada")
    next(each for each in app.button if each.label == "Start reading").click().run()
    assert "Who is reading?" not in text(app)


def test_worklist_tells_how_many_ask_for_a_review(bench: Bench, text: Text) -> None:
    run = put_run(bench.store, 10)  # 0.95, 0.88, … 0.30: three lie below 0.5
    decide(bench.store, run, "Ada", {9: "reject"})
    app = open_as(bench, WORKLIST, run=run.id)
    said = text(app).replace("\\", "")
    assert (
        "**3 cases of 10 ask for a review**, 2 of them still open; **1 of 10 cases** decided by you" in said
    )
    assert "The riskiest: **scan-0008.png**" in said


def test_filters_live_in_the_address(bench: Bench, text: Text) -> None:
    run = put_run(bench.store, 10)
    app = open_as(bench, WORKLIST, run=run.id)
    app.segmented_control(key="work_verdict").set_value("review").run()
    assert "of 3 listed cases" in text(app)
    kept = app.query_params["queue"]
    again = open_as(bench, WORKLIST, run=run.id, queue=kept)
    assert "of 3 listed cases" in text(again)
    assert "of 10 listed cases" in text(open_as(bench, WORKLIST, run=run.id, queue="bm90IGpzb24"))


def test_what_is_searched_for_stays_out_of_the_address(bench: Bench, text: Text) -> None:
    run = put_run(bench.store, 10)
    app = open_as(bench, WORKLIST, run=run.id)
    app.text_input(key="work_text").set_value("PATIENT-4").run()
    assert "of 2 listed cases" in text(app)
    assert "queue" not in app.query_params
    app.text_input(key="work_text").set_value("nobody").run()
    assert "No case passes these filters" in text(app)


def test_the_list_has_pages(bench: Bench, text: Text) -> None:
    run = import_table(bench.store, bare_table(60))
    app = open_as(bench, WORKLIST, run=run.id)
    assert "**1 to 25** of 60 listed cases" in text(app)
    app.button(key="work_page_1").click().run()
    app.button(key="work_page_1").click().run()
    assert "**51 to 60** of 60 listed cases" in text(app)
    assert app.button(key="work_page_1").disabled


@pytest.mark.parametrize("file", [bare_table(12), nine_of_ten()])
def test_rows_without_an_image_can_be_reviewed(bench: Bench, text: Text, file: object) -> None:
    run = import_table(bench.store, file)  # type: ignore[arg-type]
    app = open_as(bench, REVIEW, run=run.id)
    assert not app.exception
    assert "No image came with this table" in text(app)


def test_alone_names_neither_verdict_nor_confidence(bench: Bench, text: Text) -> None:
    run = put_run(bench.store, 4)
    for page in (WORKLIST, REVIEW):
        said = text(open_as(bench, page, alone=True, run=run.id))
        for word in ("Review this case", "Looks consistent", "ask for a review", "Confidence **", "riskiest"):
            assert word not in said
    table = import_table(bench.store, nine_of_ten())
    assert "Predicted" not in text(open_as(bench, REVIEW, alone=True, run=table.id))


def test_a_damaged_log_is_told_on_both_pages(
    bench: Bench, text: Text, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = put_run(bench.store, 2)
    whole = bench.store.reviews.report()
    damaged = whole.model_copy(update={"problems": ("entry 2 was changed",), "first_bad": 2})
    monkeypatch.setattr(bench.store.reviews, "report", lambda: damaged)
    for page in (WORKLIST, REVIEW):
        said = text(open_as(bench, page, run=run.id))
        assert "The review log is damaged: entry 2 was changed" in said


def test_agreement_shows_kappa_of_the_common_cases(bench: Bench, text: Text) -> None:
    run = put_run(bench.store, 10)
    decide(bench.store, run, "Ada", dict(enumerate(["accept"] * 3 + ["reject"] * 3)))
    decide(bench.store, run, "Ben", dict(enumerate(["accept"] * 2 + ["reject"] * 3 + ["accept"] * 5)))
    app = open_as(bench, WORKLIST, run=run.id)
    app.session_state["agreement"] = True
    said = text(app.run())
    # Six common cases, four alike, three and three each: kappa = (4/6 - 1/2) / (1/2) = 1/3.
    assert "**You and Ben**: 6 common cases of 3 patients" in said
    assert "κ **0.333**" in said
    assert "**2 disagreements**" in said


def test_an_alarm_when_reviewers_find_more_than_was_promised(bench: Bench, text: Text) -> None:
    run = import_table(bench.store, bare_table(40))
    point = make_point(
        run_id=run.id, cohort_id=run.cohort_id, model_id=None, estimator=None, threshold=0.0, name="Ward",
        score="confidence", conventions=RiskConventions(risk="failure"),
    )  # fmt: skip
    save_operating_point(bench.store, point)
    decide(bench.store, run, "Ada", {k: "reject" if k % 4 else "accept" for k in range(40)})
    assert "What you found contradicts the operating point" in text(open_as(bench, WORKLIST, run=run.id))
    assert "contradicts" not in text(open_as(bench, WORKLIST, "Ben", run=run.id))


def test_kinds_of_failure_that_were_edited_are_offered(bench: Bench) -> None:
    edit_kinds(bench.store, "Ada", [("data", "Motion")])
    run = put_run(bench.store, 2)
    app = open_as(bench, WORKLIST, run=run.id)
    app.session_state["kinds"] = True
    assert not app.run().exception


@pytest.mark.parametrize(
    "reported",
    [
        None,
        {},
        {"act": "decide"},
        {"act": "erase", "subject": "x"},
        {"act": "decide", "subject": "x", "seconds": float("inf")},
        {"act": "decide", "subject": "x", "comment": "y" * 5000},
        {"act": "decide", "subject": "x", "extra": 1},
    ],
)
def test_what_a_browser_must_not_say_is_no_act(reported: object) -> None:
    assert parse_act(reported) is None


def test_filters_refuse_what_they_do_not_know() -> None:
    with pytest.raises(ValueError, match="causes"):
        Filters(causes=("weather",))  # type: ignore[arg-type]


def test_the_worklist_proposes_failures_worth_showing(bench: Bench, text: Text) -> None:
    run = put_run(bench.store, 4)  # every outline equals its reference
    app = open_as(bench, WORKLIST, run=run.id)
    app.session_state["instructive"] = True
    assert "No case of this run failed" in text(app.run())
    failed = import_table(bench.store, nine_of_ten(8))
    other = open_as(bench, WORKLIST, run=failed.id)
    other.session_state["instructive"] = True
    other.run()
    assert not other.exception
    assert "A row opens its case" in text(other)


def test_a_case_study_is_made_on_the_case_page(bench: Bench, text: Text) -> None:
    run = put_run(bench.store, 2)
    key = unit_table(bench.store, run.id, "case").analysis_key[1]
    assert key is not None
    decide_case(bench.store, "Ada", Judged(subject=key), Opinion(decision="reject", comment="too wide"))
    app = open_as(bench, "pages/case.py", run=run.id, analysis=key)
    app.session_state["study"] = True
    app.run()
    assert app.text_area[0].value == "Rejected: too wide"
    app.toggle(key=f"study_make_{key[:12]}").set_value(True).run()
    bench.settle()
    app.run()
    assert not app.exception
    assert [each for each in app.get("download_button") if "Case study" in str(each.proto.label)]


def test_a_blinded_reader_cannot_search_for_what_the_model_found(bench: Bench, text: Text) -> None:
    run = put_run(bench.store, 4)
    seen, blinded = (open_as(bench, WORKLIST, alone=alone, run=run.id) for alone in (False, True))
    for app in (seen, blinded):
        app.text_input(key="work_text").set_value("a mask").run()
    assert "of 4 listed cases" in text(seen)
    assert "No case passes these filters" in text(blinded)
