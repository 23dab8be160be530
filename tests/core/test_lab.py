"""The stress lab: when the alarm came, what is looked at of a large study, and what keeps answers apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.config import AnalysisConfig, CorruptionStep
from core.corruptions import CORRUPTIONS, applicable
from core.pipeline.lab import (
    SEVERITIES,
    Reading,
    alarm_of,
    around,
    default_corruption,
    place_of,
    previews,
    reading_of,
    step_config,
    unit_of,
    weight_of,
    window_of,
)
from core.pipeline.stress import stress
from core.store import Store
from core.view.thumbnails import thumbnail
from tests.core.inference.conftest import make_record
from tests.core.toy_runs import CONFIG, SETTINGS, make_case, write_model


@pytest.fixture
def store(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    write_model(home, make_record(tmp_path_factory.mktemp("tiny")))
    with Store.open(settings=SETTINGS) as opened:
        yield opened


def readings(dice: list[float | None], review: list[bool]) -> list[Reading]:
    """One reading per whole severity from 0 on."""
    return [
        Reading(
            severity=float(k), key="", confidence=0.9, answer="review" if warned else "consistent", rules=(),
            reasons=(), dice=each,
        )
        for k, (each, warned) in enumerate(zip(dice, review, strict=True))
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("dice", "review", "state", "lost_at", "warned_at"),
    [
        ([0.9, 0.85, 0.7, 0.2], [False, True, True, True], "in time", 2.0, 1.0),
        ([0.9, 0.85, 0.7, 0.2], [False, False, True, True], "in time", 2.0, 2.0),
        ([0.9, 0.70, 0.6, 0.2], [False, True, False, True], "gaps", 1.0, 1.0),
        ([0.9, 0.70, 0.6, 0.2], [False, False, False, True], "late", 1.0, 3.0),
        ([0.9, 0.70, 0.6, 0.2], [False, False, False, False], "none", 1.0, None),
        ([0.9, 0.88, 0.9, 0.8], [False, False, True, False], "early", None, 2.0),
        ([0.9, 0.88, 0.9, 0.8], [False, False, False, False], "steady", None, None),
        ([0.9, 0.20, 0.1, 0.1], [True, True, True, True], "already", 1.0, 0.0),
        ([None, None, None, None], [False, True, True, True], "unknown", None, 1.0),
    ],
)
def test_alarm_comes_before_or_after_the_loss(
    dice: list[float | None], review: list[bool], state: str, lost_at: float | None, warned_at: float | None
) -> None:
    found = alarm_of(readings(dice, review), loss=0.1)
    assert (found.state, found.lost_at, found.warned_at, found.known) == (state, lost_at, warned_at, 4)
    assert found.failure == (state in {"gaps", "late", "none"})


def test_alarm_does_not_depend_on_the_order_and_needs_the_clean_picture() -> None:
    known = readings([0.9, 0.5], [False, True])
    assert alarm_of(reversed(known)) == alarm_of(known)
    assert alarm_of(known[1:]).state == "unknown"


def test_change_of_the_predicted_class_is_a_loss() -> None:
    plain = readings([None, None, None], [False, False, True])
    names = ("well",), ("well",), ("ill",)
    known = [
        each.model_copy(update={"predicted": name, "prob": 0.6})
        for each, name in zip(plain, names, strict=True)
    ]
    found = alarm_of(known)
    assert (found.state, found.lost_at, found.warned_at) == ("in time", 2.0, 2.0)


def test_memory_tells_cases_corruptions_models_seeds_and_points_apart() -> None:
    first, second = make_case(1), make_case(2)
    base = step_config(CONFIG, "spike", 2.0)
    other = CorruptionStep(key="gibbs", severity=1.0)
    places = [
        place_of(first, base, None),
        place_of(second, base, None),
        place_of(first, step_config(CONFIG, "spike", 2.5), None),
        place_of(first, step_config(CONFIG, "gibbs", 2.0), None),
        place_of(first, step_config(CONFIG, "spike", 2.0, seed=1), None),
        place_of(first, step_config(CONFIG, "spike", 2.0, second=other), None),
        place_of(first, step_config(AnalysisConfig(model_id="other"), "spike", 2.0), None),
        place_of(first, base, "point"),
        place_of(window_of(make_case(1, slices=5), 2, 3), base, None),
        place_of(window_of(make_case(1, slices=5), 3, 3), base, None),
    ]
    assert len(set(places)) == len(places)
    assert place_of(first, step_config(CONFIG, "spike", 2.0), None) == places[0]


def test_window_holds_its_slices_and_their_reference() -> None:
    case = make_case(1, slices=9)
    part = window_of(case, 1, 4)
    assert np.array_equal(part.image.values, case.image.values[:, :4])
    assert part.reference is not None and case.reference is not None
    assert np.array_equal(part.reference.mask_ref, case.reference.mask_ref[:4])
    last = window_of(case, 8, 4)
    assert np.array_equal(last.image.values, case.image.values[:, 5:])
    assert window_of(case, 3, 9) is case
    assert len({case.id, part.id, last.id}) == 3


def test_window_lies_where_its_slices_lie_in_the_world() -> None:
    case = make_case(1, slices=9)
    affine = np.diag([3.0, 1.0, 1.0, 1.0])
    placed = replace(
        case, image=replace(case.image, geometry=replace(case.image.geometry, affine_ras=affine))
    )
    part = window_of(placed, 6, 4)
    assert part.image.geometry.affine_ras is not None
    assert (part.image.geometry.affine_ras @ [0, 0, 0, 1])[0] == 12.0


def test_nearest_severities_come_first_after_the_clean_one() -> None:
    assert around(5.0)[:3] == (0.0, 5.0, 4.5)
    assert sorted(around(2.5)) == list(SEVERITIES)


def test_reading_holds_the_numbers_of_the_answer(store: Store) -> None:
    case = make_case(1, slices=2)
    found = stress(store, case, step_config(CONFIG, "gaussian_noise", 3.0))
    reading = reading_of(3.0, found)
    assert (reading.confidence, reading.key) == (
        found.result.analysis.scores[0].value,
        found.result.analysis.key,
    )
    assert reading.dice == found.result.overlap.whole.dice
    assert reading.damage == found.corrupted.damage > 0.0
    assert weight_of(found) >= found.shown.image.values.nbytes + found.result.analysis.prob.codes.nbytes
    table = unit_of(found)
    assert table is not None and table.histograms is not None
    assert table.histograms[0, 0, 0, 0].sum() == case.image.values[0].size
    assert unit_of(stress(store, make_case(3, reference=False), step_config(CONFIG, "spike", 1.0))) is None


def test_every_physical_corruption_that_fits_has_a_preview() -> None:
    case = make_case(1, slices=3)
    made = previews(case, 1, "MR")
    fitting = {spec.key for spec in applicable(window_of(case, 1, 1).image, "MR") if not spec.adversarial}
    assert set(made) == {"", *fitting}
    assert all(image.slices == 1 for image in made.values())
    pictures = {key: thumbnail(image, made[""]) for key, image in made.items()}
    assert all(each.startswith(b"\x89PNG") for each in pictures.values())
    assert len(set(pictures.values())) > len(pictures) / 2


def test_default_corruption_is_of_the_pictures_own_kind() -> None:
    assert default_corruption(CORRUPTIONS) == "bias_field"
    assert (
        default_corruption([spec for spec in CORRUPTIONS if spec.group == "photographic"]) == "gaussian_noise"
    )
