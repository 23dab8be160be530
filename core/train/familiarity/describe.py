"""The check for foreign images: Gaussians over the training pictures, and which distances are usual.

Usual distances come from patients whom neither the network nor the Gaussian saw: the statistics of a picture
are cross-fitted over the folds of patients, and a member's features are fitted on the patients that the
member was trained on and measured on those it left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.detector.familiarity import Familiarity, Gaussian, Scale, View
from core.detector.familiarity_file import write_familiarity
from core.errors import ModelProblem
from core.models.records import FamiliarityFile, ModelRecord
from core.models.registry import write_record
from core.train.common.threads import one_thread
from core.train.familiarity.data import Described, describe, training_pictures
from core.types import BoolArray, Float64Array

FILE = "familiarity.safetensors"
USUAL_SHARE = 0.99
"""Share of the training pictures, and of the studies, that lie within the limit."""
SMALLEST_SPREAD = 1e-4


def store_familiarity(record: ModelRecord, data: Path) -> ModelRecord:
    """Fit, write the file beside the weights and its digest into the model's record, which is returned.

    Raises ModelProblem for a model without folds of its training patients, InputProblem without the data.
    """
    if not record.folds:
        raise ModelProblem(
            "This model does not say which patients it was trained on",
            file=record.id,
            found="no folds",
            expected="the patients of each fold in model.json",
            fix="train it with `python -m core train`",
        )
    with one_thread():
        familiarity = fit_familiarity(describe(record, training_pictures(record, data)), record)
    digest = write_familiarity(familiarity, record.folder / FILE)
    changed = record.model_copy(update={"familiarity": FamiliarityFile(file=FILE, sha256=digest)})
    write_record(changed, record.folder)
    return changed


def fit_familiarity(described: Described, record: ModelRecord) -> Familiarity:
    """Gaussians of both views and the scales of their distances; see the top of this file."""
    fold = _folds(described, record)
    whole, whole_steps = _whole_view(described, fold)
    members, total, count = {}, np.zeros(len(fold)), np.zeros(len(fold))
    for index, member in enumerate(record.members):
        unseen = np.isin(fold, member.left_out_folds)
        if not unseen.any():
            continue
        kinds = _fit_kinds(described.members[index], described.kind, ~unseen)
        distances = _nearest(kinds, described.members[index])
        scale = usual(distances[unseen & described.alone])
        members[index] = View(kinds, scale)
        total[unseen] += _steps(distances[unseen], scale)
        count += unseen
    known = count > 0
    steps = np.maximum(whole_steps[known], total[known] / count[known])
    patient, kind, alone = described.patient[known], described.kind[known], described.alone[known]
    picture = usual(steps[alone])
    studies = study_medians(steps[~alone], patient[~alone], kind[~alone])
    study = usual(studies) if len(studies) else picture
    return Familiarity(whole, members, picture, study, len(np.unique(patient)))


def fit_gaussian(features: Float64Array) -> Gaussian:
    """Mean and shrunk covariance of features (n, d) as Gaussian; finite with fewer cases than features too.

    Ledoit and Wolf 2004 (doi:10.1016/S0047-259X(03)00096-4), on standardised features. The root is rounded to
    half precision here, as it is kept.
    """
    from sklearn.covariance import ledoit_wolf

    mean = features.mean(axis=0).astype(np.float32).astype(np.float64)
    scale = (features.std(axis=0) + SMALLEST_SPREAD).astype(np.float32).astype(np.float64)
    covariance, _ = ledoit_wolf((features - mean) / scale, assume_centered=True)
    root = np.linalg.cholesky(np.linalg.inv(covariance))
    return Gaussian(mean, scale, root.astype(np.float16).astype(np.float64))


def usual(distances: Float64Array) -> Scale:
    """Median and 99 % point of the distances; an observed value, never between two.

    >>> usual(np.arange(101.0))
    Scale(typical=50.0, limit=99.0)
    """
    typical, limit = (float(np.quantile(distances, rank, method="higher")) for rank in (0.5, USUAL_SHARE))
    return Scale(typical, max(limit, np.nextafter(typical, np.inf)))


def study_medians(steps: Float64Array, patient: NDArray[np.str_], kind: NDArray[np.int64]) -> Float64Array:
    """The upper median of each patient's slices, one for each kind of input."""
    studies = sorted({(str(p), int(k)) for p, k in zip(patient, kind, strict=True)})
    return np.array(
        [np.quantile(steps[(patient == p) & (kind == k)], 0.5, method="higher") for p, k in studies]
    )


def _folds(described: Described, record: ModelRecord) -> NDArray[np.int64]:
    place = {name: number for number, names in enumerate(record.folds) for name in names}
    return np.array([place.get(str(name), -1) for name in described.patient], dtype=np.int64)


def _whole_view(described: Described, fold: NDArray[np.int64]) -> tuple[View, Float64Array]:
    """The view of picture statistics, fitted on all, and the cross-fitted steps of every picture."""
    distances = np.empty(len(fold))
    for each in np.unique(fold):
        held_out = fold == each
        kinds = _fit_kinds(described.whole, described.kind, ~held_out)
        distances[held_out] = _nearest(kinds, described.whole[held_out])
    scale = usual(distances[described.alone])
    every = np.ones(len(fold), dtype=np.bool_)
    return View(_fit_kinds(described.whole, described.kind, every), scale), _steps(distances, scale)


def _fit_kinds(features: Float64Array, kind: NDArray[np.int64], chosen: BoolArray) -> tuple[Gaussian, ...]:
    return tuple(fit_gaussian(features[chosen & (kind == each)]) for each in np.unique(kind))


def _nearest(kinds: Sequence[Gaussian], features: Float64Array) -> Float64Array:
    return np.asarray(np.min([each.log_distance(features) for each in kinds], axis=0))


def _steps(distances: Float64Array, scale: Scale) -> Float64Array:
    return np.asarray((distances - scale.typical) / (scale.limit - scale.typical))
