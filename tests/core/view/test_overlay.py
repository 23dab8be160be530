"""The saved picture shows the slice, the layers and the letters of the viewer."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from core.types import FixedPoint, Verdict
from core.view import theme
from core.view.overlay import overlay_picture, plain_picture
from tests.core.view.cases import make_analysis, make_case, make_flag, nothing_found, single, volume

CONSISTENT = Verdict(answer="consistent", flags=())


def has_colour(picture: NDArray[np.uint8], colour: str) -> bool:
    return bool((picture == theme.rgb(colour)).all(axis=-1).any())


def test_plain_picture_spans_black_to_white_over_its_window() -> None:
    values = np.linspace(0.0, 999.0, 1000).reshape(1, 1, 20, 50)
    picture = plain_picture(make_case(values), 0)
    # 1st and 99th percentile are 9.99 and 989.01: value 499 becomes 255 * 489.01 / 979.02 = 127.4
    assert picture.shape == (20, 50, 3)
    assert (picture[0, 0] == 0).all()
    assert (picture[-1, -1] == 255).all()
    assert (picture[9, 49] == 127).all()


def test_plain_picture_of_three_channels_can_be_in_colour() -> None:
    case, _, _ = single()
    grey, colour = plain_picture(case, 0), plain_picture(case, 0, channel=-1)
    assert (grey[..., 0] == grey[..., 1]).all()
    assert (colour[..., 0] != colour[..., 1]).any()


def test_overlay_draws_each_fired_rule_of_the_slice_in_its_colour() -> None:
    case, analysis, verdict = volume()
    picture = overlay_picture(case, analysis, verdict, 12)
    for cause in ("area", "shape", "fragmentation", "spurious"):
        assert has_colour(picture[:640], theme.mark_of(cause).dark)
    assert not has_colour(picture, theme.mark_of("empty").dark)
    assert not has_colour(picture, theme.mark_of("quality").dark)


def test_rules_of_other_slices_are_not_drawn() -> None:
    case, analysis, verdict = volume()
    assert not has_colour(overlay_picture(case, analysis, verdict, 5), theme.mark_of("area").dark)


def test_empty_study_gets_a_hatched_frame_inside_the_image() -> None:
    case, analysis, verdict = nothing_found()
    picture = overlay_picture(case, analysis, verdict, 0)
    grey = (picture == theme.rgb(theme.mark_of("empty").dark)).all(axis=-1)
    # spacing 2 by 1 mm: 64 x 64 voxels become 640 x 320; the frame's stripes lie in its outer 12 pixels
    assert grey[:12, :320].mean() > 0.2
    assert not grey[40:600, 40:280].any()


def test_layers_can_be_chosen() -> None:
    case, analysis, verdict = volume()
    bare = overlay_picture(case, analysis, verdict, 12, layers=())
    errors = overlay_picture(case, analysis, verdict, 12, layers=("errors",))
    changed = (bare[:600] != errors[:600]).any(axis=-1)
    wrong = (analysis.mask_pred[12] > 0) != case.reference.mask_ref[12]
    # hatched misses keep three of eight pixels, so fewer pixels change than are wrong
    assert 0.3 * wrong.sum() * 25 < changed.sum() <= wrong.sum() * 25


def test_prediction_outline_surrounds_the_mask() -> None:
    prob = np.zeros((1, 64, 64))
    prob[0, 16:48, 16:48] = 0.9
    case = make_case(np.zeros((1, 1, 64, 64)), spacing=None)
    picture = overlay_picture(case, make_analysis(prob), Verdict(answer="consistent", flags=()), 0)
    cyan = (picture[:640] == theme.rgb(theme.PREDICTION)).all(axis=-1)
    rows, columns = np.nonzero(cyan)
    # 64 voxels over 640 pixels: the mask reaches from pixel 160 to 480
    assert abs(rows.min() - 160) <= 3
    assert abs(columns.max() - 480) <= 3
    assert not cyan[200:440, 200:440].any()


def test_map_has_the_colour_steps_of_the_browser() -> None:
    analysis = make_analysis(np.full((1, 640, 640), 0.5))
    # 200 * 257 - 100 lies nearer to step 200 than to step 199, where cutting off would put it.
    codes = np.full((1, 640, 640), 200 * 257 - 100, np.uint16)
    maps = dataclasses.replace(analysis.maps, predictive_entropy=FixedPoint(codes, 1.0))
    case = make_case(np.zeros((1, 1, 640, 640)), spacing=None)
    picture = overlay_picture(
        case, dataclasses.replace(analysis, maps=maps), CONSISTENT, 0, layers=("uncertainty",)
    )
    # The image is black: only the map's share of 0.65 is left.
    np.testing.assert_array_equal(picture[100, 100], np.rint(theme.uncertainty_colours()[200] * 0.65))


def test_arguments_are_not_changed() -> None:
    case, analysis, verdict = volume()
    before = case.image.values.copy()
    overlay_picture(case, analysis, verdict, 12, layers=("prediction", "uncertainty", "errors"))
    np.testing.assert_array_equal(case.image.values, before)


def test_flag_on_a_box_without_a_blob_is_harmless() -> None:
    flag = make_flag("area", 0, (0, 0, 2, 2), "")
    case = make_case(np.arange(64.0).reshape(1, 1, 8, 8))
    picture = overlay_picture(
        case, make_analysis(np.zeros((1, 8, 8))), Verdict(answer="review", flags=(flag,)), 0
    )
    assert picture.dtype == np.uint8
