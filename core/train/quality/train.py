"""Train the quality networks of a model, one for each fold of patients, calibrate them, and store them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.detector.quality.file import read_quality, write_quality
from core.detector.quality.networks import HEADS, STATES, QualityNetworks, raw_logits
from core.detector.quality.scores import GOOD_DICE
from core.errors import ModelProblem
from core.metrics import dice
from core.models.records import ModelRecord, QualityFile
from core.models.registry import write_record
from core.train.common.curve import Say
from core.train.common.task import MemberTask
from core.train.common.threads import one_thread
from core.train.quality.calibrate import fit_calibration
from core.train.quality.config import QualityConfig
from core.train.quality.data import QualityData
from core.train.quality.loop import Ended, train_quality_network
from core.types import Float64Array

FILE = "quality.safetensors"
CHANNEL = "FLAIR"


def store_quality(record: ModelRecord, data: QualityData, config: QualityConfig, say: Say) -> ModelRecord:
    """Train, calibrate, write the file beside the weights and its digest into the record, which is returned.

    Raises ModelProblem for a model without folds of its training patients or without a FLAIR input.
    """
    if not record.folds or CHANNEL not in record.channels:
        raise ModelProblem(
            "No quality network can be trained for this model",
            file=record.id,
            found="no folds of training patients, or no FLAIR input",
            expected="a segmenter trained by `python -m core train` on FLAIR",
            fix="choose such a model",
        )
    fold = folds_of(record, data)
    with one_thread():
        nets = QualityNetworks((), (), np.tile(np.array([1.0, 0.0]), (HEADS, STATES, 1)))
        for member, left_out in enumerate(config.members):
            task = MemberTask(config, data, member, np.isin(fold, left_out))
            net = train_quality_network(task, _told(member, say))
            nets = QualityNetworks((*nets.nets, net), (*nets.left_out, left_out[0]), nets.calibration)
        # What counts is the answer of the stored weights, which are rounded to half precision.
        path = record.folder / FILE
        rounded = read_quality(path, write_quality(nets, path))
        calibration = fit_calibration(unseen_logits(rounded, data, fold), found_of(data), truth_of(data))
        final = QualityNetworks(rounded.nets, rounded.left_out, calibration)
    kept = QualityFile(file=FILE, sha256=write_quality(final, path), channel=record.channels.index(CHANNEL))
    changed = record.model_copy(update={"quality": kept})
    write_record(changed, record.folder)
    return changed


def _told(member: int, say: Say) -> Ended:
    return lambda epoch, loss: say(f"network {member}, epoch {epoch + 1}: loss {loss:.4f}")


def folds_of(record: ModelRecord, data: QualityData) -> NDArray[np.int64]:
    """(slice,) the fold of each slice's patient."""
    place = {name: number for number, names in enumerate(record.folds) for name in names}
    return np.array([place[str(name)] for name in data.patient], dtype=np.int64)


def unseen_logits(networks: QualityNetworks, data: QualityData, fold: NDArray[np.int64]) -> Float64Array:
    """(slice, HEADS) for the members' mean prediction, by the network that left each patient out."""
    logits = np.zeros((len(fold), HEADS))
    for net, left_out in zip(networks.nets, networks.left_out, strict=True):
        own = fold == left_out
        logits[own] = raw_logits(net, data.flair[own], data.candidates[0][own])
    return logits


def found_of(data: QualityData) -> NDArray[np.bool_]:
    """(slice,) whether the members' mean prediction holds something."""
    return np.asarray(data.candidates[0].any(axis=(1, 2)))


def truth_of(data: QualityData) -> Float64Array:
    """(slice, HEADS): whether the members' mean prediction is good, and its Dice."""
    overlap = np.array([dice(pred, ref) for pred, ref in zip(data.candidates[0], data.mask_ref, strict=True)])
    return np.stack([(overlap > GOOD_DICE).astype(np.float64), overlap], axis=1)
