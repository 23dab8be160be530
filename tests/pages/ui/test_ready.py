"""What takes more than a moment: made once in the background, with progress, a way to cancel, and an end."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from core.errors import InputProblem
from core.types import Progress
from pages.ui import ready

Work = Callable[[Progress], str]


def page(work: Work) -> AppTest:
    """A page that needs what `work` makes."""

    def script(work) -> None:  # type: ignore[no-untyped-def]  # the script knows no name of this file
        import streamlit as st

        from pages.ui.ready import ready

        found = ready("thing", "Making the thing", ("a", 1), work)
        if found is not None:
            st.markdown(f"ready: {found}")

    return AppTest.from_function(script, args=(work,), default_timeout=30)


def words(app: AppTest) -> list[str]:
    return [each.value for each in app.markdown if each.value.startswith("ready")]


def test_thing_is_made_once_and_then_kept(bench) -> None:
    made: list[int] = []

    def work(progress: Progress) -> str:
        made.append(1)
        return "one"

    app = page(work).run()
    app.run()
    assert (words(app), made) == (["ready: one"], [1])
    assert words(page(work).run()) == ["ready: one"]
    assert made == [1]


def test_slow_work_shows_progress_until_it_is_done(bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready, "AT_ONCE_SECONDS", 0.0)
    go_on = threading.Event()

    def work(progress: Progress) -> str:
        progress(0.5, "Half of it")
        go_on.wait(20)
        return "late"

    app = page(work).run()
    assert words(app) == []
    assert [each.label for each in app.button] == ["Cancel"]
    go_on.set()
    bench.settle()
    assert words(app.run()) == ["ready: late"]


def test_cancelled_work_says_so_and_can_be_tried_again(bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready, "AT_ONCE_SECONDS", 0.0)
    hold, calls = threading.Event(), []

    def work(progress: Progress) -> str:
        calls.append(1)
        if len(calls) == 1:
            hold.wait(20)
        progress(0.9, "Nearly")
        return "second"

    app = page(work).run()
    app.button(key="cancel_job").click().run()
    hold.set()
    bench.settle()
    app.run()
    assert "Cancelled" in app.info[0].value
    assert words(app) == []
    monkeypatch.setattr(ready, "AT_ONCE_SECONDS", 20.0)
    app.button[0].click().run()
    assert (words(app), len(calls)) == (["ready: second"], 2)


def test_failure_is_drawn_and_not_repeated_by_itself(bench) -> None:
    calls: list[int] = []

    def work(progress: Progress) -> str:
        calls.append(1)
        raise InputProblem("The table is empty", found="0 rows", expected="some rows", fix="add rows")

    app = page(work).run()
    app.run()
    assert (app.error[0].value, len(calls)) == ("The table is empty", 1)
    app.button[0].click().run()
    assert len(calls) == 2


def test_unforeseen_failure_gets_an_incident_and_no_traceback(bench) -> None:
    def work(progress: Progress) -> str:
        raise ZeroDivisionError("secret words")

    app = page(work).run()
    assert "incident" in app.error[0].value
    assert "secret" not in app.error[0].value
    assert not app.exception
