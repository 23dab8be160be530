"""A case lists exactly the layers that it has."""

from __future__ import annotations

import numpy as np

from core.types import Verdict
from core.view.layers import RULE_KEYS, layers_of, maps_of
from tests.core.view.cases import make_analysis, make_case, make_flag

IMAGE = np.arange(32.0).reshape(1, 2, 4, 4)
PROB = np.zeros((2, 4, 4))


def test_without_reference_there_is_neither_reference_nor_errors() -> None:
    layers = layers_of(make_case(IMAGE), make_analysis(PROB), Verdict(answer="consistent", flags=()))
    assert [(layer.id, layer.key, layer.on) for layer in layers] == [
        ("prediction", "1", True),
        ("uncertainty", "3", False),
    ]


def test_fired_rules_are_listed_once_in_the_order_of_their_keys() -> None:
    flags = tuple(make_flag(cause, 0, None, "") for cause in ("spurious", "area", "empty", "area"))
    case = make_case(IMAGE, mask_ref=PROB > 0)
    layers = layers_of(case, make_analysis(PROB), Verdict(answer="review", flags=flags))
    assert [layer.id for layer in layers] == [
        "prediction", "reference", "uncertainty", "errors", "area", "spurious", "empty",
    ]  # fmt: skip
    assert [layer.key for layer in layers if layer.kind == "rule"] == ["5", "8", "9"]


def test_causes_without_a_line_have_no_layer() -> None:
    flags = (make_flag("confidence", None, None, ""), make_flag("jump", 0, None, ""))
    layers = layers_of(make_case(IMAGE), make_analysis(PROB), Verdict(answer="review", flags=flags))
    assert {layer.kind for layer in layers} == {"prediction", "uncertainty"}


def test_keys_are_unique() -> None:
    assert len(set(RULE_KEYS.values()) | set("1234")) == len(RULE_KEYS) + 4


def test_only_maps_that_exist_are_offered() -> None:
    assert [spec.key for spec, _ in maps_of(make_analysis(PROB).maps)] == [
        "predictive_entropy", "mutual_information", "expected_entropy", "variance",
    ]  # fmt: skip
