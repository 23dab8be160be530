"""Train a segmenter on any cohort of images and masks: weights, curves, `model.json`, limits of the rules."""

from __future__ import annotations

import re
from pathlib import Path

from core.detector import fit_limits
from core.errors import SettingsProblem
from core.models.install import require_free_id
from core.models.records import ModelRecord
from core.models.registry import user_models_folder, write_record
from core.models.weights import save_weights
from core.train.cohorts.data import (
    SliceSet,
    StudyCohort,
    group_folds,
    label_slices,
    load_slices,
)
from core.train.cohorts.loop import CohortTask, cohort_architecture, train_cohort_member
from core.train.common.curve import Say, curve_writer
from core.train.common.groups import in_folds, names_by_fold
from core.train.common.record import SEGMENTER_LIBRARIES, member_records, training_record, weight_name
from core.train.common.threads import one_thread
from core.train.config import SegmenterConfig
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
    unseen = in_folds(data.group, folds, config.members[member])
    report = curve_writer(out, member, config.epochs, say)
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
        members=member_records(config, out),
        folds=names_by_fold(folds, config.folds),
        training=training_record(
            config,
            out,
            epochs=config.epochs,
            data_digest=cohort.record.id,
            libraries=SEGMENTER_LIBRARIES,
            config=CONFIG.stem,
            apart_from=frozenset({"about", "id"}),
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
