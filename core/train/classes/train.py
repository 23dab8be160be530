"""Train the members of a classifier and write its model folder: weights, curves, `model.json`."""

from __future__ import annotations

import csv
import hashlib
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields, replace
from importlib.metadata import version
from pathlib import Path

from core.config import digest
from core.errors import SettingsProblem
from core.models.backbones import hub_classifier
from core.models.build_classifier import ClassifierNet
from core.models.records import MemberRecord, ModelRecord, PreprocessingConfig, TrainingRecord
from core.models.registry import RECORD_FILE, read_record, write_record
from core.models.weights import load_classifier, save_weights
from core.train.classes.config import ClassifierConfig
from core.train.classes.data import (
    PictureSet,
    assign_person_folds,
    left_out,
    load_pictures,
    pictures_digest,
)
from core.train.classes.loop import ClassifierLog, ClassifierTask, train_classifier_member
from core.train.threads import one_thread
from core.types import Limits

LIBRARIES = ("torch", "timm", "numpy", "opencv-python-headless", "safetensors")
Say = Callable[[str], None]


def train_classifier(
    data: Path, config: ClassifierConfig, out: Path, members: Sequence[int] | None = None, say: Say = print
) -> Path:
    """Train the chosen members (default: all) one after another and return the model folder.

    data: folder with one folder of JPEG pictures per class, or one that holds it as `cxr224`. The same
    settings on the same machine give the same bytes; members may be trained by several processes at once,
    each on one thread. `model.json` is written as soon as every member is there. Raises InputProblem without
    the data, SettingsProblem for an unknown member, ModelProblem for a backbone that cannot be had.
    """
    chosen = tuple(range(len(config.members))) if members is None else tuple(members)
    unknown = [member for member in chosen if not 0 <= member < len(config.members)]
    if unknown:
        raise SettingsProblem(
            "There is no such member",
            found=str(unknown[0]),
            expected=f"0 to {len(config.members) - 1}",
            fix="choose members that the configuration lists",
        )
    pictures = load_pictures(data, config.class_names)
    start = hub_classifier(config.architecture, config.seed) if config.hub_weights else None
    out.mkdir(parents=True, exist_ok=True)
    with one_thread():
        for member in chosen:
            _train_one(config, pictures, member, out, start, say)
    if all((out / weight_name(member)).is_file() for member in range(len(config.members))):
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
        members=tuple(_member_record(out, k, folds) for k, folds in enumerate(config.members)),
        folds=tuple(tuple(sorted(n for n in folds if folds[n] == fold)) for fold in range(config.folds)),
        training=_training_record(config, pictures, out),
        rule_limits=_earlier_limits(out),
        volume=config.about.volume,
        licence=config.about.licence,
        source=config.about.source,
    )
    write_record(record, out)
    return record.model_copy(update={"folder": out})


def weight_name(member: int) -> str:
    """File of a member's weights in its model folder."""
    return f"member_{member}.safetensors"


def _train_one(
    config: ClassifierConfig,
    pictures: PictureSet,
    member: int,
    out: Path,
    start: ClassifierNet | None,
    say: Say,
) -> None:
    folds = assign_person_folds(pictures, config.folds)
    unseen = left_out(pictures, folds, config.members[member])
    total = sum(run.epochs for run in config.runs)
    lines: list[ClassifierLog] = []

    def report(line: ClassifierLog) -> None:
        lines.append(replace(line, epoch=len(lines)))
        _write_log(out / _log_name(member), lines)
        say(f"member {member}, epoch {len(lines)}/{total}: loss {line.train_loss:.4f}, {line.seconds:.0f} s")

    for run in config.runs:
        net = train_classifier_member(ClassifierTask(run, pictures, member, unseen), report, start)
        save_weights(net, out / weight_name(member))
        # The next run goes on from what was saved, so that it can also start from the file alone.
        start = load_classifier(out / weight_name(member), config.architecture)


def _write_log(path: Path, lines: Sequence[ClassifierLog]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        names = [field.name for field in fields(ClassifierLog)]
        writer = csv.DictWriter(stream, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(line) for line in lines)


def _member_record(out: Path, member: int, folds: tuple[int, ...]) -> MemberRecord:
    name = weight_name(member)
    found = hashlib.sha256((out / name).read_bytes()).hexdigest()
    return MemberRecord(file=name, sha256=found, left_out_folds=folds)


def _training_record(config: ClassifierConfig, pictures: PictureSet, out: Path) -> TrainingRecord:
    return TrainingRecord(
        config=f"core/train/configs/{config.id}.json",
        config_digest=digest(config.model_dump(mode="json", exclude={"about"})),
        data_digest=pictures_digest(pictures),
        seed=config.seed,
        epochs=sum(run.epochs for run in config.runs),
        versions=(("python", platform.python_version()), *((name, version(name)) for name in LIBRARIES)),
        seconds=tuple(_logged_seconds(out / _log_name(member)) for member in range(len(config.members))),
    )


def _logged_seconds(path: Path) -> float:
    with path.open(newline="", encoding="utf-8") as stream:
        return round(sum(float(line["seconds"]) for line in csv.DictReader(stream)), 1)


def _earlier_limits(out: Path) -> Limits | None:
    return read_record(out / RECORD_FILE).rule_limits if (out / RECORD_FILE).is_file() else None


def _log_name(member: int) -> str:
    return f"log_{member}.csv"
