"""Distances from made-up Gaussians in closed form, and what becomes of slices without tissue or features."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.detector import familiarity_of_slices, familiarity_of_study, measure_view, read_familiarity
from core.detector.classes import class_limits, decide_class
from core.detector.familiarity import Familiarity, Gaussian, Scale, SliceSteps, View, confidence
from core.detector.familiarity_file import write_familiarity
from core.detector.picture_statistics import STATISTICS, STATISTICS_SIZE, picture_statistics, tissue_share
from core.errors import ModelProblem
from core.types import Score, SliceView

USUAL = Scale(typical=0.0, limit=1.0)


def unit(size: int) -> Gaussian:
    return Gaussian(np.zeros(size), np.ones(size), np.eye(size))


def known(members: int = 1) -> Familiarity:
    views = {k: View((unit(2),), USUAL) for k in range(members)}
    # Statistics are at most a few units: on this scale they never decide.
    whole = View((unit(STATISTICS_SIZE),), Scale(100.0, 101.0))
    return Familiarity(whole, views, USUAL, USUAL, patients=3)


def picture(value: float = 0.5) -> np.ndarray:
    made = np.zeros((1, 16, 16), np.float32)
    made[0, 4:12, 4:12] = value
    return made


def view(*features: tuple[float, float]) -> SliceView:
    return SliceView(picture(), {k: np.float32(each) for k, each in enumerate(features)})


def test_distance_is_that_of_mahalanobis() -> None:
    # Covariance [[4, 0], [0, 1]] around (1, 2); at (5, 3): 4^2/4 + 1^2/1 = 5, over 2 dimensions.
    by_root = Gaussian(np.array([1.0, 2.0]), np.ones(2), np.diag([0.5, 1.0]))
    by_scale = Gaussian(np.array([1.0, 2.0]), np.array([2.0, 1.0]), np.eye(2))
    for each in (by_root, by_scale):
        assert each.log_distance(np.array([[5.0, 3.0]]))[0] == pytest.approx(math.log(5 / 2))


def test_distance_with_correlation_equals_the_quadratic_form() -> None:
    covariance = np.array([[2.0, 0.6], [0.6, 1.0]])
    root = np.linalg.cholesky(np.linalg.inv(covariance))
    x = np.array([1.5, -0.5])
    expected = x @ np.linalg.inv(covariance) @ x / 2
    assert np.exp(Gaussian(np.zeros(2), np.ones(2), root).log_distance(x[None])[0]) == pytest.approx(expected)


def test_nearest_kind_of_input_counts() -> None:
    far = Gaussian(np.array([100.0, 0.0]), np.ones(2), np.eye(2))
    both = View((far, unit(2)), USUAL)
    assert both.steps(np.array([1.0, 1.0])) == pytest.approx(0.0)


@given(st.floats(-5.0, 5.0), st.floats(0.0, 5.0))
def test_farther_is_never_more_familiar(steps: float, more: float) -> None:
    assert 0.0 <= confidence(steps + more, USUAL) <= confidence(steps, USUAL) <= 1.0


def test_familiarity_of_one_picture() -> None:
    # 1^2 + 1^2 over 2 = 1: log 0 = typical. sqrt(e) each: log 1 = at the limit.
    root_e = math.exp(0.5)
    for features, expected in (((1.0, 1.0), 1.0), ((root_e, root_e), 0.5), ((math.e, math.e), 0.25)):
        found = familiarity_of_study(known(), [measure_view(known(), view(features))])
        assert found.value == pytest.approx(expected, rel=1e-6)


def test_description_of_another_network_is_refused() -> None:
    with pytest.raises(ModelProblem, match="3 features"):
        known().members[0].steps(np.zeros(3))


def test_members_are_averaged_and_the_less_familiar_view_counts() -> None:
    e = math.e
    both = measure_view(known(2), view((1.0, 1.0), (e, e)))
    assert both.steps == pytest.approx((0.0 + 2.0) / 2)
    strict = replace(known(), whole=View((unit(STATISTICS_SIZE),), Scale(-1000.0, -999.0)))
    assert measure_view(strict, view((1.0, 1.0))).steps > 100


def test_study_is_judged_by_the_median_of_its_slices_with_tissue() -> None:
    slices = [SliceSteps(9.0, 0.01), SliceSteps(0.0, 0.5), SliceSteps(1.0, 0.5), SliceSteps(2.0, 0.5)]
    assert familiarity_of_study(known(), slices).value == pytest.approx(0.5)
    notes = [each.note for each in familiarity_of_slices(known(), slices, 4)]
    assert notes == ["undefined: little tissue on this slice", "", "", ""]


def test_little_tissue_everywhere_is_no_excuse() -> None:
    slices = [SliceSteps(3.0, 0.01), SliceSteps(3.0, 0.02)]
    assert familiarity_of_study(known(), slices).value == pytest.approx(0.125)


def test_what_cannot_be_judged_says_why() -> None:
    assert familiarity_of_study(None, ()).note.startswith("not available: the model came without")
    assert [each.value for each in familiarity_of_slices(None, (), 2)] == [None, None]
    flat = measure_view(known(), SliceView(np.ones((1, 8, 8), np.float32), {0: np.float32([1, 1])}))
    assert familiarity_of_study(known(), [flat]).note == "undefined: a picture without structure"
    bare = measure_view(known(), view())
    assert "cannot be read" in familiarity_of_study(known(), [bare]).note


def test_file_gives_back_the_same_distances(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    root = np.tril(rng.normal(size=(2, 2))).astype(np.float16).astype(np.float64)
    mean = rng.normal(size=2).astype(np.float32).astype(np.float64)
    made = replace(known(), members={3: View((Gaussian(mean, np.ones(2), root), unit(2)), USUAL)})
    path = tmp_path / "familiarity.safetensors"
    digest = write_familiarity(made, path)
    found = read_familiarity(path, digest)
    x = rng.normal(size=2)
    assert found.members[3].steps(x) == made.members[3].steps(x)
    assert (found.patients, found.picture, found.study) == (3, USUAL, USUAL)


def test_changed_or_missing_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "familiarity.safetensors"
    with pytest.raises(ModelProblem, match="no such file"):
        read_familiarity(path, "0" * 64)
    write_familiarity(known(), path)
    with pytest.raises(ModelProblem, match="SHA-256"):
        read_familiarity(path, "1" * 64)


def test_statistics_see_inversion_turning_and_colour() -> None:
    names = [each.key for each in STATISTICS] + ["colour"]
    made = np.zeros((3, 16, 16), np.float32)
    made[:, 2:14, 6:10] = 0.8
    own = dict(zip(names, picture_statistics(made), strict=True))
    inverted = dict(zip(names, picture_statistics(1 - made), strict=True))
    turned = dict(zip(names, picture_statistics(np.rot90(made, 1, (1, 2))), strict=True))
    assert (own["border brightness"], inverted["border brightness"]) == (0.0, 1.0)
    assert own["extent down"] == pytest.approx(turned["extent across"])
    assert own["extent down"] > 2 * own["extent across"]
    assert own["colour"] == 0.0
    made[1] = 0.0
    # Two of three channels at 0.8 on 48 of 256 pixels: mean 0.533, differences 0.267, 0.533, 0.267.
    coloured = picture_statistics(made)[-1]
    assert coloured == pytest.approx(48 / 256 * (4 / 3 * 0.8) / 3, rel=1e-6)
    assert tissue_share(made) == pytest.approx(48 / 256)


def test_statistics_of_any_picture_are_finite() -> None:
    for made in (np.zeros((1, 32, 32)), np.full((3, 32, 32), 1.5)):
        assert np.isfinite(picture_statistics(np.float32(made))).all()


@pytest.mark.parametrize(("value", "rules"), [(0.2, ["foreign"]), (0.8, []), (None, [])])
def test_foreign_picture_is_for_review_whatever_class_it_got(value: float | None, rules: list[str]) -> None:
    scores = (Score(key="max_softmax", value=0.99), Score(key="familiarity", value=value))
    verdict = decide_class(scores, class_limits(None))
    assert [each.rule for each in verdict.flags] == rules
    assert verdict.answer == ("review" if rules else "consistent")
