"""Open a case: upload, samples, recent cases, refusals, and one click from there to the result."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from streamlit.testing.v1 import AppTest

from core.cohort import sample_cases
from core.io import write_png
from tests.core.io.io_files import dicom
from tests.pages.conftest import Bench, make_case

Text = Callable[[AppTest], str]
PICTURE = write_png(np.tile(np.arange(64, dtype=np.uint8) * 4, (64, 1)))


def upload(bench: Bench, app: AppTest, name: str, data: bytes) -> AppTest:
    """Upload a file and wait until it has been read."""
    app.file_uploader(key="upload").upload(name, data, "application/octet-stream").run()
    bench.settle()
    return app.run()


def test_first_page_offers_upload_and_every_sample(bench: Bench, text: Text) -> None:
    app = bench.open()
    keys = {each.key for each in app.button}
    assert {f"sample_{spec.key}" for spec in sample_cases()} <= keys
    assert app.file_uploader(key="upload") is not None
    assert "No case is kept yet" in text(app)


def test_upload_shows_what_was_understood_of_it(bench: Bench, text: Text) -> None:
    shown = text(upload(bench, bench.open(), "slice.png", PICTURE))
    assert "Ready: slice\\.png" in shown
    plain = shown.replace("\\", "")
    assert "1 slice of 64 × 64 pixels, png" in plain
    assert "unknown, so nothing is given in mm" in plain


def test_upload_then_analyse_is_one_click_to_the_result(bench: Bench) -> None:
    app = upload(bench, bench.open(), "slice.png", PICTURE)
    app.button(key="analyse").click().run()
    bench.settle()
    app.run()
    assert len(bench.analysed) == 1
    assert [each.value for each in app.title] == ["May I trust this one?"]


def test_refused_upload_names_file_found_expected_and_what_to_do(bench: Bench, text: Text) -> None:
    shown = text(upload(bench, bench.open(), "broken.png", PICTURE[:60]))
    assert "**File:** broken\\.png" in shown
    for fact in ("**Found:**", "**Expected:**", "**What to do:**"):
        assert fact in shown


def test_refusal_leaves_samples_and_recent_cases_usable(bench: Bench) -> None:
    kept = make_case("kept.png")
    bench.store.put_case(kept)
    app = upload(bench, bench.open(), "broken.png", b"not an image")
    app.button(key=f"open_{kept.id[:16]}").click().run()
    assert app.query_params["case"] == kept.id


def test_hostile_file_name_is_escaped_everywhere(bench: Bench, text: Text) -> None:
    shown = text(upload(bench, bench.open(), "![a](http:evil.example)<b>.png", PICTURE))
    assert "![a]" not in shown
    assert "<b" not in shown.replace("\\<", "")


def test_other_plane_reads_the_upload_again(bench: Bench) -> None:
    app = upload(bench, bench.open(), "slice.png", PICTURE)
    first = app.query_params["case"]
    app.selectbox(key=f"read_plane_{first[:16]}").set_value("coronal").run()
    bench.settle()
    app.run()
    second = bench.store.case(app.query_params["case"])
    assert second is not None
    assert (second.id == first, second.image.geometry.plane) == (False, "coronal")


def test_sample_is_drawn_and_selected(bench: Bench) -> None:
    app = bench.open()
    app.button(key=f"sample_{sample_cases()[0].key}").click().run()
    bench.settle()
    app.run()
    case = bench.store.case(app.query_params["case"])
    assert case is not None
    assert case.format == "synthetic"


def test_running_job_in_the_address_survives_a_new_session(bench: Bench, text: Text) -> None:
    case = make_case()
    bench.store.put_case(case)
    job = bench.jobs.submit("Analysing", lambda progress: bench.keep(case).key, key="analyse:x")
    bench.settle()
    app = bench.open(case=case.id, job=job)
    assert [each.value for each in app.title] == ["May I trust this one?"]


def test_forgotten_job_in_the_address_is_said_so(bench: Bench, text: Text) -> None:
    app = bench.open(job="0123456789abcdef")
    assert "no longer known" in text(app)
    assert "job" not in app.query_params


def test_unforeseen_failure_of_a_job_shows_an_incident_and_no_trace(bench: Bench, text: Text) -> None:
    def work(progress: object) -> str:
        raise ZeroDivisionError("patient Miller")

    job = bench.readers.submit("Reading", work, key="read:x")
    bench.settle()
    shown = text(bench.open(job=job))
    assert f"incident `{bench.readers.status(job).incident}`" in shown
    assert "Miller" not in shown


def test_recent_case_is_deleted_for_good(bench: Bench) -> None:
    case = make_case()
    analysis = bench.keep(case)
    app = bench.open()
    app.button(key=f"delete_{case.id[:16]}").click().run()
    assert (bench.store.case(case.id), bench.store.analysis(analysis.key)) == (None, None)


def test_dicom_files_stay_at_hand_until_the_case_is_deleted(bench: Bench) -> None:
    data = dicom(np.arange(4096, dtype=np.uint16).reshape(64, 64))
    app = upload(bench, bench.open(), "IM0.dcm", data)
    case_id = app.query_params["case"]
    known, source = app.session_state["read_source"]
    assert (known, [each.data for each in source.files]) == (case_id, [data])
    app.button(key=f"delete_{case_id[:16]}").click().run()
    assert "read_source" not in app.session_state


def test_other_uploads_are_not_kept_in_the_session(bench: Bench) -> None:
    app = upload(bench, bench.open(), "slice.png", PICTURE)
    assert "read_source" not in app.session_state


def test_older_cases_are_drawn_when_unfolded_and_fifty_at_a_time(bench: Bench) -> None:
    for seed in range(60):
        bench.store.put_case(make_case(seed=seed))

    def drawn(app: AppTest) -> int:
        return sum(each.key.startswith("open_") for each in app.button if each.key)

    app = bench.open()
    assert drawn(app) == 6
    app.session_state["older"] = True
    assert drawn(app.run()) == 6 + 50
    app.session_state["older_page"] = 2
    assert drawn(app.run()) == 6 + 4
