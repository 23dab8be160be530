"""The validation table of a classifier: every person judged only by networks that never saw it.

Through the product's own reader and inference; the baseline is fitted and averaged on the same folds.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.config import Frozen
from core.inference import Predictor, open_predictor
from core.io import read_case
from core.metrics.classes.paired import paired_differences
from core.metrics.draws import draw_groups
from core.metrics.evaluation import evaluate
from core.metrics.evaluation_records import EvaluationReport
from core.models.records import ModelRecord
from core.models.registry import write_record
from core.train.classes.baseline import baseline_probabilities
from core.train.classes.data import PictureSet, find_pictures, load_pictures
from core.train.common.confidence import confidence_limit, confidence_limits
from core.train.common.curve import Say
from core.train.common.judging import no_progress, plain_estimator
from core.train.common.numbers import BOOTSTRAP_SEED
from core.train.common.threads import one_thread
from core.types import Estimate, NamedBytes, UnitTable

REPLICATES = 2000


class Difference(Frozen):
    """Network minus baseline in one metric, with the interval of the difference itself."""

    metric: str
    value: Estimate


class LimitCheck(Frozen):
    """What the limit of the confidence means out of fold: share below it, accuracy on each side."""

    limit: float
    share_below: float
    accuracy_below: float
    accuracy_above: float


class ClassValidation(Frozen):
    """Out-of-fold report of the ensemble, of each member alone, and of the baseline on the same folds."""

    model: str
    network: EvaluationReport
    baseline: EvaluationReport
    differences: tuple[Difference, ...]
    members: tuple[EvaluationReport, ...]
    limit: LimitCheck


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """Probabilities (picture, class); members: (member, picture, class), NaN where it saw the person."""

    network: NDArray[np.float64]
    baseline: NDArray[np.float64]
    members: NDArray[np.float64]


def validate_classifier(record: ModelRecord, data: Path, say: Say = print) -> ClassValidation:
    """Judge a classifier on its own training persons, each by members that left that person out."""
    pictures = load_pictures(data, record.class_names)
    found = out_of_fold(record, pictures, data, say)
    every = np.ones(len(pictures.label), dtype=bool)
    draws = draw_groups(pictures.person.tolist(), seed=BOOTSTRAP_SEED, replicates=REPLICATES)
    differences = paired_differences(
        found.network, found.baseline, _labels(pictures), record.class_names, draws
    )
    return ClassValidation(
        model=record.id,
        network=_report("ensemble", found.network, pictures, every),
        baseline=_report("baseline", found.baseline, pictures, every),
        differences=tuple(Difference(metric=key, value=value) for key, value in differences.items()),
        members=tuple(
            _report(f"member {k}", prob, pictures, ~np.isnan(prob[:, 0]))
            for k, prob in enumerate(found.members)
        ),
        limit=_limit_check(found.network, pictures),
    )


def out_of_fold(record: ModelRecord, pictures: PictureSet, data: Path, say: Say = print) -> OutOfFold:
    """Every picture judged by the members that never saw its person, and by baselines fitted likewise."""
    folder = find_pictures(data, record.class_names)
    predictor = open_predictor(record, device="cpu", backend="torch")
    shape = (len(pictures.label), len(record.class_names))
    members = np.full((len(record.members), *shape), np.nan)
    network = np.empty(shape)
    for place, name in enumerate(pictures.name):
        unseen = record.members_unseen(str(pictures.person[place]))
        samples = ask(predictor, folder / name, unseen)
        members[list(unseen), place] = samples
        network[place] = samples.mean(axis=0)
        if (place + 1) % 150 == 0:
            say(f"{record.id}: {place + 1} of {len(pictures.name)} pictures")
    return OutOfFold(network, _baseline(record, pictures), members)


def ask(predictor: Predictor, path: Path, members: tuple[int, ...]) -> NDArray[np.float64]:
    """Class probabilities (member, class) of a picture file, as the product reads and judges it."""
    case = read_case([NamedBytes(path.name, path.read_bytes())])
    channels = (0,) * len(predictor.record.channels)
    estimator = plain_estimator(predictor.record)
    return predictor.classify(case.image, channels, estimator, "validation", no_progress, members).prob


def store_limit(record: ModelRecord, validation: ClassValidation) -> ModelRecord:
    """The model with the limit of its confidence, written into its file."""
    check, network = validation.limit, validation.network
    cohort = "out-of-fold predictions of the training persons"
    limits = confidence_limits(check.limit, cohort, network.patients, network.units)
    changed = record.model_copy(update={"rule_limits": limits})
    write_record(changed, record.folder)
    return changed


def unit_table(
    title: str, prob: NDArray[np.float64], pictures: PictureSet, chosen: NDArray[np.bool_]
) -> UnitTable:
    """The chosen pictures as units of an evaluation."""
    places = np.flatnonzero(chosen)
    nothing = np.zeros(len(places), dtype=bool)
    return UnitTable(
        title=title,
        task="classification",
        level="case",
        class_names=pictures.class_names,
        name=tuple(pictures.name[int(place)] for place in places),
        group=tuple(str(name) for name in pictures.person[places]),
        case_id=(None,) * len(places),
        analysis_key=(None,) * len(places),
        slice=np.full(len(places), -1, dtype=np.int64),
        pred_empty=nothing,
        ref_empty=nothing,
        has_ref=~nothing,
        confidence={},
        default_confidence="",
        metrics={},
        prob=prob[places],
        label=_labels(pictures)[places],
    )


def _report(
    title: str, prob: NDArray[np.float64], pictures: PictureSet, chosen: NDArray[np.bool_]
) -> EvaluationReport:
    return evaluate(unit_table(title, prob, pictures, chosen), seed=BOOTSTRAP_SEED, replicates=REPLICATES)


def _labels(pictures: PictureSet) -> NDArray[np.bool_]:
    return np.asarray(np.arange(len(pictures.class_names)) == pictures.label[:, None])


def _baseline(record: ModelRecord, pictures: PictureSet) -> NDArray[np.float64]:
    total = np.zeros((len(pictures.label), len(record.class_names)))
    count = np.zeros(len(pictures.label))
    with one_thread():
        for member in range(len(record.members)):
            unseen = np.array([member in record.members_unseen(str(name)) for name in pictures.person])
            total[unseen] += baseline_probabilities(pictures, unseen)
            count += unseen
    return total / count[:, None]


def _limit_check(prob: NDArray[np.float64], pictures: PictureSet) -> LimitCheck:
    highest, right = prob.max(axis=1), prob.argmax(axis=1) == pictures.label
    limit = confidence_limit(highest)
    below = highest < limit
    return LimitCheck(
        limit=limit,
        share_below=float(below.mean()),
        accuracy_below=float(right[below].mean()) if below.any() else float("nan"),
        accuracy_above=float(right[~below].mean()) if not below.all() else float("nan"),
    )
