"""Settings of the quality network's training, one JSON file under core/train/configs."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from core.config import Frozen
from core.errors import SettingsProblem
from core.train.common.settings import TrainingSettings


class ChangeSettings(Frozen):
    """How far a training picture and its masks are changed; lengths as shares of the side."""

    flip_probability: float = 0.5
    angle_sd_degrees: float = 10.0
    scale_log_sd: float = 0.12
    shift: float = 0.06
    gamma_sd: float = 0.2
    gain_sd: float = 0.15
    noise_probability: float = 0.3
    noise_max_sd: float = 0.08


class QualityConfig(TrainingSettings):
    """What one fold's network learns from and how.

    members: for each network the folds of patients it never sees. samples_per_epoch: drawn pairs of picture
    and mask. real_share: of them real out-of-fold predictions, the rest synthetic. busy_share: of the real
    ones from slices with a lesion or a prediction. lesion_share: of the synthetic ones from slices with a
    lesion. good_share: of those that are slightly off only, not failed. map_weight: of the error maps'
    loss beside that of the two answers. bf16: half precision in the convolutions, for speed.
    """

    early_share: float = 0.0
    samples_per_epoch: int
    real_share: float
    busy_share: float
    lesion_share: float
    good_share: float
    map_weight: float
    bf16: bool = True
    change: ChangeSettings = ChangeSettings()


def read_quality_config(path: Path) -> QualityConfig:
    """The settings in a JSON file. Raises SettingsProblem for a missing, unknown or wrong setting."""
    try:
        return QualityConfig.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        raise SettingsProblem(
            f"The training settings in {path.name} cannot be used",
            found=str(error.errors()[0]["msg"]) + f" at {error.errors()[0]['loc']}",
            expected="the fields of core/train/quality/config.py",
            fix="correct the file",
        ) from error
