"""Limits of the shape rules, from the reference masks that a model was trained on."""

from __future__ import annotations

from pathlib import Path

from core.detector import fit_limits
from core.models.records import ModelRecord
from core.models.registry import write_record
from core.train.data import load_training_set
from core.train.segmenter import find_packed
from core.types import Limits

COHORT = "TCGA-LGG, training patients"


def store_limits(record: ModelRecord, data: Path) -> Limits:
    """Fit the limits to every training reference, write them into the model's file, and return them."""
    training_set = load_training_set(find_packed(data))
    references = (
        (str(name), mask) for name, mask in zip(training_set.patient, training_set.mask, strict=True)
    )
    found = fit_limits(references, COHORT)
    write_record(record.model_copy(update={"rule_limits": found}), record.folder)
    return found
