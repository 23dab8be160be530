"""Samples by name, and an audit that says how far it is and can be stopped."""

from __future__ import annotations

import pytest

from core.audit import SAMPLES, Study, audit_study, read_study, sample_files
from core.errors import Cancelled, InputProblem
from core.io.limits import Limits
from core.types import NamedBytes


def test_samples_have_different_names_and_files_of_their_own() -> None:
    assert len({each.key for each in SAMPLES}) == len({each.title for each in SAMPLES}) == len(SAMPLES)
    assert all(sample_files(each.key) for each in SAMPLES)


def test_unknown_sample_lists_the_known_ones() -> None:
    with pytest.raises(KeyError, match="golden"):
        sample_files("colour")


def test_files_of_a_sample_keep_the_folders_that_name_their_folds() -> None:
    study = read_study(sample_files("lgg-mil"))
    assert [each.name for each in study.folds] == list("01234")


def test_progress_of_reading_and_of_auditing_never_goes_back() -> None:
    told: list[float] = []
    study = read_study(sample_files("lgg-mil"), progress=lambda share, words: told.append(share))
    assert len(told) == 6 and told == sorted(told) and 0 <= min(told) <= max(told) < 1
    told.clear()
    audit_study(study, lambda share, words: told.append(share))
    assert len(told) > 10 and told == sorted(told) and 0 <= min(told) <= max(told) < 1


def test_audit_stops_where_its_progress_raises() -> None:
    def stop(share: float, words: str) -> None:
        if share > 0:
            raise Cancelled

    with pytest.raises(Cancelled):
        audit_study(read_study(sample_files("golden")), stop)
    with pytest.raises(Cancelled):
        read_study(sample_files("lgg-mil"), progress=stop)


def test_a_class_that_is_a_bare_number_is_called_one() -> None:
    assert Study(title="", classes=("0", "grade II"), positive=1, folds=()).class_words == (
        "class 0", "grade II",
    )  # fmt: skip


def test_settings_beside_a_log_are_left_out_and_said_so() -> None:
    settings = NamedBytes("run/config.json", b'{"learning_rate": 0.001}')
    files = sample_files("collapsed")
    made = audit_study(read_study([settings, *files]))
    assert made.not_checked[0] == "config.json: left out, it says nothing about folds."
    assert made.findings == audit_study(read_study(files)).findings
    with pytest.raises(InputProblem, match="JSON of another form"):
        read_study([settings])
    with pytest.raises(InputProblem, match="columns colour"):
        read_study([NamedBytes("run/other.csv", b"colour\nred\n"), *files])


def test_one_group_on_both_sides_is_one_group() -> None:
    rows = "\n".join(f"{k % 2},{k},{0 if k < 2 else k},{k // 2 % 2},0.5" for k in range(80))
    made = audit_study(read_study([NamedBytes("p.csv", f"fold,case,group,label,prob\n{rows}".encode())]))
    (leak,) = [each for each in made.findings if each.code == "group-leak"]
    assert leak.evidence == "1 group is in each of these folds: '0'."


def test_json_of_too_many_values_is_refused_before_it_is_parsed() -> None:
    limits = Limits(rows=10)
    fits = NamedBytes("x.json", b"[" + b"0," * 200 + b"0]")
    more = NamedBytes("x.json", b"[" + b"0," * 201 + b"this is no JSON")
    with pytest.raises(InputProblem, match="JSON of another form"):
        read_study([fits], limits)
    with pytest.raises(InputProblem, match="201 values"):
        read_study([more], limits)
