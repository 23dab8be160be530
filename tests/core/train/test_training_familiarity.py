"""How the description of the training pictures is fitted: shrinkage, folds, and through the command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.detector import familiarity_of_study, measure_view
from core.errors import ModelProblem
from core.models import MemberRecord, ModelRecord
from core.models.registry import read_record
from core.pipeline.foreign import known_pictures
from core.train.familiarity.data import Described, describe, training_pictures
from core.train.familiarity.describe import (
    fit_familiarity,
    fit_gaussian,
    store_familiarity,
    study_medians,
    usual,
)
from core.types import SliceView
from tests.core.inference.conftest import make_record
from tests.core.train.toy import write_toy


def test_more_features_than_cases_stay_finite() -> None:
    features = np.random.default_rng(0).normal(size=(6, 40))
    found = fit_gaussian(features).log_distance(np.random.default_rng(1).normal(size=(3, 40)))
    assert np.isfinite(found).all()


def test_constant_feature_is_harmless_and_its_change_is_noticed() -> None:
    features = np.random.default_rng(0).normal(size=(200, 3))
    features[:, 1] = 7.0
    fitted = fit_gaussian(features)
    inside, outside = fitted.log_distance(np.array([[0.0, 7.0, 0.0], [0.0, 8.0, 0.0]]))
    assert inside < 0 < outside


def test_many_cases_give_the_distance_of_the_true_gaussian() -> None:
    features = np.random.default_rng(0).normal(size=(50_000, 2)) * [1.0, 3.0] + [0.0, 5.0]
    # (2/1)^2 + (3/3)^2 = 5 over two dimensions.
    assert np.exp(fit_gaussian(features).log_distance(np.array([[2.0, 8.0]]))[0]) == pytest.approx(2.5, 0.03)


def test_usual_takes_observed_values() -> None:
    found = usual(np.array([3.0, 1.0, 2.0]))
    assert (found.typical, found.limit) == (2.0, 3.0)


def test_studies_are_one_per_patient_and_kind() -> None:
    steps = np.array([1.0, 5.0, 9.0, 4.0])
    found = study_medians(steps, np.array(["a", "a", "a", "b"]), np.array([0, 0, 1, 0]))
    assert found.tolist() == [5.0, 9.0, 4.0]


def described(patients: int = 20, each: int = 8) -> Described:
    rng = np.random.default_rng(0)
    names = np.repeat([f"p{k}" for k in range(patients)], each)
    n = len(names)
    features = tuple(rng.normal(size=(n, 4)) for _ in range(2))
    return Described(names, np.zeros(n, np.int64), np.arange(n) % 2 == 0, rng.normal(size=(n, 5)), features)


def two_members(folder: Path, patients: int = 20) -> ModelRecord:
    record = make_record(folder, members=2)
    halves = tuple(tuple(f"p{k}" for k in range(patients) if k % 2 == fold) for fold in (0, 1))
    members = tuple(
        MemberRecord(file=each.file, sha256=each.sha256, left_out_folds=(fold,))
        for fold, each in enumerate(record.members)
    )
    return record.model_copy(update={"folds": halves, "members": members})


def test_gaussian_of_a_member_never_saw_the_patients_it_left_out(tmp_path: Path) -> None:
    data, record = described(), two_members(tmp_path)
    before = fit_familiarity(data, record)
    unseen = np.isin(data.patient, record.folds[0])
    data.members[0][unseen] += 1000.0
    after = fit_familiarity(data, record)
    assert np.array_equal(before.members[0].kinds[0].mean, after.members[0].kinds[0].mean)
    assert after.members[0].scale.typical > before.members[0].scale.typical + 5
    assert before.patients == 20


def test_statistics_are_cross_fitted_by_patient(tmp_path: Path) -> None:
    data, record = described(), two_members(tmp_path)
    # Every picture of fold 0 far away: fitted on fold 1 alone they are far, fitted on both they would not be.
    data.whole[np.isin(data.patient, record.folds[0])] += 50.0
    found = fit_familiarity(data, record)
    assert found.whole.scale.limit > np.log(50.0)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelRecord, Path]:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    folder.mkdir()
    data = tmp_path_factory.mktemp("data")
    write_toy(data)
    record = two_members(folder).model_copy(update={"folds": (("p0", "p1"), ("p2", "p3"))})
    return store_familiarity(record, data), data


def test_toy_model_is_described_in_its_folder(stored: tuple[ModelRecord, Path]) -> None:
    record, _ = stored
    assert read_record(record.folder / "model.json").familiarity == record.familiarity
    known = known_pictures(record)
    assert known is not None
    assert (sorted(known.members), known.patients, len(known.whole.kinds)) == ([0, 1], 4, 2)


def test_same_data_give_the_same_bytes(stored: tuple[ModelRecord, Path]) -> None:
    record, data = stored
    assert store_familiarity(record, data).familiarity == record.familiarity


def test_own_pictures_are_familiar_and_noise_is_not(stored: tuple[ModelRecord, Path]) -> None:
    record, data = stored
    known = known_pictures(record)
    assert known is not None
    shown = list(training_pictures(record, data))
    features = describe(record, shown)

    def judge(place: int, picture: np.ndarray) -> float:
        view = SliceView(picture, {k: np.float32(each[place]) for k, each in enumerate(features.members)})
        value = familiarity_of_study(known, [measure_view(known, view)]).value
        assert value is not None
        return value

    own = [judge(k, each.picture) for k, each in enumerate(shown)]
    assert np.median(own) > 0.5
    assert judge(0, 1.5 - shown[0].picture) < 0.5 < max(own)


def test_model_without_folds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelProblem, match="no folds"):
        store_familiarity(make_record(tmp_path), tmp_path)
