"""Train the members of a segmenter and write its model folder: weights, curves, `model.json`."""

from __future__ import annotations

import csv
import hashlib
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields, replace
from importlib.metadata import version
from pathlib import Path

from core.config import digest
from core.errors import InputProblem, SettingsProblem
from core.models.build import SegmentationNet
from core.models.records import MemberRecord, ModelRecord, TrainingRecord
from core.models.registry import RECORD_FILE, read_record, write_record
from core.models.weights import load_network, save_weights
from core.train.config import SegmenterConfig
from core.train.data import TrainingSet, assign_folds, held_out, load_training_set, tumour_volumes
from core.train.loop import EpochLog, architecture_of, train_member
from core.train.sampling import MemberTask
from core.train.threads import one_thread
from core.types import Limits

PACKED_FILE = "lgg128_train.npz"
LIBRARIES = ("torch", "segmentation-models-pytorch", "timm", "numpy", "opencv-python-headless", "safetensors")

Say = Callable[[str], None]


def train(
    data: Path, config: SegmenterConfig, out: Path, members: Sequence[int] | None = None, say: Say = print
) -> Path:
    """Train the chosen members (default: all) one after another and return the model folder.

    data: `lgg128_train.npz` or a folder that holds it. The same settings on the same machine give the same
    bytes; members may be trained by several processes at once, each on one thread. `model.json` is written
    as soon as every member is there. Raises InputProblem without the data, SettingsProblem for an unknown
    member.
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
    packed = find_packed(data)
    training_set = load_training_set(packed)
    out.mkdir(parents=True, exist_ok=True)
    with one_thread():
        for member in chosen:
            _train_one(config, training_set, member, out, say)
    if all((out / weight_name(member)).is_file() for member in range(len(config.members))):
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
        members=tuple(_member_record(out, k, left_out) for k, left_out in enumerate(config.members)),
        folds=tuple(tuple(sorted(n for n in folds if folds[n] == fold)) for fold in range(config.folds)),
        training=_training_record(config, packed, out),
        rule_limits=_earlier_limits(out),
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
    unseen = held_out(data, folds, config.members[member])
    total = sum(run.epochs for run in config.runs)
    lines: list[EpochLog] = []

    def report(line: EpochLog) -> None:
        lines.append(replace(line, epoch=len(lines)))
        write_log(out / log_name(member), lines)
        say(f"member {member}, epoch {len(lines)}/{total}: loss {line.train_loss:.4f}, {line.seconds:.0f} s")

    start: SegmentationNet | None = None
    for run in config.runs:
        net = train_member(MemberTask(run, data, member, unseen), report, start)
        save_weights(net, out / weight_name(member))
        # The next run goes on from what was saved, so that it can also start from the file alone.
        start = load_network(out / weight_name(member), architecture_of(config))


def write_log(path: Path, lines: Sequence[EpochLog]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, [field.name for field in fields(EpochLog)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(line) for line in lines)


def _member_record(out: Path, member: int, left_out: tuple[int, ...]) -> MemberRecord:
    name = weight_name(member)
    found = hashlib.sha256((out / name).read_bytes()).hexdigest()
    return MemberRecord(file=name, sha256=found, left_out_folds=left_out)


def _training_record(config: SegmenterConfig, packed: Path, out: Path) -> TrainingRecord:
    return TrainingRecord(
        config=f"core/train/configs/{config.id}.json",
        config_digest=digest(config.model_dump(mode="json", exclude={"about"})),
        data_digest=hashlib.sha256(packed.read_bytes()).hexdigest(),
        seed=config.seed,
        epochs=sum(run.epochs for run in config.runs),
        versions=(("python", platform.python_version()), *((name, version(name)) for name in LIBRARIES)),
        seconds=tuple(logged_seconds(out / log_name(member)) for member in range(len(config.members))),
    )


def logged_seconds(path: Path) -> float:
    with path.open(newline="", encoding="utf-8") as stream:
        return round(sum(float(line["seconds"]) for line in csv.DictReader(stream)), 1)


def _earlier_limits(out: Path) -> Limits | None:
    return read_record(out / RECORD_FILE).rule_limits if (out / RECORD_FILE).is_file() else None


def weight_name(member: int) -> str:
    return f"member_{member}.safetensors"


def log_name(member: int) -> str:
    return f"log_{member}.csv"
