"""Train a segmenter on any cohort of images and masks: weights, curves, `model.json`, limits of the rules."""

from __future__ import annotations

import hashlib
import platform
import re
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from core.config import digest
from core.detector import fit_limits
from core.errors import SettingsProblem
from core.models.install import require_free_id
from core.models.records import MemberRecord, ModelRecord, TrainingRecord
from core.models.registry import user_models_folder, write_record
from core.models.weights import save_weights
from core.train.cohorts.data import (
    SliceSet,
    StudyCohort,
    group_folds,
    label_slices,
    load_slices,
    unseen_slices,
)
from core.train.cohorts.loop import CohortTask, cohort_architecture, train_cohort_member
from core.train.config import SegmenterConfig
from core.train.loop import EpochLog
from core.train.segmenter import LIBRARIES, Say, log_name, logged_seconds, weight_name, write_log
from core.train.threads import one_thread
from core.types import Limits

CONFIG = Path(__file__).parents[1] / "configs" / "segmenter-any.json"


def name_model(
    config: SegmenterConfig, cohort: StudyCohort, model_id: str | None = None, out: Path | None = None
) -> tuple[SegmenterConfig, Path]:
    """The settings with the id of the model to be made, and its folder (default: the user's models).

    model_id None: the name of `out`, or of the cohort. Raises ModelProblem when the folder is taken or the
    id is of a shipped model, SettingsProblem for an id that cannot be one.
    """
    words = model_id or (out.name if out else cohort.record.name)
    wanted = words if model_id else re.sub(r"[^a-z0-9_\-]+", "-", words.lower()).strip("-_")[:60]
    if not re.fullmatch(r"[a-z0-9][a-z0-9_\-]{0,63}", wanted):
        raise SettingsProblem(
            "This cannot be the id of a model",
            found=repr(wanted),
            expected="small letters, digits, - and _",
            fix="give one with --id",
        )
    folder = out or user_models_folder() / wanted
    if folder.name != wanted:
        raise SettingsProblem(
            "The folder has another name than the model",
            found=f"{folder.name} for {wanted}",
            expected="a folder named after the id",
            fix="choose --out and --id that agree",
        )
    require_free_id(wanted, folder, folder.parent)
    return config.model_copy(update={"id": wanted}), folder


def train_on_cohort(cohort: StudyCohort, config: SegmenterConfig, out: Path, say: Say = print) -> ModelRecord:
    """Train every member, each without the patients of its left-out folds, and write the model folder.

    config: its channels and class_names are taken from the cohort. The same cohort and settings on the same
    machine give the same bytes. Raises SettingsProblem for too few patients or folds that do not exist.
    """
    _check(config)
    data = load_slices(cohort, config.size)
    folds = group_folds(data, config.folds)
    settings = config.model_copy(update={"channels": data.channels, "class_names": data.classes})
    out.mkdir(parents=True, exist_ok=True)
    with one_thread():
        for member in range(len(config.members)):
            _train_one(settings, data, folds, member, out, say)
    return _assemble(settings, cohort, data, folds, out)


def _check(config: SegmenterConfig) -> None:
    left_out = {fold for member in config.members for fold in member}
    if left_out != set(range(config.folds)) or config.finetune is not None or not all(config.members):
        found = f"folds {sorted(left_out)} left out of {config.folds}; finetune {config.finetune is not None}"
        raise SettingsProblem(
            "These settings cannot train on a cohort",
            found=found,
            expected="members that each leave out some folds, every fold left out by one, and no second run",
            fix="start from core/train/configs/segmenter-any.json",
        )


def _train_one(
    config: SegmenterConfig, data: SliceSet, folds: dict[str, int], member: int, out: Path, say: Say
) -> None:
    lines: list[EpochLog] = []

    def report(line: EpochLog) -> None:
        lines.append(replace(line, epoch=len(lines)))
        write_log(out / log_name(member), lines)
        held = "" if line.held_out_patient_dice is None else f", left out {line.held_out_patient_dice:.3f}"
        say(
            f"member {member}, epoch {len(lines)}/{config.epochs}: loss {line.train_loss:.4f}{held}, "
            f"{line.seconds:.0f} s"
        )

    unseen = unseen_slices(data, folds, config.members[member])
    net = train_cohort_member(CohortTask(config, data, member, unseen), report)
    save_weights(net, out / weight_name(member))


def _assemble(
    config: SegmenterConfig, cohort: StudyCohort, data: SliceSet, folds: dict[str, int], out: Path
) -> ModelRecord:
    names = ", ".join(data.classes)
    source = f"{cohort.record.name} ({len(cohort.cases)} cases, {len(folds)} patients)"
    record = ModelRecord(
        id=config.id,
        title=f"{cohort.record.name}: {names}, {len(config.members)} networks",
        description=config.about.description,
        architecture=cohort_architecture(config, data),
        working_size=config.size,
        channels=data.channels,
        class_names=data.classes,
        activation="sigmoid" if len(data.classes) == 1 else "softmax",
        members=tuple(_member(out, k, left_out) for k, left_out in enumerate(config.members)),
        folds=tuple(tuple(sorted(n for n in folds if folds[n] == fold)) for fold in range(config.folds)),
        training=TrainingRecord(
            config=f"core/train/configs/{CONFIG.name}",
            config_digest=digest(config.model_dump(mode="json", exclude={"about", "id"})),
            data_digest=cohort.record.id,
            seed=config.seed,
            epochs=config.epochs,
            versions=(("python", platform.python_version()), *((name, version(name)) for name in LIBRARIES)),
            seconds=tuple(logged_seconds(out / log_name(member)) for member in range(len(config.members))),
        ),
        rule_limits=_limits(cohort),
        volume=config.about.volume,
        licence=config.about.licence,
        source=f"{config.about.source} on the cohort {source}",
    )
    write_record(record, out)
    return record.model_copy(update={"folder": out})


def _limits(cohort: StudyCohort) -> Limits:
    """Limits of the shape rules from the references; slices of different cases are no neighbours."""
    references = ((name, label_slices(case) > 0) for name, _, case in cohort.cases)
    found = fit_limits(references, f"{cohort.record.name}, training patients")
    return found.model_copy(update={"patients": len({group for _, group, _ in cohort.cases})})


def _member(out: Path, member: int, left_out: Sequence[int]) -> MemberRecord:
    name = weight_name(member)
    found = hashlib.sha256((out / name).read_bytes()).hexdigest()
    return MemberRecord(file=name, sha256=found, left_out_folds=tuple(left_out))
