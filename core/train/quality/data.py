"""What the quality network learns from: training slices with out-of-fold predictions, good and bad."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.models.preprocess import apply_range
from core.models.records import ModelRecord
from core.models.weights import load_member
from core.train.common.curve import Say
from core.train.common.threads import one_thread
from core.train.data import FLAIR, TrainingSet
from core.train.predict import predict_slices
from core.types import BoolArray, Float32Array

THRESHOLD = 0.5


@dataclass(frozen=True, eq=False)
class QualityData:
    """Training slices: flair float32 (n, row, column) scaled by the volume, mask_ref bool (n, row, column).

    candidates: bool (candidate, n, row, column), predictions by members that never saw the patient, the
    members' mean first. prob: for each patient the probabilities (slice, row, column) of those members.
    """

    flair: Float32Array
    mask_ref: BoolArray
    candidates: BoolArray
    patient: NDArray[np.str_]
    prob: dict[str, tuple[Float32Array, ...]]

    @property
    def busy(self) -> BoolArray:
        """(n,) whether the reference or any prediction holds something."""
        drawn = self.candidates.any(axis=(0, 2, 3))
        return np.asarray(drawn | self.mask_ref.any(axis=(1, 2)))


def quality_data(record: ModelRecord, data: TrainingSet, say: Say) -> QualityData:
    """Predictions of every training slice by the members that left its patient out.

    For both kinds of input, three sequences and FLAIR alone: the mean over those members, then the members
    one by one, as many as every patient has.
    """
    candidates: list[BoolArray] = []
    prob: dict[str, tuple[Float32Array, ...]] = {}
    for flair_only in (False, True):
        say("Out of fold: " + ("FLAIR alone" if flair_only else "three sequences"))
        ranked = _unseen(record, data, flair_only)
        if not flair_only:
            prob = {name: tuple(each[data.patient == name] for each in ranked) for name in data.patients}
        candidates.append(np.mean(ranked, axis=0) > THRESHOLD)
        candidates += [each > THRESHOLD for each in ranked]
    scaled = [apply_range(data.image[k, FLAIR], data.volume_range[k][FLAIR]) for k in range(len(data.mask))]
    return QualityData(np.stack(scaled), data.mask, np.stack(candidates), data.patient, prob)


def _unseen(record: ModelRecord, data: TrainingSet, flair_only: bool) -> tuple[Float32Array, ...]:
    """(n, row, column) of the first, second, … member that left out each slice's patient."""
    members = [record.members_unseen(str(name)) for name in data.patient]
    ranks = min(len(each) for each in members)
    found = tuple(np.zeros(data.mask.shape, np.float32) for _ in range(ranks))
    with one_thread():
        for member in range(len(record.members)):
            chosen = np.array([member in each for each in members])
            prob = predict_slices(
                load_member(record, member), data, chosen, record.working_size, flair_only=flair_only
            )
            for place, own in zip(np.flatnonzero(chosen), prob, strict=True):
                rank = members[place].index(member)
                if rank < ranks:
                    found[rank][place] = own
    return found
