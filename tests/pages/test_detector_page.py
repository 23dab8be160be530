"""The Detector page: limits by slider, proposals, profiles."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from core.pipeline.profiles import limits_of_run
from tests.pages.conftest import Bench
from tests.pages.many import bare_table, import_table
from tests.review_runs import put_run

PAGE = "pages/detector.py"
Text = Callable[[AppTest], str]


def rows(app: AppTest) -> list[list[str]]:
    return app.table[0].value.values.tolist()


def test_without_a_run_it_says_what_to_do_first(bench: Bench, text: Text) -> None:
    assert "There is nothing to judge yet" in text(bench.open(PAGE))


def test_a_table_without_outlines_has_no_checks_to_tune(bench: Bench, text: Text) -> None:
    run = import_table(bench.store, bare_table(20))
    assert "no checks to tune" in text(bench.open(PAGE, run=run.id))


def test_moving_a_limit_changes_the_workload_at_once(bench: Bench) -> None:
    # Confidences 0.95 to 0.30 in twenty steps; the built-in limit is 0.5.
    run = put_run(bench.store, 20)
    app = bench.open(PAGE, run=run.id)
    before = rows(app)
    app.slider(key="slide_low-confidence_0").set_value(0.9).run()
    assert not app.exception
    assert (
        "low-confidence_0.9" in app.query_params["limits"][0]
        or "low-confidence_0.9" in app.query_params["limits"]
    )
    after = rows(app)
    assert before != after
    app.button(key="limits_back").click().run()
    assert rows(app) == before


def test_a_half_without_failures_is_told(bench: Bench, text: Text) -> None:
    run = put_run(bench.store, 8)  # every outline equals its reference
    assert "has no failure" in text(bench.open(PAGE, run=run.id))


def test_proposals_change_the_limits(bench: Bench) -> None:
    run = put_run(bench.store, 20)
    app = bench.open(PAGE, run=run.id)
    app.button(key="take_good").click().run()
    assert not app.exception
    assert app.query_params.get("limits")
    app.button(key="take_cost").click().run()
    assert not app.exception
    # Nothing failed, so every check only costs: all are off.
    assert not any(each.value for each in app.toggle if each.key and each.key.startswith("active_"))


def test_saved_limits_are_in_force_and_named(bench: Bench, text: Text) -> None:
    run = put_run(bench.store, 20)
    app = bench.open(PAGE, run=run.id)
    app.slider(key="slide_low-confidence_0").set_value(0.9).run()
    app.text_input(key="profile_name").set_value("Night").run()
    app.button(key="save_profile").click().run()
    assert not app.exception
    assert limits_of_run(bench.store, run).profile == "Night v1"
    assert "in force" in text(app)
    case = bench.open("pages/case.py", run=run.id, unit="19", analysis=_key(bench, run.id, 19))
    assert "the profile **Night v1**" in text(case)
    next(each for each in app.button if each.label == "Stop using").click().run()
    assert limits_of_run(bench.store, run).profile is None


def _key(bench: Bench, run_id: str, row: int) -> str:
    from core.pipeline.runs import unit_table

    key = unit_table(bench.store, run_id, "case").analysis_key[row]
    assert key is not None
    return key
