"""What holds for every rule of the table."""

from __future__ import annotations

from typing import get_args

import pytest

from core.detector import (
    CONTEXT_MEASURES,
    FAMILIARITY,
    QUALITY,
    RULES,
    SLICE_MEASURES,
    STUDY_MEASURES,
    VOLUME_MEASURES,
    RuleSpec,
    rule_spec,
)
from core.errors import SettingsProblem
from core.types import Cause
from core.uncertainty import SCORES

each_rule = pytest.mark.parametrize("spec", RULES, ids=lambda spec: spec.key)


def test_keys_are_unique() -> None:
    assert len({spec.key for spec in RULES}) == len(RULES)


def test_one_letter_per_cause() -> None:
    assert len({(spec.cause, spec.letter) for spec in RULES}) == len({spec.cause for spec in RULES})


@each_rule
def test_measure_is_in_a_table_and_cause_is_known(spec: RuleSpec) -> None:
    tables = (
        (*STUDY_MEASURES, FAMILIARITY, *SCORES)
        if spec.scope == "study"
        else (*SLICE_MEASURES, *CONTEXT_MEASURES, *VOLUME_MEASURES, QUALITY)
    )
    assert spec.measure in {each.key for each in tables}
    assert spec.cause in get_args(Cause)


@each_rule
def test_default_limit_lies_in_the_range_of_the_slider(spec: RuleSpec) -> None:
    assert spec.low <= spec.limit <= spec.high
    assert spec.spread > 0


@each_rule
def test_nothing_fires_at_the_limit(spec: RuleSpec) -> None:
    assert not spec.fires(spec.limit, spec.limit)
    assert spec.fires(spec.limit + (1 if spec.side == "above" else -1), spec.limit)


@each_rule
def test_sentence_and_help_are_whole_sentences(spec: RuleSpec) -> None:
    sentence = spec.sentence.format(measured="1", limit="2")
    assert sentence.endswith(".") and spec.help.endswith(".")
    assert "{" not in sentence and "  " not in sentence + spec.help


def test_shares_are_written_in_percent_and_others_as_they_are() -> None:
    assert rule_spec("area-large").text(0.12345) == "12.3 %"
    assert rule_spec("compactness").text(0.12345) == "0.123"


def test_distance_on_a_log_scale_is_the_same_for_the_same_ratio() -> None:
    spec = rule_spec("area-large")
    assert spec.distance(0.02, 0.01) == pytest.approx(spec.distance(0.2, 0.1))
    assert spec.distance(0.0, 0.1) < 20


def test_unknown_rule_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SettingsProblem, match="area-large, area-small, compactness"):
        rule_spec("size")
