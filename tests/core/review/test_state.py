"""What stands after decisions, corrections and undos."""

from __future__ import annotations

import pytest

from core.errors import SettingsProblem
from core.review import BUILT_IN, edited_kinds, state_of
from core.types.reviews import FIRST, Judged, LogEntry, Opinion


def log(*steps):
    """(reader, action, subject, decision) of each entry."""
    return [
        LogEntry(
            number=number,
            previous=FIRST,
            when_utc="",
            reader=reader,
            action=action,
            judged=Judged(subject=subject),
            opinion=Opinion(decision=decision) if decision else None,
        )
        for number, (reader, action, subject, decision) in enumerate(steps, 1)
    ]


def test_the_latest_decision_of_a_reader_stands():
    state = state_of(log(("A", "decide", "x", "accept"), ("A", "decide", "x", "reject")))
    assert state.standing("A", "x").decision == "reject"


def test_readers_do_not_touch_each_other():
    state = state_of(log(("A", "decide", "x", "accept"), ("B", "decide", "x", "reject")))
    assert state.standing("A", "x").decision == "accept"
    assert state.readers() == ("A", "B")
    assert state.readers(["y"]) == ()


def test_undo_brings_back_what_stood_before():
    steps = (
        ("A", "decide", "x", "accept"),
        ("A", "decide", "y", "accept"),
        ("A", "decide", "x", "reject"),
        ("A", "undo", "x", None),
    )
    state = state_of(log(*steps))
    assert state.standing("A", "x").decision == "accept"
    assert state.last_of("A", ["x", "y"]) == "y"


def test_undo_of_the_only_decision_leaves_none():
    state = state_of(log(("A", "decide", "x", "accept"), ("A", "undo", "x", None)))
    assert state.standing("A", "x") is None
    assert state.last_of("A", ["x"]) is None
    assert state.readers() == ()


def test_undo_looks_at_the_subjects_in_question_only():
    state = state_of(log(("A", "decide", "x", "accept"), ("A", "decide", "y", "accept")))
    assert state.last_of("A", ["x"]) == "x"


def test_every_group_of_the_built_in_kinds_has_entries():
    assert {each.group for each in BUILT_IN} == {"data", "model", "evaluation", "human factors"}


def test_an_edit_keeps_keys_and_retires_what_is_gone():
    rows = [(each.group, each.label) for each in BUILT_IN[1:]] + [("data", "Motion during the scan")]
    kinds = edited_kinds(BUILT_IN, rows)
    by_key = {each.key: each for each in kinds}
    assert by_key["motion-during-the-scan"].label == "Motion during the scan"
    assert by_key[BUILT_IN[0].key].retired
    assert not by_key[BUILT_IN[1].key].retired


def test_a_retired_kind_comes_back_under_its_key():
    without = edited_kinds(BUILT_IN, [(each.group, each.label) for each in BUILT_IN[1:]])
    again = edited_kinds(without, [(each.group, each.label) for each in BUILT_IN])
    assert {each.key for each in again} == {each.key for each in BUILT_IN}
    assert not any(each.retired for each in again)


@pytest.mark.parametrize(
    "rows",
    [[], [("data", "")], [("weather", "Rain")], [("data", "Twice"), ("data", "Twice")], [("data", "x" * 81)]],
)
def test_an_edit_that_cannot_be_used_is_refused(rows):
    with pytest.raises(SettingsProblem):
        edited_kinds(BUILT_IN, rows)
