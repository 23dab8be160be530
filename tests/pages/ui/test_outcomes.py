"""What is loaded goes when its case is deleted, also when that happens in the middle of loading."""

from __future__ import annotations

import pytest
import streamlit as st

from core.store import Store
from core.types import Case
from pages.ui import outcomes, resources
from tests.pages.conftest import Bench, make_case


def test_case_deleted_while_it_is_loaded_is_not_kept(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    case = make_case()
    bench.keep(case)
    found, asked = bench.store.case, []

    def slow(case_id: str) -> Case | None:
        loaded = found(case_id)
        asked.append(case_id)
        if len(asked) == 1:
            bench.store.delete_case(case_id)
            outcomes.forget()
        return loaded

    monkeypatch.setattr(bench.store, "case", slow)
    assert outcomes.load_case(case.id) is None
    # Once with the deletion in between, and once more, as it may have been another case.
    assert asked == [case.id, case.id]


def test_case_is_loaded_once_and_again_after_a_deletion(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = make_case()
    bench.keep(case)
    first = outcomes.load_case(case.id)
    assert outcomes.load_case(case.id) is first
    before = outcomes.deletions()
    outcomes.forget()
    assert outcomes.deletions() is not before
    assert outcomes.load_case(case.id) is not first


@pytest.mark.usefixtures("home")
def test_clearing_the_cache_closes_the_store_and_stops_the_workers() -> None:
    st.cache_resource.clear()
    opened, manager = resources.store(), resources.jobs()
    st.cache_resource.clear()
    assert manager.shutdown(0)
    # A store that was still open would own the directory and refuse this one.
    with Store.open() as again:
        assert again is not opened
        assert again.info().mode == "read-write"
