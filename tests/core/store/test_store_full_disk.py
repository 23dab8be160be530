"""A disk that is really full: a small one, mounted for one process, and filled to the last byte."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from stored_examples import bits, make_case, open_store

from core.errors import StoreProblem
from core.store import StoreSettings, database, opening, ownership, review_log

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).resolve().parent

ON_A_SMALL_DISK = (
    "unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
    'mount -t tmpfs -o size=24m tmpfs "$1" && shift && exec "$@"', "sh",
)  # fmt: skip

FULL = f"""
import json, shutil, sys
from pathlib import Path
sys.path[:0] = [{str(ROOT)!r}, {str(HERE)!r}]
from core.errors import StoreProblem
from stored_examples import make_analysis, make_case, open_store
home, left, told = Path(sys.argv[1]), int(sys.argv[2]), {{}}
def refused(work):
    try:
        work()
    except StoreProblem as problem:
        return problem.what + ": " + problem.found
def judge(store, note):
    return store.reviews.append("Ada", "taxonomy", note=note)
store = open_store(home)
judge(store, "before")
filler = (home / "filler").open("wb")
filler.write(b"x" * (shutil.disk_usage(home).free - left))
filler.flush()
store._require_room = lambda wanted: None  # somebody else takes the room after it was looked for
kept = []
def fill():
    for step in range(10_000):
        case = make_case(str(step))
        store.put_case(case)
        kept.append(case)
told["full"] = refused(fill)
def more(cursor):
    cursor.execute("INSERT INTO meta VALUES ('more', ?)", ["x" * 10_000])
told["row"] = refused(lambda: store._database.write(more))
told["state"] = [store.info().mode, store.info().reason]
told["review"] = refused(lambda: judge(store, "full"))
told["kept"], told["readable"] = len(kept), sum(store.case(case.id) is not None for case in kept)
told["still"] = refused(store.write_again)
store.close()
store = open_store(home)
told["opened"] = [store.info().mode, store.info().reason]
told["opened readable"] = sum(store.case(case.id) is not None for case in kept)
filler.close()
(home / "filler").unlink()
store.write_again()
store.put_case(make_case("after"))
judge(store, "after")
told["again"] = [store.info().mode, store.info().reason, store.info().health.ok]
store.close()
with open_store(home) as store:
    told["in the end"] = [store.info().mode, sum(store.case(case.id) is not None for case in kept)]
    told["problems"] = store.verify().problems
    told["notes"] = [each.note for each in store.reviews.entries()]
print(json.dumps(told))
"""


def fill_a_disk(folder: Path, left: int) -> dict[str, Any]:
    """What a process saw that filled a disk of 24 MB with `left` bytes left; skips without such a disk."""
    if shutil.which("unshare") is None or subprocess.run(
        [*ON_A_SMALL_DISK, str(folder), "true"], capture_output=True, check=False
    ).returncode:  # fmt: skip
        pytest.skip("no disk can be mounted here; the limit of the file size stands in for it")
    command = [*ON_A_SMALL_DISK, str(folder), sys.executable, "-c", FULL, str(folder), str(left)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("left", [300_000, 2_000_000])
def test_full_disk_is_said_read_on_and_left_again_without_a_restart(tmp_path: Path, left: int) -> None:
    told = fill_a_disk(tmp_path, left)
    assert "could not be read or written" in told["full"] and "No space left" in told["full"]
    assert told["row"]
    assert told["state"][0] == "read-only" and "No space left" in told["state"][1]
    assert "read-only" in told["review"]
    assert told["kept"] == told["readable"] == told["opened readable"] == told["in the end"][1] > 0
    assert "still read-only" in told["still"]
    assert told["opened"][0] == "read-only" and "is full" in told["opened"][1]
    assert told["again"] == ["read-write", "", True]
    assert told["problems"] == []
    assert told["notes"] == ["before", "after"]


def test_decision_whose_head_finds_no_room_is_refused_and_not_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_store(tmp_path) as store:
        store.reviews.append("Ada", "taxonomy", note="before")
        with monkeypatch.context() as full:
            full.setattr(review_log, "write_head", raise_no_space)
            with pytest.raises(StoreProblem, match="No space left"):
                store.reviews.append("Ada", "taxonomy", note="refused")
        store.reviews.append("Ada", "taxonomy", note="after")
        assert [each.note for each in store.reviews.entries()] == ["before", "after"]
        assert store.reviews.report().ok


def test_store_that_cannot_even_be_read_says_so_and_opens_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = make_case()
    with open_store(tmp_path) as store:
        store.put_case(case)
        with monkeypatch.context() as broken:
            broken.setattr(database, "count_write", raise_no_space)
            broken.setattr(database, "connect", refuse_to_open)
            with pytest.raises(StoreProblem, match="No space left"):
                store.put_case(make_case("other"))
        assert not store.readable
        with pytest.raises(StoreProblem, match=r"No space left.*could not be opened for reading either"):
            store.case_summaries()
        store.write_again()
        assert store.readable and bits(store.case(case.id)) == bits(case)
        assert store.info().mode == "read-write"


def test_writing_again_is_refused_below_the_floor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_store(tmp_path) as store, monkeypatch.context() as full:
        store._settings = StoreSettings()
        full.setattr(database, "count_write", raise_no_space)
        with pytest.raises(StoreProblem):
            store.put_case(make_case())
        full.undo()
        full.setattr(opening, "shutil", FakeDisk(10**9))
        with pytest.raises(StoreProblem, match="nearly full"):
            store.write_again()
        full.setattr(opening, "shutil", FakeDisk(10**10))
        store.write_again()
        assert store.info().mode == "read-write"


def test_full_disk_opens_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_store(tmp_path) as store:
        store.put_case(make_case())
    monkeypatch.setattr(ownership, "shutil", FakeDisk(0))
    with open_store(tmp_path) as store:
        assert store.info().mode == "read-only" and "is full" in store.info().reason
        assert len(store.case_summaries()) == 1


class FakeDisk:
    """Stands in for `shutil`, with so much room on every disk."""

    def __init__(self, free: int) -> None:
        self.free = free

    def disk_usage(self, path: Path) -> FakeDisk:
        return self


def raise_no_space(*_: object) -> int:
    raise OSError(28, "No space left on device")


def refuse_to_open(*_: object, **__: object) -> None:
    raise StoreProblem(
        "The store's database file cannot be opened", found="IO Error", expected="a file", fix="wait"
    )
