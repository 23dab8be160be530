"""How cards ask a model: its members' mean through the product's inference, without dropout."""

from __future__ import annotations

from core.config import EstimatorConfig
from core.models.records import ModelRecord


def plain_estimator(record: ModelRecord) -> EstimatorConfig:
    """All members together, or the only one."""
    return EstimatorConfig(kind="ensemble" if len(record.members) > 1 else "point")


def no_progress(share: float, sentence: str) -> None:
    """Takes the progress of an inference and says nothing."""
