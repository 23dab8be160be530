"""How well the attention of a bag model found what people marked, as its validation measured it."""

from __future__ import annotations

from pydantic import BaseModel, ValidationError

from core.models.mil_records import BagRecord
from core.types import Estimate

VALIDATION_FILE = "validation.json"


class ScoreAgainstMarks(BaseModel):
    """A score of slices. auroc: in a bag, that a marked slice scores above another one."""

    title: str
    auroc: Estimate


class AttentionEvidence(BaseModel):
    """Attention beside other scores of slices, on the mixed bags of patients that the networks left out."""

    patients: int
    mixed_bags: int
    rows: tuple[ScoreAgainstMarks, ...]


class _Validation(BaseModel):
    attention: tuple[AttentionEvidence, ...]


def attention_evidence(record: BagRecord) -> AttentionEvidence | None:
    """What the validation beside a model says of its attention, None where there is none or nothing of it."""
    path = record.folder / VALIDATION_FILE
    try:
        found = _Validation.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
    return next(iter(found.attention), None)
