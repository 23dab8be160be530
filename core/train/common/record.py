"""What every training writes into `model.json` beside what its kind of model adds."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from core.config import digest
from core.errors import SettingsProblem
from core.models.records import MemberRecord, TrainingRecord
from core.models.registry import RECORD_FILE, read_record
from core.train.common.curve import curve_name, curve_seconds
from core.train.common.settings import TrainingSettings
from core.types import Limits

LIBRARIES = ("torch", "timm", "numpy", "opencv-python-headless", "safetensors")
SEGMENTER_LIBRARIES = ("torch", "segmentation-models-pytorch", *LIBRARIES[1:])


def choose_members(settings: TrainingSettings, members: Sequence[int] | None) -> tuple[int, ...]:
    """The members to train; None: all. Raises SettingsProblem for one that the settings do not list."""
    chosen = tuple(range(len(settings.members))) if members is None else tuple(members)
    unknown = [member for member in chosen if not 0 <= member < len(settings.members)]
    if unknown:
        raise SettingsProblem(
            "There is no such member",
            found=str(unknown[0]),
            expected=f"0 to {len(settings.members) - 1}",
            fix="choose members that the configuration lists",
        )
    return chosen


def weight_name(member: int) -> str:
    """File of a member's weights in its model folder."""
    return f"member_{member}.safetensors"


def is_complete(settings: TrainingSettings, out: Path) -> bool:
    """Whether the weights of every member lie in the model folder."""
    return all((out / weight_name(member)).is_file() for member in range(len(settings.members)))


def member_records(settings: TrainingSettings, out: Path) -> tuple[MemberRecord, ...]:
    """Each member's file, its SHA-256, and the folds that it left out."""
    return tuple(
        MemberRecord(
            file=weight_name(member),
            sha256=hashlib.sha256((out / weight_name(member)).read_bytes()).hexdigest(),
            left_out_folds=left_out,
        )
        for member, left_out in enumerate(settings.members)
    )


def training_record(
    settings: TrainingSettings,
    out: Path,
    *,
    epochs: int,
    data_digest: str,
    libraries: Sequence[str],
    config: str | None = None,
    apart_from: frozenset[str] = frozenset({"about"}),
) -> TrainingRecord:
    """What made the weights in `out`.

    epochs: of all runs. config: name of the settings' file in core/train/configs, None: the model's id.
    apart_from: settings that cannot change the weights and are left out of the digest.
    """
    return TrainingRecord(
        config=f"core/train/configs/{config or settings.id}.json",
        config_digest=digest(settings.model_dump(mode="json", exclude=set(apart_from))),
        data_digest=data_digest,
        seed=settings.seed,
        epochs=epochs,
        versions=(("python", platform.python_version()), *((name, version(name)) for name in libraries)),
        seconds=tuple(curve_seconds(out / curve_name(member)) for member in range(len(settings.members))),
    )


def earlier_limits(out: Path) -> Limits | None:
    """Limits of the rules that an earlier record in this folder holds; training again keeps them."""
    return read_record(out / RECORD_FILE).rule_limits if (out / RECORD_FILE).is_file() else None
