"""What every page starts with, and how errors end on screen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from core.errors import StoreProblem
from pages.ui import frame, resources
from tests.pages.conftest import Bench, make_case

Text = Callable[[AppTest], str]
PAGES = ("", "pages/case.py", "pages/about.py")


@pytest.mark.parametrize("page", PAGES)
def test_every_page_carries_the_research_notice(bench: Bench, text: Text, page: str) -> None:
    app = bench.open(page)
    assert not app.exception
    assert frame.NOTICE in "".join(each.value for each in app.sidebar.caption)


@pytest.mark.parametrize("page", ("", "pages/case.py", "pages/data.py", "pages/selftest.py"))
def test_page_shows_one_sentence_when_another_process_owns_the_store(
    bench: Bench, text: Text, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    def owned() -> None:
        raise StoreProblem("The store is in use", found="process 7", expected="one owner", fix="stop it")

    monkeypatch.setattr(resources, "store", owned)
    app = bench.open(page)
    assert not app.exception
    assert [each.value for each in app.error] == ["The store is in use"]


def test_unforeseen_error_shows_an_incident_id_and_never_its_text(
    bench: Bench, text: Text, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("secret of patient 12")

    monkeypatch.setattr(resources, "store_or_none", lambda: None)
    monkeypatch.setattr(resources, "store", fail)
    app = bench.open("pages/case.py")
    shown = text(app)
    assert "secret" not in shown
    incident = shown.split("incident `")[1][:8]
    assert f"incident {incident}" in caplog.text
    assert "secret" not in caplog.text


def test_selected_case_is_named_in_the_sidebar_of_every_page(bench: Bench) -> None:
    case = make_case("a*b.png")
    bench.keep(case)
    app = bench.open("pages/about.py", case=case.id)
    assert any(each.value == "**a\\*b\\.png**" for each in app.sidebar.markdown)


def test_selection_survives_a_change_of_page(bench: Bench, text: Text) -> None:
    case = make_case()
    bench.keep(case)
    app = bench.open(case=case.id)
    app.query_params.clear()
    app.switch_page("pages/case.py").run()
    assert app.query_params["case"] == case.id
    assert "**Looks consistent.**" in text(app)


def test_cancelled_work_is_news_and_no_error(bench: Bench, text: Text) -> None:
    job = bench.jobs.submit("Wait", lambda progress: "", key="analyse:y")
    bench.settle()
    blocked = bench.jobs.submit("Blocker", _until_cancelled, key="analyse:z")
    bench.jobs.cancel(blocked)
    bench.settle()
    app = bench.open(job=blocked)
    assert job
    assert "Cancelled: Blocker" in text(app)
    assert len(app.error) == 0


def _until_cancelled(progress: Callable[[float, str], None]) -> str:
    while True:
        progress(0.1, "Waiting")
