"""Operating points: versions count up, nothing is overwritten, and one is in force."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from run_examples import make_point
from stored_examples import open_store

from core.errors import SettingsProblem
from core.pipeline.points import (
    activate_point,
    active_points,
    clear_point,
    find_point,
    save_operating_point,
)
from core.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path) as opened:
        yield opened


def test_versions_of_a_name_count_up_and_stay(store: Store) -> None:
    first = save_operating_point(store, make_point())
    second = save_operating_point(store, make_point(threshold=0.5))
    other = save_operating_point(store, make_point(name="clinic"))
    assert [each.label for each in (first, second, other)] == ["ward v1", "ward v2", "clinic v1"]
    assert len({first.id, second.id, other.id}) == 3
    assert store.operating_points() == (other, second, first)
    assert first.created_utc
    assert (find_point(store, "ward"), find_point(store, "ward v1")) == (second, first)
    assert find_point(store, first.id[:10]) == first


def test_same_content_as_the_latest_version_is_kept_once(store: Store) -> None:
    first = save_operating_point(store, make_point())
    assert save_operating_point(store, make_point()) == first
    save_operating_point(store, make_point(threshold=0.5))
    again = save_operating_point(store, make_point())
    assert (again.version, again.id != first.id) == (3, True)


def test_point_in_force_is_the_one_put_in_force_last(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        assert store.active_operating_point("lgg-unet", "ensemble") is None
        first = save_operating_point(store, make_point(), activate=True)
        save_operating_point(store, make_point(threshold=0.5))
        assert store.active_operating_point("lgg-unet", "ensemble") == first
        assert store.active_operating_point("lgg-unet", "tta") is None
    with open_store(tmp_path) as store:
        second = activate_point(store, "ward v2")
        assert active_points(store) == (second,)
        clear_point(store, "lgg-unet", "ensemble")
        assert active_points(store) == ()
        activate_point(store, "ward v1")
        assert active_points(store) == (first,)
        assert store.verify().ok
        assert dict(store.verify().rows)["activations"] == 4


def test_point_of_predictions_made_elsewhere_cannot_judge_new_cases(store: Store) -> None:
    elsewhere = make_point(model_id=None, estimator=None)
    with pytest.raises(SettingsProblem, match="cannot judge new cases"):
        save_operating_point(store, elsewhere, activate=True)
    assert store.operating_points() == ()
    assert save_operating_point(store, elsewhere).version == 1


@pytest.mark.parametrize(
    "change", [{"name": "  "}, {"threshold": float("-inf")}, {"threshold": float("nan")}]
)
def test_point_without_a_name_or_threshold_is_refused(store: Store, change: dict[str, object]) -> None:
    with pytest.raises(SettingsProblem, match="cannot be saved"):
        save_operating_point(store, make_point(**change))


def test_unknown_point_lists_the_known_ones(store: Store) -> None:
    save_operating_point(store, make_point())
    with pytest.raises(SettingsProblem, match="one of ward v1"):
        find_point(store, "award")
