"""Train the members of a classifier and write its model folder: weights, curves, `model.json`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.models.backbones import hub_classifier
from core.models.build_classifier import ClassifierNet
from core.models.records import ModelRecord, PreprocessingConfig
from core.models.registry import write_record
from core.models.weights import load_classifier, save_weights
from core.train.classes.config import ClassifierConfig
from core.train.classes.data import PictureSet, assign_person_folds, load_pictures, pictures_digest
from core.train.classes.loop import ClassifierTask, train_classifier_member
from core.train.common.curve import Say, curve_writer
from core.train.common.groups import in_folds, names_by_fold
from core.train.common.record import (
    LIBRARIES,
    choose_members,
    earlier_limits,
    is_complete,
    member_records,
    training_record,
    weight_name,
)
from core.train.common.threads import one_thread


def train_classifier(
    data: Path, config: ClassifierConfig, out: Path, members: Sequence[int] | None = None, say: Say = print
) -> Path:
    """Train the chosen members (default: all) one after another and return the model folder.

    data: folder with one folder of JPEG pictures per class, or one that holds it as `cxr224`. The same
    settings on the same machine give the same bytes; members may be trained by several processes at once,
    each on one thread. `model.json` is written as soon as every member is there. Raises InputProblem without
    the data, SettingsProblem for an unknown member, ModelProblem for a backbone that cannot be had.
    """
    chosen = choose_members(config, members)
    pictures = load_pictures(data, config.class_names)
    start = hub_classifier(config.architecture, config.seed) if config.hub_weights else None
    out.mkdir(parents=True, exist_ok=True)
    with one_thread():
        for member in chosen:
            _train_one(config, pictures, member, out, start, say)
    if is_complete(config, out):
        assemble_classifier_record(config, pictures, out)
    return out


def assemble_classifier_record(config: ClassifierConfig, pictures: PictureSet, out: Path) -> ModelRecord:
    """Write `model.json` from the members' weights and curves; a limit found earlier is kept."""
    folds = assign_person_folds(pictures, config.folds)
    record = ModelRecord(
        id=config.id,
        title=config.about.title,
        description=config.about.description,
        task="classification",
        architecture=config.architecture,
        preprocessing=PreprocessingConfig(mean=config.mean, std=config.std),
        working_size=config.size,
        channels=config.channels,
        class_names=config.class_names,
        activation="softmax",
        moves=config.moves,
        members=member_records(config, out),
        folds=names_by_fold(folds, config.folds),
        training=training_record(
            config,
            out,
            epochs=sum(run.epochs for run in config.runs),
            data_digest=pictures_digest(pictures),
            libraries=LIBRARIES,
        ),
        rule_limits=earlier_limits(out),
        volume=config.about.volume,
        licence=config.about.licence,
        source=config.about.source,
    )
    write_record(record, out)
    return record.model_copy(update={"folder": out})


def _train_one(
    config: ClassifierConfig,
    pictures: PictureSet,
    member: int,
    out: Path,
    start: ClassifierNet | None,
    say: Say,
) -> None:
    folds = assign_person_folds(pictures, config.folds)
    unseen = in_folds(pictures.person, folds, config.members[member])
    report = curve_writer(out, member, sum(run.epochs for run in config.runs), say)
    for run in config.runs:
        net = train_classifier_member(ClassifierTask(run, pictures, member, unseen), report, start)
        save_weights(net, out / weight_name(member))
        # The next run goes on from what was saved, so that it can also start from the file alone.
        start = load_classifier(out / weight_name(member), config.architecture)
