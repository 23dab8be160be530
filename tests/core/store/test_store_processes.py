"""Forked processes, directories that disappear, clocks that go backwards, openings at the same moment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from stored_examples import make_analysis, make_case, open_store

from core.errors import StoreProblem
from core.store import Store
from core.store.migrations import MIGRATIONS

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).resolve().parent

FORKING = f"""
import os, sys
from pathlib import Path
sys.path[:0] = [{str(ROOT)!r}, {str(HERE)!r}]
from core.errors import StoreProblem
from stored_examples import make_case, open_store
store = open_store(Path(sys.argv[1]))
store.put_case(make_case("before"))
child = os.fork()
if child == 0:
    for touch in (
        store.case_summaries,
        lambda: store.put_case(make_case("child")),
        lambda: store.reviews.append("Ada", "taxonomy", note="child"),
    ):
        try:
            touch()
            print("not refused", flush=True)
        except StoreProblem as problem:
            print(problem.what, flush=True)
    store.close()
    sys.exit(0)  # with everything that is done at the end of a process
print("child ended with", os.waitpid(child, 0)[1], flush=True)
store.put_case(make_case("after"))
store.reviews.append("Ada", "taxonomy", note="after")
os._exit(0)  # killed: what was acknowledged lies in the log
"""

SECOND = f"""
import sys
from pathlib import Path
sys.path[:0] = [{str(ROOT)!r}, {str(HERE)!r}]
from core.errors import StoreProblem
from stored_examples import open_store
try:
    open_store(Path(sys.argv[1]))
except StoreProblem as problem:
    print(problem.sentence)
"""


def run_python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_forked_process_is_refused_and_its_end_costs_the_owner_nothing(tmp_path: Path) -> None:
    done = run_python(FORKING, str(tmp_path))
    *refusals, ended = done.stdout.splitlines()
    assert len(refusals) == 3
    assert all("was forked from the one that owns the store" in each for each in refusals)
    assert ended == "child ended with 0"
    with open_store(tmp_path) as store:
        assert {each.name for each in store.case_summaries()} == {"before", "after"}
        assert [each.note for each in store.reviews.entries()] == ["after"]
        assert store.verify().ok


def test_directory_that_disappears_ends_writing_and_nothing_is_said_to_be_kept(tmp_path: Path) -> None:
    home = tmp_path / "home"
    store = open_store(home)
    with store:
        store.put_case(make_case("kept"))
        store.reviews.append("Ada", "taxonomy", note="kept")
        shutil.rmtree(home)
        for write in (
            lambda: store.put_case(make_case("lost")),
            lambda: store.delete_case(make_case("kept").id),
            lambda: store.reviews.append("Ada", "taxonomy", note="lost"),
        ):
            with pytest.raises(StoreProblem):
                write()
        assert not home.exists()


def test_database_replaced_while_it_is_open_ends_writing(tmp_path: Path) -> None:
    home, other = tmp_path / "home", tmp_path / "other"
    open_store(other).close()
    with open_store(home) as store:
        store.put_case(make_case("kept"))
        (other / "second_look.duckdb").replace(home / "second_look.duckdb")
        with pytest.raises(StoreProblem, match="replaced by another file"):
            store.put_case(make_case("lost"))
        assert store.info().mode == "read-only"


def test_rows_are_kept_while_the_clock_goes_backwards(tmp_path: Path) -> None:
    start, ticks = datetime(2026, 1, 2, tzinfo=UTC), iter(range(10_000))
    with open_store(tmp_path, clock=lambda: start - timedelta(hours=next(ticks))) as store:
        for name in ("first", "second"):
            case = make_case(name)
            store.put_case(case)
            store.put_analysis(make_analysis(case))
            assert store.analysis(make_analysis(case).key) is not None
            store.reviews.append("Ada", "taxonomy", note=name)
    with open_store(tmp_path) as store:
        assert [each.note for each in store.reviews.entries()] == ["first", "second"]
        assert store.reviews.report().ok and store.verify().ok


def test_of_sixteen_threads_that_open_at_once_one_owns_the_store(tmp_path: Path) -> None:
    def attempt(_: int) -> Store | str:
        try:
            return open_store(tmp_path)
        except StoreProblem as problem:
            return problem.what

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(attempt, range(16)))
    owners = [each for each in found if isinstance(each, Store)]
    refusals = [each for each in found if isinstance(each, str)]
    assert len(owners) == 1
    assert all("another instance owns this store" in each for each in refusals)
    owners[0].close()


def test_older_schema_that_may_only_be_read_is_refused_by_name_and_left_alone(tmp_path: Path) -> None:
    with open_store(tmp_path, migrations=MIGRATIONS[:-1]):
        pass
    before = (tmp_path / "second_look.duckdb").read_bytes()
    with pytest.raises(StoreProblem, match=r"older version .* cannot be brought forward"):
        open_store(tmp_path, mode="read-only")
    assert (tmp_path / "second_look.duckdb").read_bytes() == before


def test_file_with_two_names_is_refused_in_a_second_process_too(tmp_path: Path) -> None:
    home, other = tmp_path / "home", tmp_path / "other"
    other.mkdir()
    with open_store(home):
        (other / "second_look.duckdb").hardlink_to(home / "second_look.duckdb")
        assert "2 hard links" in run_python(SECOND, str(other)).stdout
