"""What a run keeps of one case: which reference counts, and the unit of a classification."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.config import AnalysisConfig
from core.pipeline.units import classification_item, labels_of, labels_ref
from core.types import Classification, CohortItem, MadeBy, Reference, Score
from tests.core.toy_runs import make_case

NAMES = ("normal", "bacterial", "viral")


def item(*labels: str, known: bool = True) -> CohortItem:
    return CohortItem(position=0, case_id="a", name="x", group="p", labels=labels if known else None)


def test_label_is_the_one_class_that_the_reference_names() -> None:
    assert labels_of(item("viral"), NAMES, multilabel=False) == (False, False, True)
    assert labels_of(item(known=False), NAMES, multilabel=False) is None
    assert labels_of(item("fracture"), NAMES, multilabel=False) is None
    assert labels_of(item("viral", "normal"), NAMES, multilabel=False) is None


def test_several_findings_or_none_are_a_label_where_that_is_the_task() -> None:
    assert labels_of(item("viral", "normal"), NAMES, multilabel=True) == (True, False, True)
    assert labels_of(item(), NAMES, multilabel=True) == (False, False, False)
    assert labels_of(item(known=False), NAMES, multilabel=True) is None


def test_one_class_is_judged_on_inside_and_outside_and_several_on_their_own_labels() -> None:
    case = make_case(1)
    assert case.reference is not None
    assert np.array_equal(labels_ref(case, 1), case.reference.mask_ref)  # type: ignore[arg-type]
    assert labels_ref(case, 2) is None
    labels = 2 * case.reference.mask_ref.astype(np.uint8)
    told_apart = replace(case, reference=Reference(labels > 0, "mask", (0.0, 2.0), labels))
    assert np.array_equal(labels_ref(told_apart, 2), labels)  # type: ignore[arg-type]
    assert labels_ref(told_apart, 1).max() == 1  # type: ignore[union-attr]
    assert labels_ref(make_case(1, reference=False), 1) is None


def test_classification_is_one_unit_with_the_mean_of_its_samples() -> None:
    made_by = MadeBy(
        key="k", config=AnalysisConfig(), app_version="", weights=(), members=(), device="cpu",
        backend="torch", precision="float32", threads=1, chunk=1, samples=2, channels=(0,), self_check=None,
        versions=(), created_utc="",
    )  # fmt: skip
    found = Classification(
        case_id="a",
        class_names=NAMES,
        multilabel=False,
        samples=np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]]),
        saliency=None,
        scores=(Score(key="top", value=0.375), Score(key="spread", value=None)),
        made_by=made_by,
    )
    result = classification_item(item("bacterial"), found, origin="out of fold", seconds=0.5)
    (unit,) = result.units
    assert (unit.slice, unit.has_ref, unit.prob, unit.label) == (
        -1,
        True,
        (0.375, 0.375, 0.25),
        (False, True, False),
    )
    assert unit.confidence[0] == ("top", 0.375)
    assert np.isnan(dict(unit.confidence)["spread"])
    assert (result.analysis_key, result.origin, result.seconds, result.histograms) == (
        "k",
        "out of fold",
        0.5,
        None,
    )
