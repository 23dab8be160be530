"""Samples by name, and an audit that says how far it is and can be stopped."""

from __future__ import annotations

import pytest

from core.audit import SAMPLES, Study, audit_study, read_study, sample_files
from core.errors import Cancelled


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
