"""What the members of a model say about training patients that they never saw."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.models.records import ModelRecord
from core.models.weights import load_member
from core.train.common.threads import one_thread
from core.train.data import TrainingSet
from core.train.predict import predict_slices
from core.types import BoolArray, Float32Array, SliceSamples
from core.uncertainty import Reduced, reduce


@dataclass(frozen=True, eq=False)
class JudgedStudy:
    """A patient's study as the networks see it: reduced samples and mask_ref bool (slice, row, column)."""

    patient: str
    reduced: Reduced
    mask_ref: BoolArray

    @property
    def mask_pred(self) -> BoolArray:
        """bool (slice, row, column)."""
        return np.asarray(self.reduced.mask_pred > 0)


def unseen_samples(
    record: ModelRecord, data: TrainingSet, patients: Collection[str] | None = None
) -> dict[str, tuple[Float32Array, ...]]:
    """For each patient the probabilities (slice, row, column) of the members that left it out.

    At working resolution, scaled by the whole volume, slices in numerical order. patients: None for all.
    """
    wanted = data.patients if patients is None else tuple(sorted(patients))
    found: dict[str, list[Float32Array]] = {name: [] for name in wanted}
    with one_thread():
        for member in range(len(record.members)):
            names = [name for name in wanted if member in record.members_unseen(name)]
            chosen = np.isin(data.patient, names)
            prob = predict_slices(load_member(record, member), data, chosen, record.working_size)
            of = data.patient[chosen]
            for name in names:
                found[name].append(prob[of == name])
    return {name: tuple(each) for name, each in found.items()}


def studies_of(
    samples: Mapping[str, Sequence[Float32Array]], data: TrainingSet, every: int = 1
) -> Iterator[JudgedStudy]:
    """Each patient's study from the samples (slice, row, column) of several networks.

    every: 2 keeps the first, third, … slice only, as if slices were twice as thick.
    """
    for name, each in samples.items():
        mask_ref = data.mask[data.patient == name][::every]
        stream = [
            SliceSamples(index, iter([sample[every * index][None] for sample in each]))
            for index in range(len(mask_ref))
        ]
        yield JudgedStudy(name, reduce(stream, len(mask_ref), mask_ref.shape[1:]), mask_ref)
