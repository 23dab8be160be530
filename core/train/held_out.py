"""Out-of-fold numbers: every training patient judged only by the members that never saw it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.config import Frozen
from core.metrics import Interval, bootstrap_mean
from core.models.records import ModelRecord
from core.models.weights import load_member
from core.train.common.numbers import BOOTSTRAP_SEED
from core.train.common.threads import one_thread
from core.train.data import TrainingSet, load_training_set, patient_dice
from core.train.predict import predict_slices
from core.train.segmenter import find_packed


class FoldRow(Frozen):
    """Mean patient Dice at working resolution over the training patients that these networks never saw."""

    networks: str
    given: str
    patient_dice: Interval
    false_alarms: float


def out_of_fold(record: ModelRecord, data: Path) -> tuple[FoldRow, ...]:
    """Each member on the patients it left out, then their mean over the members that left a patient out."""
    training_set = load_training_set(find_packed(data))
    with one_thread():
        return tuple(row for alone in (False, True) for row in _rows(record, training_set, alone))


def _rows(record: ModelRecord, data: TrainingSet, flair_only: bool) -> tuple[FoldRow, ...]:
    given = "FLAIR alone" if flair_only else "three sequences"
    total = np.zeros(data.mask.shape, dtype=np.float32)
    count = np.zeros(len(data.mask), dtype=np.int64)
    rows = []
    for member in range(len(record.members)):
        unseen = np.array([member in record.members_unseen(str(name)) for name in data.patient])
        net = load_member(record, member)
        prob = predict_slices(net, data, unseen, record.working_size, flair_only=flair_only)
        rows.append(_row(f"member {member}", given, data, unseen, prob))
        total[unseen] += prob
        count += unseen
    if len(rows) > 1:
        chosen = count > 0
        mean = np.asarray(total[chosen] / count[chosen, None, None], dtype=np.float32)
        rows.append(_row("mean of the members that left the patient out", given, data, chosen, mean))
    return tuple(rows)


def _row(
    networks: str, given: str, data: TrainingSet, chosen: NDArray[np.bool_], prob: NDArray[np.float32]
) -> FoldRow:
    mask_pred = prob > 0.5
    empty = ~data.mask[chosen].any(axis=(1, 2))
    dice = patient_dice(mask_pred, data, chosen)
    return FoldRow(
        networks=networks,
        given=given,
        patient_dice=bootstrap_mean(list(dice.values()), seed=BOOTSTRAP_SEED),
        false_alarms=float(mask_pred[empty].any(axis=(1, 2)).mean()),
    )
