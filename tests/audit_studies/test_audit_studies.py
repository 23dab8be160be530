"""A short run of the studies; the whole one is `python -m tests.audit_studies`."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.audit.codes import CODES
from tests.audit_studies.clean import clean_study
from tests.audit_studies.faults import FAULTS, faulty_study
from tests.audit_studies.measure import DEVELOPMENT, REPORTING, codes_of, markdown, measure

DOCUMENT = Path(__file__).resolve().parents[2] / "assets" / "docs" / "AUDIT.md"
CERTAIN = ("accuracy-matrix", "f1-matrix", "matrix-counts", "group-leak", "input-leak", "attention-empty",
           "attention-not-logged", "class-collapse", "f1-variant", "score-not-from-cases")  # fmt: skip
"""Faults that cannot be missed, whatever the seed."""


def test_every_finding_has_its_fault() -> None:
    assert {fault.code for fault in FAULTS} == {each.code for each in CODES}
    assert len(FAULTS) == len(CODES)


@pytest.mark.parametrize("seed", range(DEVELOPMENT, DEVELOPMENT + 12))
def test_nothing_is_found_in_a_clean_study(seed: int) -> None:
    assert codes_of(clean_study(seed)) == set()


@pytest.mark.parametrize("code", CERTAIN)
def test_planted_fault_is_found(code: str) -> None:
    fault = next(each for each in FAULTS if each.code == code)
    assert code in codes_of(faulty_study(fault, DEVELOPMENT + 7))


def test_document_names_every_finding_with_its_figures() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert [each.code for each in CODES if text.count(f"| `{each.code}` |") != 2] == []


@pytest.mark.slow
def test_one_round_of_all_faults() -> None:
    measured = measure(len(FAULTS), DEVELOPMENT)
    assert sum(row.planted for row in measured.rows) == len(FAULTS)
    assert sum(row.found for row in measured.rows) >= 24 and measured.quiet >= len(FAULTS) - 2
    assert markdown(measured).count("\n| `") == len(FAULTS)


def test_the_same_seed_is_the_same_study_and_reporting_seeds_are_others() -> None:
    first, again = (clean_study(3).files() for _ in range(2))
    assert [file.data for file in first] == [file.data for file in again]
    assert DEVELOPMENT + 100_000 < REPORTING
