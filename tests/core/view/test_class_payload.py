"""What the browser gets of a classified picture: image, saliency, every class with its samples."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from core.config import AnalysisConfig
from core.types import Case, Classification, FixedPoint, Flag, MadeBy, Score, Verdict
from core.view.class_payload import (
    COARSE,
    NO_SALIENCY,
    NOTHING_SPEAKS,
    build_class_payload,
    build_class_volume,
)
from core.view.layers import SALIENCY, class_layers_of
from core.view.overlay import class_picture
from core.view.theme import VIEWER_GROUND, rgb
from tests.core.view.cases import make_case, make_flag
from tests.core.view.test_payload import unpack

CONSISTENT = Verdict(answer="consistent", flags=())
SHAPE = (1, 6, 8)
RAMP = np.linspace(0, 1, 48).reshape(SHAPE)


def film() -> Case:
    return make_case(np.arange(48.0).reshape(1, *SHAPE), names=("X-ray",), spacing=None, edges=None)


def named(saliency: np.ndarray | None = RAMP, *, multilabel: bool = False) -> Classification:
    """Samples (0.7, 0.3) and (0.5, 0.5) of the classes "sick" and "well"."""
    made_by = MadeBy(
        key="f" * 64, config=AnalysisConfig(model_id="x"), app_version="0", weights=(), members=(),
        device="cpu", backend="torch", precision="float32", threads=1, chunk=1, samples=2, channels=(0,),
        self_check=None, versions=(), created_utc="",
    )  # fmt: skip
    return Classification(
        case_id="c" * 64, class_names=("sick", "well"), multilabel=multilabel,
        samples=np.array([[0.7, 0.3], [0.5, 0.5]]),
        saliency=None if saliency is None else FixedPoint.of(saliency, 1.0),
        scores=(Score(key="max_softmax", value=0.6),), made_by=made_by,
    )  # fmt: skip


def foreign() -> Flag:
    return make_flag("ood", None, None, "The picture looks unlike the training pictures.")


def test_saliency_arrives_as_the_one_map_with_its_name_and_range() -> None:
    header, arrays = unpack(build_class_payload(film(), named(), CONSISTENT))
    (only,) = header["maps"]
    assert (only["key"], only["label"], only["upper"]) == ("saliency", SALIENCY.label, 1.0)
    np.testing.assert_allclose(arrays["map0"] / 255, RAMP.ravel(), atol=0.502 / 255)
    np.testing.assert_array_equal(arrays["image0"], np.arange(48))
    assert set(arrays) == {"image0", "map0"}


def test_saliency_is_a_layer_that_is_off_at_first() -> None:
    header, _ = unpack(build_class_payload(film(), named(), CONSISTENT))
    (layer,) = header["layers"]
    assert (layer["id"], layer["kind"], layer["key"], layer["on"]) == ("saliency", "uncertainty", "3", False)


def test_every_class_carries_mean_range_samples_and_signs() -> None:
    header, _ = unpack(build_class_payload(film(), named(), CONSISTENT, reference=("well",)))
    sick, well = header["classes"]
    assert sick == {
        "name": "sick", "prob": pytest.approx(0.6), "low": 0.5, "high": 0.7, "samples": [0.7, 0.5],
        "given": True, "reference": False,
    }  # fmt: skip
    assert (well["given"], well["reference"], header["half"]) == (False, True, False)


def test_without_a_reference_none_is_claimed() -> None:
    header, _ = unpack(build_class_payload(film(), named(), CONSISTENT))
    assert [each["reference"] for each in header["classes"]] == [None, None]


def test_findings_are_judged_against_one_half_and_the_map_names_its_finding() -> None:
    header, _ = unpack(build_class_payload(film(), named(multilabel=True), CONSISTENT))
    assert header["half"] is True
    assert "one half" in header["classes_note"]
    assert header["notes"] == ["The map is about the likeliest finding: sick."]


def test_missing_and_empty_saliency_are_said() -> None:
    without, arrays = unpack(build_class_payload(film(), named(None), CONSISTENT))
    assert (without["maps"], without["layers"], without["notes"]) == ([], [], [NO_SALIENCY])
    assert set(arrays) == {"image0"}
    empty, _ = unpack(build_class_payload(film(), named(np.zeros(SHAPE)), CONSISTENT))
    assert empty["notes"] == [NOTHING_SPEAKS]


def test_foreign_picture_gets_a_frame_and_low_confidence_a_chip_only() -> None:
    low = make_flag("confidence", None, None, "Too low.")
    layers = class_layers_of(named(), Verdict(answer="review", flags=(foreign(), low)))
    assert [(each.id, each.line) for each in layers] == [("saliency", "solid"), ("ood", "frame")]


def test_large_picture_is_reduced_and_says_so() -> None:
    values = np.random.default_rng(0).normal(size=(1, 1, 64, 64))
    case = make_case(values, names=("X-ray",))
    found = dataclasses.replace(named(), saliency=None)
    small = build_class_volume(case, found, limit_bytes=6000)
    assert small.notes[0] == COARSE
    assert small.parts[0].dtype == "u1"


def test_saved_picture_holds_the_map_and_a_legend_on_dark_ground() -> None:
    picture = class_picture(film(), named(), Verdict(answer="review", flags=(foreign(),)))
    plain = class_picture(film(), named(None), CONSISTENT)
    assert picture.shape[1] == 640
    # Two layers, one below the other, make the sheet two rows of the legend higher than none does.
    assert picture.shape[0] - plain.shape[0] == 26
    assert tuple(picture[-1, -1]) == rgb(VIEWER_GROUND)
    # Where the map is strongest it is yellow: red and green well above blue.
    red, green, blue = (int(each) for each in picture[470, 625])
    assert min(red, green) > blue + 60
