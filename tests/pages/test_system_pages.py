"""What is kept, and the self-test: the answer first, deletion, every state of an outcome."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import core
from core.errors import StoreProblem
from core.io.dicom_tags import kept_tags
from core.selftest import Detail, Finding, SelfTest, keep, kept
from core.store import Store
from pages.ui import resources, selftest
from pages.ui.text import safe_text
from tests.pages.conftest import Bench, make_case

Text = Callable[[AppTest], str]

GOOD = Finding(key="files", title="Reading files", state="passed", said="all 40 as they should be",
               details=(Detail(name="a.png", found="read as expected"),))  # fmt: skip
BAD = Finding(key="weights", title="Weights", state="failed", said="1 of 2 not as they should be",
              fix="get a copy", details=(Detail(name="w", found="changed", ok=False),))  # fmt: skip


def outcome(*findings: Finding, version: str = core.__version__) -> SelfTest:
    return SelfTest(
        app_version=version,
        machine="m",
        created_utc="2026-01-02T03:04:05+00:00",
        quick=True,
        findings=findings,
    )


@pytest.fixture
def on_disk(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The bench with a store in a folder."""
    store = Store.open(tmp_path / "kept")
    monkeypatch.setattr(resources, "store", lambda: store)
    return store


def test_page_says_what_is_kept_where_and_how_long(bench: Bench, text: Text) -> None:
    bench.keep(make_case())
    app = bench.open("pages/data.py")
    shown = text(app)
    assert "1 case and 1 result" in shown
    assert "Nothing leaves this machine" in shown
    assert "gone when the server stops" in shown
    assert all(tag in shown for tag in kept_tags())
    kinds = [str(each) for each in app.table[0].value.iloc[:, 0]]
    assert any("upload" in each for each in kinds)
    assert any("Decisions" in each for each in kinds)


def test_case_goes_from_the_page_with_what_was_derived(bench: Bench) -> None:
    case = make_case()
    analysis = bench.keep(case)
    app = bench.open("pages/data.py")
    app.button(key=f"delete_{case.id[:16]}").click().run()
    assert bench.store.case(case.id) is None
    assert bench.store.analysis(analysis.key) is None


def test_nothing_is_known_before_the_first_self_test(bench: Bench, text: Text) -> None:
    assert "Not known yet" in text(bench.open("pages/selftest.py"))


def test_self_test_runs_in_the_background_and_is_kept(
    bench: Bench, on_disk: Store, monkeypatch: pytest.MonkeyPatch, text: Text
) -> None:
    monkeypatch.setattr(selftest, "run_selftest", lambda store, *, quick, progress: outcome(GOOD))
    app = bench.open("pages/selftest.py")
    app.button(key="run_quick_selftest").click().run()
    bench.settle()
    shown = text(app.run())
    assert "Yes: 1 of 1 check passed" in shown
    assert "all 40 as they should be" in app.expander[0].label
    assert kept(Path(on_disk.info().home)) == outcome(GOOD)


def test_failed_check_comes_first_and_says_what_to_do(bench: Bench, on_disk: Store, text: Text) -> None:
    keep(Path(on_disk.info().home), outcome(GOOD, BAD))
    app = bench.open("pages/selftest.py")
    shown = text(app)
    assert "1 of 2 checks failed: Weights." in shown
    assert "get a copy" in shown
    labels = [each.label for each in app.expander]
    assert "1 of 2 not as they" in labels[0]
    assert "all 40 as they" in labels[1]


def test_outcome_of_another_version_asks_for_a_new_run(bench: Bench, on_disk: Store, text: Text) -> None:
    keep(Path(on_disk.info().home), outcome(GOOD, version="0.0.1"))
    shown = text(bench.open("pages/selftest.py"))
    assert "run it again" in shown
    assert "Yes:" not in shown


def test_problem_of_a_self_test_is_shown(bench: Bench, monkeypatch: pytest.MonkeyPatch, text: Text) -> None:
    def broken(store: Store, *, quick: bool, progress: object) -> SelfTest:
        raise StoreProblem("It cannot be", found="a", expected="b", fix="c")

    monkeypatch.setattr(selftest, "run_selftest", broken)
    app = bench.open("pages/selftest.py")
    app.button(key="run_selftest").click().run()
    bench.settle()
    assert "It cannot be" in text(app.run())


def test_backup_is_made_in_the_background_and_named(bench: Bench, on_disk: Store, tmp_path: Path) -> None:
    on_disk.put_case(make_case())
    app = bench.open("pages/data.py")
    app.text_input(key="backup_folder").set_value(str(tmp_path / "backups")).run()
    app.button(key="back_up").click().run()
    bench.settle()
    app.run()
    (made,) = (tmp_path / "backups").iterdir()
    assert safe_text(made.name) in app.success[0].value


def test_backup_into_the_store_itself_is_refused_in_words(bench: Bench, on_disk: Store, text: Text) -> None:
    app = bench.open("pages/data.py")
    app.text_input(key="backup_folder").set_value(on_disk.info().home).run()
    app.button(key="back_up").click().run()
    bench.settle()
    assert "A backup cannot be written here" in text(app.run())


def test_store_in_memory_offers_no_backup(bench: Bench) -> None:
    assert "Make a backup" not in [each.label for each in bench.open("pages/data.py").expander]
