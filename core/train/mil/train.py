"""Cross-validate a bag model by patient: weights of every fold, logs for the audit, `bag.json`."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from core.config import digest
from core.models.mil_records import BAG_FILE, BagRecord, write_bag_record
from core.models.mil_weights import load_bag_member, load_bag_net
from core.models.records import PictureMove, TrainingRecord
from core.models.registry import read_record
from core.models.weights import save_weights
from core.train.common.curve import Say, curve_seconds
from core.train.common.groups import names_by_fold
from core.train.common.record import LIBRARIES, choose_members, is_complete, member_records, weight_name
from core.train.common.threads import one_thread
from core.train.mil.bags import FoldTask
from core.train.mil.config import MilConfig
from core.train.mil.data import BagData, evaluation_bags, patient_folds, volumes_of
from core.train.mil.judge import JudgedBag, judge_bags
from core.train.mil.logs import METRICS_FILE, PREDICTIONS_FILE, fold_folder, metrics_writer, write_predictions
from core.train.mil.loop import train_bag_member
from core.train.mil.plots import attention_plotter
from core.train.mil.sources import load_source

MOVES = (
    PictureMove(),
    PictureMove(down=0.04),
    PictureMove(down=-0.04),
    PictureMove(right=0.04),
    PictureMove(right=-0.04),
    PictureMove(scale=1.08),
    PictureMove(scale=0.92),
)
"""Test-time variants: all inside what training shows."""


def train_mil(
    data: Path, config: MilConfig, out: Path, members: Sequence[int] | None = None, say: Say = print
) -> Path:
    """Train the chosen members (default: all) one after another and return the model folder.

    Each member leaves a fold of patients out. In `fold_K` lie the epochs of member K (`metrics.csv`, columns
    as Lightning's CSVLogger names them) and pictures of its attention; `predictions.csv` holds every
    evaluation bag of the left-out patients of all members trained so far, judged with the weights as saved.
    The same settings on the same machine give the same bytes. Raises InputProblem without the data,
    SettingsProblem for an unknown member.
    """
    chosen = choose_members(config, members)
    bags = load_source(data, config)
    out.mkdir(parents=True, exist_ok=True)
    with one_thread():
        for member in chosen:
            _train_one(config, bags, member, out, say)
        write_predictions(out / PREDICTIONS_FILE, bags, trained_out_of_fold(config, bags, out))
    if is_complete(config, out):
        assemble_bag_record(config, bags, out)
    return out


def trained_out_of_fold(config: MilConfig, data: BagData, out: Path) -> Iterator[JudgedBag]:
    """Every evaluation bag of the patients that a member left out, for members whose weights are there."""
    for member in range(len(config.members)):
        path = out / weight_name(member)
        if path.is_file():
            net = load_bag_net(path, config.architecture)
            bags = evaluation_bags(data, fold_task(config, data, member).unseen, config.bag_size)
            yield from judge_bags(net, data, bags, fold=member)


def out_of_fold_bags(record: BagRecord, data: BagData) -> tuple[JudgedBag, ...]:
    """Every evaluation bag of the training patients, judged by the members that never saw the patient."""
    found: list[JudgedBag] = []
    with one_thread():
        for member in range(len(record.members)):
            unseen = [name for name in data.patients if member in record.members_unseen(name)]
            bags = evaluation_bags(data, volumes_of(data, unseen), record.bag_size)
            found += judge_bags(load_bag_member(record, member), data, bags, fold=member)
    return tuple(found)


def fold_task(config: MilConfig, data: BagData, member: int) -> FoldTask:
    """What a member learns from: all patients but those of the folds that it leaves out."""
    folds = patient_folds(data, config.folds)
    left_out = [name for name in folds if folds[name] in config.members[member]]
    unseen = volumes_of(data, left_out)
    seen = tuple(index for index in range(len(data.volumes)) if index not in set(unseen))
    return FoldTask(config, data, member, seen, unseen)


def assemble_bag_record(config: MilConfig, data: BagData, out: Path) -> BagRecord:
    """Write `bag.json` from the members' weights and logs."""
    record = BagRecord(
        id=config.id,
        title=config.about.title,
        description=config.about.description,
        task="classification",
        architecture=config.architecture,
        working_size=config.size,
        channels=config.channels,
        class_names=config.class_names,
        activation="softmax",
        moves=MOVES,
        members=member_records(config, out),
        folds=names_by_fold(patient_folds(data, config.folds), config.folds),
        training=_training(config, data, out),
        modality="MR",
        volume=config.about.volume,
        licence=config.about.licence,
        source=config.about.source,
        bag=config.bag,
        bag_size=config.bag_size,
    )
    write_bag_record(record, out)
    return record.model_copy(update={"folder": out})


def read_bag_record(folder: Path) -> BagRecord:
    """The record in a model folder. Raises ModelProblem naming the wrong field."""
    return read_record(folder / BAG_FILE, BagRecord)


def is_cross_validated(folder: Path) -> bool:
    """Whether every member of a model folder is trained."""
    return (folder / BAG_FILE).is_file()


def bags_digest(data: BagData) -> str:
    """SHA-256 of patients, labels, marks and pixels."""
    found = hashlib.sha256(repr(data.volumes).encode())
    if data.holds is not None:
        found.update(np.packbits(data.holds).tobytes())
    found.update(np.ascontiguousarray(data.pictures).data)
    return found.hexdigest()


def _training(config: MilConfig, data: BagData, out: Path) -> TrainingRecord:
    logs = [fold_folder(out, member) / METRICS_FILE for member in range(len(config.members))]
    return TrainingRecord(
        config=f"core/train/configs/{config.id}.json",
        config_digest=digest(config.model_dump(mode="json", exclude={"about"})),
        data_digest=bags_digest(data),
        seed=config.seed,
        epochs=config.epochs,
        versions=(("python", platform.python_version()), *((name, version(name)) for name in LIBRARIES)),
        seconds=tuple(curve_seconds(path) for path in logs),
    )


def _train_one(config: MilConfig, data: BagData, member: int, out: Path, say: Say) -> None:
    task = fold_task(config, data, member)
    folder = fold_folder(out, member)
    report = metrics_writer(folder, member, config.epochs, say)
    net = train_bag_member(task, report, attention_plotter(folder, data))
    save_weights(net, out / weight_name(member))
