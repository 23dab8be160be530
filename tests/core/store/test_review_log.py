"""The log on disk: what was acknowledged is there, what was altered is seen, nothing is added to it then."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from stored_examples import open_store

from core.errors import StoreProblem
from core.store import Store
from core.store.review_log import HEAD_NAME, LOG_NAME, read_log
from core.types.reviews import Judged, Opinion


def decided(store: Store, subject: str = "x", decision: str = "accept", reader: str = "Ada") -> None:
    store.reviews.append(reader, "decide", Judged(subject=subject), Opinion(decision=decision))


def test_a_decision_survives_closing(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        decided(store)
    with open_store(tmp_path) as store:
        assert store.reviews.state().standing("Ada", "x").decision == "accept"
        assert store.reviews.report().ok


def test_a_correction_appends_and_names_what_stood_before(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        decided(store)
        before = (tmp_path / LOG_NAME).read_bytes()
        decided(store, decision="reject")
        after = (tmp_path / LOG_NAME).read_bytes()
        last = store.reviews.entries()[-1]
    assert after.startswith(before)
    assert (last.was, last.was_decision) == (1, "accept")


def test_times_are_utc(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        decided(store)
        when = store.reviews.entries()[0].when_utc
    assert when.endswith("Z")
    assert "+" not in when


def test_an_entry_without_its_end_was_never_acknowledged(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        decided(store)
        with (tmp_path / LOG_NAME).open("ab") as stream:
            stream.write(b'{"action":"dec')
        assert store.reviews.report().ok
        decided(store, "y")
        assert len(read_log(tmp_path)[0]) == 2
        assert store.reviews.report().ok


def test_a_crash_between_entry_and_head_leaves_a_whole_log(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        decided(store)
        head = (tmp_path / HEAD_NAME).read_bytes()
        decided(store, "y")
        (tmp_path / HEAD_NAME).write_bytes(head)
        assert store.reviews.report().ok
        decided(store, "z")
    assert read_log(tmp_path)[1].entries == 3


def altered(home: Path, number: int = 1) -> None:
    lines = (home / LOG_NAME).read_text().splitlines(keepends=True)
    assert '"accept"' in lines[number - 1]
    lines[number - 1] = lines[number - 1].replace('"accept"', '"reject"')
    (home / LOG_NAME).write_text("".join(lines))


def test_an_altered_entry_is_seen_while_the_store_is_open(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        for subject in "xyz":
            decided(store, subject)
        altered(tmp_path, 2)
        report = store.reviews.report()
        assert (report.ok, report.first_bad) == (False, 2)
        assert [each.judged.subject for each in store.reviews.entries()] == ["x"]
        assert any("review log" in each for each in store.verify().problems)


def test_nothing_is_added_to_a_damaged_log(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        decided(store)
        altered(tmp_path)
        before = (tmp_path / LOG_NAME).read_bytes()
        with pytest.raises(StoreProblem, match="damaged"):
            decided(store, "y")
        assert (tmp_path / LOG_NAME).read_bytes() == before


def test_a_repaired_log_goes_on(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        decided(store)
        whole = (tmp_path / LOG_NAME).read_bytes()
        altered(tmp_path)
        assert not store.reviews.report().ok
        (tmp_path / LOG_NAME).write_bytes(whole)
        decided(store, "y")
        assert store.reviews.report().entries == 2


@pytest.mark.parametrize("gone", [LOG_NAME, HEAD_NAME])
def test_a_lost_file_is_seen(tmp_path: Path, gone: str) -> None:
    with open_store(tmp_path) as store:
        decided(store)
        (tmp_path / gone).unlink()
        assert not store.reviews.report().ok


def test_a_damaged_log_is_set_aside_and_named_in_the_new_one(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        decided(store)
        altered(tmp_path)
        body = (tmp_path / LOG_NAME).read_bytes()
        kept = store.reviews.set_aside("Ada")
        assert kept.read_bytes() == body
        first = store.reviews.entries()[0]
        assert first.action == "set aside"
        assert kept.name in first.note
        decided(store, "y")
        assert store.reviews.report().ok


def test_a_whole_log_is_not_set_aside(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        decided(store)
        with pytest.raises(StoreProblem, match="whole"):
            store.reviews.set_aside("Ada")


def test_reading_only_reads_and_refuses(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        decided(store)
    with Store.open(tmp_path, mode="read-only") as store:
        assert len(store.reviews.entries()) == 1
        with pytest.raises(StoreProblem):
            decided(store, "y")


def test_a_full_disk_loses_nothing_and_the_next_entry_fits(tmp_path: Path, monkeypatch) -> None:
    with open_store(tmp_path) as store:
        decided(store)
        real = Path.open

        def full(self: Path, mode: str = "r", *args: object, **kwargs: object) -> object:
            if self.name == LOG_NAME and "+" in mode:
                raise OSError(28, "No space left on device")
            return real(self, mode, *args, **kwargs)

        monkeypatch.setattr(Path, "open", full)
        with pytest.raises(StoreProblem):
            decided(store, "y")
        monkeypatch.setattr(Path, "open", real)
        decided(store, "y")
        assert [each.judged.subject for each in store.reviews.entries()] == ["x", "y"]
        assert store.reviews.report().ok


def test_a_store_in_memory_keeps_a_log_too() -> None:
    with Store.open(mode="memory") as store:
        decided(store)
        assert store.reviews.state().standing("Ada", "x") is not None


def test_the_log_holds_one_json_object_a_line(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        decided(store, "x")
        decided(store, "y")
    lines = (tmp_path / LOG_NAME).read_text("ascii").splitlines()
    assert [json.loads(each)["number"] for each in lines] == [1, 2]
