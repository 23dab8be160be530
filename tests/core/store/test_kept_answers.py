"""Answers that are kept until something is written: never an old one, never one of a closed store."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from core.errors import StoreProblem
from core.store import Store
from core.store.kept import MOST, KeptAnswers
from tests.core.store.run_examples import make_cohort
from tests.pages.conftest import make_analysis, make_case


def statements(store: Store, case_id: str) -> int:
    """Of the database, for what every page asks."""
    with store.trace() as trace:
        store.info()
        store.case_summaries()
        store.analyses_of(case_id)
        store.runs()
        store.cohorts()
    return trace.statements


def test_second_page_asks_the_database_nothing_until_something_is_written(tmp_path: Path) -> None:
    case, other = make_case("a.png"), make_case("b.png", seed=1)
    with Store.open(tmp_path) as store:
        store.put_case(case)
        first = statements(store, case.id)
        assert first > 0
        assert statements(store, case.id) == 0
        store.put_case(other)
        assert statements(store, case.id) == first


def test_every_kind_of_change_is_seen_at_once(tmp_path: Path) -> None:
    case = make_case("a.png")
    analysis = make_analysis(case)
    with Store.open(tmp_path) as store:
        assert store.case_summaries() == ()
        store.put_case(case)
        assert [each.id for each in store.case_summaries()] == [case.id]
        assert store.analyses_of(case.id) == ()
        store.put_analysis(analysis)
        assert [each.key for each in store.analyses_of(case.id)] == [analysis.key]
        assert store.cohorts() == ()
        store.put_cohort(*make_cohort("Ward", [case]))
        assert len(store.cohorts()) == 1
        assert store.info().cases == 1
        store.delete_case(case.id)
        assert (store.case_summaries(), store.analyses_of(case.id), store.info().cases) == ((), (), 0)


def test_closed_store_answers_nothing(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    store.case_summaries()
    store.close()
    with pytest.raises(StoreProblem, match="closed"):
        store.case_summaries()


def test_answer_from_before_a_write_is_not_kept() -> None:
    kept, asked, written = KeptAnswers(), threading.Event(), threading.Event()

    def slow() -> str:
        asked.set()
        assert written.wait(30)
        return "old"

    reader = threading.Thread(target=lambda: kept.get("question", slow))
    reader.start()
    assert asked.wait(30)
    kept.drop()
    written.set()
    reader.join(30)
    assert kept.get("question", lambda: "new") == "new"


def test_only_so_many_answers_are_kept() -> None:
    kept = KeptAnswers()
    for number in range(MOST + 1):
        kept.get(number, lambda number=number: number)  # type: ignore[misc]
    assert kept.get(MOST, lambda: -1) == MOST
    assert kept.get(0, lambda: -1) == -1
