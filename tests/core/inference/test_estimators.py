"""The table of estimators and what each plans to do."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from core.config import EstimatorConfig, EstimatorKind
from core.errors import ModelProblem
from core.inference import ESTIMATORS, estimator_spec, possible_estimators
from core.inference.estimators import plan_samples
from core.models import ModelRecord
from tests.core.inference.conftest import make_record


def test_every_kind_of_the_settings_has_one_row() -> None:
    assert sorted(spec.key for spec in ESTIMATORS) == sorted(get_args(EstimatorKind))
    assert all(spec.label and spec.help for spec in ESTIMATORS)


def test_unknown_estimator_is_named_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match="mc-dropout"):
        estimator_spec("jackknife")


@pytest.mark.parametrize(
    ("kind", "passes", "samples", "members"),
    [
        ("point", 1, 1, 1),
        ("tta", 8, 8, 1),
        ("mc-dropout", 1, 6, 1),
        ("ensemble", 3, 3, 3),
        ("ensemble-mc-dropout", 3, 18, 3),
    ],
)
def test_plan_counts_passes_and_samples(
    record: ModelRecord, kind: EstimatorKind, passes: int, samples: int, members: int
) -> None:
    plan = plan_samples(record, EstimatorConfig(kind=kind, samples=6))
    assert (len(plan.passes), plan.samples, len(plan.members), len(plan.weights)) == (
        passes,
        samples,
        members,
        members,
    )


def test_choices_for_one_network_leave_out_ensembles(record: ModelRecord, tmp_path: Path) -> None:
    single = make_record(tmp_path, members=1)
    assert [spec.key for spec in possible_estimators(record)] == [spec.key for spec in ESTIMATORS]
    assert not any(spec.members for spec in possible_estimators(single))


def test_one_network_of_several_is_said_to_be_the_first(record: ModelRecord) -> None:
    plan = plan_samples(record, EstimatorConfig(kind="tta"))
    assert plan.members == ("member-0.safetensors",)
    assert plan.notes == ("first of 3 networks alone",)


@pytest.mark.parametrize("kind", ["ensemble", "ensemble-mc-dropout"])
def test_ensemble_of_one_network_is_refused(tmp_path: Path, kind: EstimatorKind) -> None:
    with pytest.raises(ModelProblem, match="several networks"):
        plan_samples(make_record(tmp_path, members=1), EstimatorConfig(kind=kind))


def test_plan_asks_only_the_networks_that_may_be_asked(record: ModelRecord) -> None:
    names = [each.file for each in record.members]
    ensemble, point = EstimatorConfig(kind="ensemble"), EstimatorConfig(kind="point")
    assert plan_samples(record, ensemble, (2, 0)).members == (names[0], names[2])
    assert plan_samples(record, ensemble, (2, 0)).notes == ("2 of 3 networks",)
    assert plan_samples(record, ensemble, (0, 1, 2)) == plan_samples(record, ensemble)
    assert plan_samples(record, point, (1, 2)).members == (names[1],)
    alone = plan_samples(record, ensemble, (1,))
    assert (alone.samples, "only one of 3 networks" in alone.notes[0]) == (1, True)
    for wrong in ((), (3,), (-1,)):
        with pytest.raises(ModelProblem, match="cannot be asked"):
            plan_samples(record, ensemble, wrong)
