"""The Cohorts page: adding, showing, failures, removing; what cannot be done is not offered."""

from __future__ import annotations

import re
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.store import Store
from core.types import NamedBytes
from pages.ui import resources
from tests.pages.conftest import Bench
from tests.pages.many import bare_table, csv_file, import_table, nine_of_ten, outlined_run

PAGE = "pages/cohorts.py"
Text = Callable[[AppTest], str]


def picture(values: np.ndarray) -> bytes:
    return cv2.imencode(".png", values.astype(np.uint8))[1].tobytes()


def pairs() -> list[NamedBytes]:
    """Two pictures with their masks, and a file that is neither."""
    disk = np.zeros((32, 32))
    disk[10:20, 10:20] = 255
    return [
        NamedBytes("a.png", picture(disk / 2)),
        NamedBytes("a_mask.png", picture(disk)),
        NamedBytes("b.png", picture(disk / 3)),
        NamedBytes("b_mask.png", picture(disk)),
    ]


def settled(bench: Bench, app: AppTest) -> AppTest:
    bench.settle()
    return app.run()


def upload(app: AppTest, *files: NamedBytes) -> AppTest:
    field = app.file_uploader[0]
    field.set_value([(each.name, each.data, "application/octet-stream") for each in files])
    return app.run()


def test_empty_page_offers_an_upload_and_the_sample_cohort(bench: Bench, text: Text) -> None:
    app = bench.open(PAGE)
    assert "Nothing yet" in text(app)
    assert not app.button(key="add_samples").disabled
    assert not app.exception


def test_uploaded_table_becomes_a_cohort_with_its_predictions(bench: Bench, text: Text) -> None:
    app = upload(bench.open(PAGE), bare_table(30, name="elsewhere.csv"))
    assert "is a table of predictions" in text(app)
    # Typed and pressed at once: the name arrives together with the click.
    app.text_input(key="cohort_name").set_value("Elsewhere")
    app.button(key="add_cohort").click().run()
    app = settled(bench, app)
    assert not app.exception
    (cohort,) = bench.store.cohorts()
    assert (cohort.name, cohort.items) == ("Elsewhere", 30)
    (run,) = bench.store.runs()
    assert (run.done, run.complete) == (30, True)
    assert app.query_params["run"] == [run.id] or app.query_params["run"] == run.id
    # The field is empty again, so nothing is added twice.
    assert not any(each.key == "add_cohort" for each in app.button)


def test_images_with_masks_are_understood_before_they_are_read(bench: Bench, text: Text) -> None:
    app = upload(bench.open(PAGE), *pairs())
    shown = text(app)
    assert "Images and masks by name" in shown
    assert "2 cases of 2 patients, 2 with a reference" in shown
    app.button(key="add_cohort").click().run()
    app = settled(bench, app)
    (cohort,) = bench.store.cohorts()
    assert (cohort.items, cohort.task) == (2, "segmentation")


def test_table_with_a_wrong_number_says_which_row_and_what_to_do(bench: Bench, text: Text) -> None:
    bad = csv_file("bad.csv", "case,confidence,risk", ["a,0.5,0.1", "b,high,0.1"])
    app = upload(bench.open(PAGE), bad)
    app.button(key="add_cohort").click().run()
    app = settled(bench, app)
    assert "row 2" in text(app)
    assert "**What to do:**" in text(app)
    assert bench.store.cohorts() == ()


def test_unknown_files_are_refused_with_what_is_understood(bench: Bench, text: Text) -> None:
    app = upload(bench.open(PAGE), NamedBytes("notes.txt", b"nothing"), NamedBytes("more.txt", b"x"))
    assert "**What to do:**" in text(app)
    assert not app.exception


def test_half_done_run_lists_its_failures_and_leads_to_the_numbers(bench: Bench, text: Text) -> None:
    run = outlined_run(bench.store, 8, done=5, failed=2)
    app = bench.open(PAGE, cohort=run.cohort_id)
    assert ":blue-badge[not finished]" in text(app)
    assert "2 failed" in text(app)
    failures = next(each.value for each in app.dataframe if "Why" in each.value)
    assert failures["Why"].tolist() == ["The file ends early."] * 2
    app.button(key=f"Reli_{run.id[:16]}").click().run()
    assert app.title[0].value == "Does 0.9 mean 0.9?"


def test_how_good_the_predictions_are_is_told_with_its_interval(bench: Bench, text: Text) -> None:
    run = import_table(bench.store, nine_of_ten(right=8))
    app = bench.open(PAGE, cohort=run.cohort_id)
    app.toggle(key=f"good_{run.id[:16]}").set_value(True).run()
    assert not app.exception
    assert re.search(r"\*\*Accuracy 0\.800 \[0\.[0-9]+–[01]\.[0-9]+\]\*\*, n = 10 cases", text(app))


def test_no_model_is_offered_for_a_table_without_images(bench: Bench, text: Text) -> None:
    run = import_table(bench.store, bare_table(5))
    app = bench.open(PAGE, cohort=run.cohort_id)
    assert "no model can be run on it" in text(app)
    assert not any(each.key == "start_run" for each in app.button)


def test_cohort_is_removed_with_its_predictions(bench: Bench, text: Text) -> None:
    run = import_table(bench.store, bare_table(5))
    app = bench.open(PAGE, cohort=run.cohort_id, run=run.id)
    app.button(key=f"remove_cohort_{run.cohort_id[:16]}").click().run()
    assert (bench.store.cohorts(), bench.store.runs()) == ((), ())
    assert "Nothing yet" in text(app)
    assert "cohort" not in app.query_params


def test_deleted_predictions_leave_the_cohort(bench: Bench, text: Text) -> None:
    run = import_table(bench.store, bare_table(5))
    app = bench.open(PAGE, cohort=run.cohort_id)
    app.button(key=f"delete_run_{run.id[:16]}").click().run()
    assert bench.store.runs() == ()
    assert len(bench.store.cohorts()) == 1
    assert "No predictions yet" in text(app)


def test_hostile_names_stay_text(bench: Bench, text: Text) -> None:
    hostile = "![x](http://evil.example/a.png)"
    rows = [f"{hostile}{k},=1+{k},0.{k}5,0.1" for k in range(5)]
    run = import_table(bench.store, csv_file("a.csv", "case,group,confidence,risk", rows), hostile)
    shown = text(bench.open(PAGE, cohort=run.cohort_id))
    assert "![x](http" not in shown
    assert r"\!\[x\]\(http" in shown


def test_read_only_store_takes_nothing_and_says_why(
    bench: Bench, text: Text, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = outlined_run(bench.store, 4)
    info = bench.store.info()
    read_only = type(info)(**{**vars(info), "mode": "read-only", "reason": "another program holds it"})
    monkeypatch.setattr(Store, "info", lambda self: read_only)
    app = bench.open(PAGE, cohort=run.cohort_id)
    assert any("another program holds it" in each.value for each in app.warning)
    assert app.button(key="add_samples").disabled
    assert not app.exception


def test_work_goes_to_the_manager_of_cohorts_and_not_of_single_cases(bench: Bench) -> None:
    app = upload(bench.open(PAGE), bare_table(5))
    app.button(key="add_cohort").click().run()
    bench.settle()
    assert [each.title for each in resources.cohort_jobs().recent()] == ["Reading the table"]
    assert bench.jobs.recent() == bench.readers.recent() == ()
