"""What every page starts with, and how errors end on screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.errors import StoreProblem
from core.store import Store, opening
from core.store.settings import DATABASE_NAME
from pages.ui import frame, resources
from tests.pages.conftest import Bench, make_case

Text = Callable[[AppTest], str]
OWN_STORE = resources.store
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


@pytest.fixture
def broken_store(bench: Bench, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The server's own resources over a database file that cannot be opened."""
    (home / DATABASE_NAME).write_bytes(b"no database")
    monkeypatch.setattr(resources, "store", OWN_STORE)
    yield home
    resources.try_the_store_again()


def test_broken_store_offers_to_go_on_in_memory_and_says_so_on_every_page(
    broken_store: Path, bench: Bench, text: Text
) -> None:
    app = bench.open()
    assert "cannot be opened" in app.error[0].value
    app.button(key="in_memory").click().run()
    assert not app.error
    for page in PAGES:
        assert "Nothing is kept" in bench.open(page).warning[0].value
    assert (broken_store / DATABASE_NAME).read_bytes() == b"no database"


def test_store_is_tried_again_once_it_was_mended(broken_store: Path, bench: Bench) -> None:
    app = bench.open()
    app.button(key="in_memory").click().run()
    (broken_store / DATABASE_NAME).unlink()
    app.button(key="try_store").click().run()
    assert not app.error
    assert not app.warning
    assert resources.store().info().mode == "read-write"


def test_problem_with_an_open_store_does_not_offer_to_leave_it(bench: Bench) -> None:
    app = bench.open("pages/data.py")
    assert "in_memory" not in [each.key for each in app.button]


def test_lost_writes_are_told_on_every_page_until_somebody_has_read_it(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "lossy"
    with Store.open(home) as store:
        store.put_case(make_case())
    (home / DATABASE_NAME).unlink()
    with Store.open(home) as store:
        monkeypatch.setattr(resources, "store", lambda: store)
        for page in PAGES:
            assert "Something that was kept is gone" in bench.open(page).error[0].value
        app = bench.open()
        app.button(key="read_losses").click().run()
        assert not app.error
        assert store.health.ok


def test_damage_found_by_reading_through_is_told_on_every_page(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "damaged"
    with Store.open(home) as store:
        store.put_case(make_case())
        for path in home.rglob("*.npy"):
            path.write_bytes(b"nonsense")
        store.read_through()
        monkeypatch.setattr(resources, "store", lambda: store)
        for page in PAGES:
            said = bench.open(page).error[0].value
            assert "Part of what is kept is damaged: array" in said
            assert "store restore DIRECTORY" in said and "analyse its case again" in said


def test_read_only_store_says_why_and_goes_on_once_the_cause_is_gone(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "full"
    with Store.open(home) as store:
        store.put_case(make_case())
    with Store.open(home, mode="read-only") as store:
        monkeypatch.setattr(resources, "store", lambda: store)
        for page in ("pages/open_case.py", "pages/data.py", "pages/cohorts.py"):
            assert "nothing new can be kept" in bench.open(page).warning[0].value
        app = bench.open("pages/data.py")
        app.button(key="write_again").click().run()
        assert not app.error and not app.warning
        assert store.info().mode == "read-write"


def test_store_still_read_only_says_what_is_in_the_way(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "full"
    Store.open(home).close()
    with Store.open(home, mode="read-only") as store:
        monkeypatch.setattr(resources, "store", lambda: store)
        monkeypatch.setattr(opening, "write_refusal", lambda home: "the disk is full")
        app = bench.open("pages/data.py")
        app.button(key="write_again").click().run()
        assert "The store is still read" in app.error[0].value
        assert "nothing new can be kept" in app.warning[0].value
        assert store.info().mode == "read-only"


def test_store_that_became_unreadable_is_opened_again_by_the_next_page(home: Path) -> None:
    lost = OWN_STORE()
    lost._database.close()
    assert not lost.readable
    found = OWN_STORE()
    assert found is not lost and found.readable
    assert OWN_STORE() is found
    resources.try_the_store_again()
