"""Train the members of a segmenter and write its model folder: weights, curves, `model.json`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from core.errors import InputProblem
from core.models.build import SegmentationNet
from core.models.records import ModelRecord
from core.models.registry import write_record
from core.models.weights import load_network, save_weights
from core.train.common.curve import Say, curve_writer
from core.train.common.groups import assign_folds, in_folds, names_by_fold
from core.train.common.record import (
    SEGMENTER_LIBRARIES,
    choose_members,
    earlier_limits,
    is_complete,
    member_records,
    training_record,
    weight_name,
)
from core.train.common.threads import one_thread
from core.train.config import SegmenterConfig
from core.train.data import TrainingSet, load_training_set, tumour_volumes
from core.train.loop import architecture_of, train_member
from core.train.sampling import SliceTask

PACKED_FILE = "lgg128_train.npz"


def train(
    data: Path, config: SegmenterConfig, out: Path, members: Sequence[int] | None = None, say: Say = print
) -> Path:
    """Train the chosen members (default: all) one after another and return the model folder.

    data: `lgg128_train.npz` or a folder that holds it. The same settings on the same machine give the same
    bytes; members may be trained by several processes at once, each on one thread. `model.json` is written
    as soon as every member is there. Raises InputProblem without the data, SettingsProblem for an unknown
    member.
    """
    chosen = choose_members(config, members)
    packed = find_packed(data)
    training_set = load_training_set(packed)
    out.mkdir(parents=True, exist_ok=True)
    with one_thread():
        for member in chosen:
            _train_one(config, training_set, member, out, say)
    if is_complete(config, out):
        assemble(config, packed, out)
    return out


def assemble(config: SegmenterConfig, packed: Path, out: Path) -> ModelRecord:
    """Write `model.json` from the members' weights and curves; rule limits found earlier are kept."""
    training_set = load_training_set(packed)
    folds = assign_folds(tumour_volumes(training_set), config.folds)
    record = ModelRecord(
        id=config.id,
        title=config.about.title,
        description=config.about.description,
        architecture=architecture_of(config),
        working_size=config.size,
        channels=config.channels,
        class_names=config.class_names,
        members=member_records(config, out),
        folds=names_by_fold(folds, config.folds),
        training=training_record(
            config,
            out,
            epochs=sum(run.epochs for run in config.runs),
            data_digest=hashlib.sha256(packed.read_bytes()).hexdigest(),
            libraries=SEGMENTER_LIBRARIES,
        ),
        rule_limits=earlier_limits(out),
        volume=config.about.volume,
        licence=config.about.licence,
        source=config.about.source,
    )
    write_record(record, out)
    return record.model_copy(update={"folder": out})


def find_packed(data: Path) -> Path:
    """The packed training slices in this folder, its `lgg` folder, or this file itself."""
    for path in (data, data / PACKED_FILE, data / "lgg" / PACKED_FILE):
        if path.is_file():
            return path
    raise InputProblem(
        "The training data is not there",
        file=data.name,
        found="no such file",
        expected=f"{PACKED_FILE}, or a folder that holds it",
        fix="give the data folder with --data",
    )


def _train_one(config: SegmenterConfig, data: TrainingSet, member: int, out: Path, say: Say) -> None:
    folds = assign_folds(tumour_volumes(data), config.folds)
    unseen = in_folds(data.patient, folds, config.members[member])
    report = curve_writer(out, member, sum(run.epochs for run in config.runs), say)
    start: SegmentationNet | None = None
    for run in config.runs:
        net = train_member(SliceTask(run, data, member, unseen), report, start)
        save_weights(net, out / weight_name(member))
        # The next run goes on from what was saved, so that it can also start from the file alone.
        start = load_network(out / weight_name(member), architecture_of(config))
