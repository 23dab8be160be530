"""Train a prompted segmenter and write its model folder: weights, curve, `model.json`."""

from __future__ import annotations

import hashlib
from pathlib import Path

from core.models.records import ModelRecord
from core.models.registry import write_record
from core.models.weights import save_weights
from core.train.common.curve import Say, curve_writer
from core.train.common.groups import assign_folds, in_folds, names_by_fold
from core.train.common.record import SEGMENTER_LIBRARIES, member_records, training_record, weight_name
from core.train.common.threads import one_thread
from core.train.data import load_training_set, tumour_volumes
from core.train.prompts.config import PromptConfig
from core.train.prompts.loop import prompted_architecture, train_prompted
from core.train.sampling import SliceTask
from core.train.segmenter import find_packed


def train_box(data: Path, config: PromptConfig, out: Path, say: Say = print) -> Path:
    """Train every member without its left-out folds and return the model folder.

    data: `lgg128_train.npz` or a folder that holds it. The same settings on the same machine give the same
    bytes. Raises InputProblem without the data.
    """
    packed = find_packed(data)
    training_set = load_training_set(packed)
    folds = assign_folds(tumour_volumes(training_set), config.folds)
    out.mkdir(parents=True, exist_ok=True)
    with one_thread():
        for member, left_out in enumerate(config.members):
            unseen = in_folds(training_set.patient, folds, left_out)
            report = curve_writer(out, member, config.epochs, say)
            net = train_prompted(SliceTask(config, training_set, member, unseen), config.prompts, report)
            save_weights(net, out / weight_name(member))
    write_record(_record(config, packed, folds, out), out)
    return out


def _record(config: PromptConfig, packed: Path, folds: dict[str, int], out: Path) -> ModelRecord:
    return ModelRecord(
        id=config.id,
        title=config.about.title,
        description=config.about.description,
        architecture=prompted_architecture(config),
        working_size=config.size,
        channels=config.channels,
        class_names=config.class_names,
        members=member_records(config, out),
        folds=names_by_fold(folds, config.folds),
        training=training_record(
            config,
            out,
            epochs=config.epochs,
            data_digest=hashlib.sha256(packed.read_bytes()).hexdigest(),
            libraries=SEGMENTER_LIBRARIES,
        ),
        modality="MR",
        prompt="box",
        volume=config.about.volume,
        licence=config.about.licence,
        source=config.about.source,
    )
