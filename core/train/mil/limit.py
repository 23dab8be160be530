"""The limit of a bag model's confidence, from the probabilities that its cross-validation logged."""

from __future__ import annotations

import csv

import numpy as np

from core.models.mil_records import BagRecord, write_bag_record
from core.train.common.confidence import confidence_limit, confidence_limits
from core.train.mil.logs import PREDICTIONS_FILE
from core.types import Float64Array

OUT_OF_FOLD = "out-of-fold predictions of the training patients"


def store_bag_limit(record: BagRecord) -> BagRecord:
    """The model with the limit of its confidence, written into its file."""
    prob, patients = logged(record)
    limit = confidence_limit(np.maximum(prob, 1.0 - prob))
    limits = confidence_limits(limit, OUT_OF_FOLD, patients, len(prob))
    changed = record.model_copy(update={"rule_limits": limits})
    write_bag_record(changed, record.folder)
    return changed


def logged(record: BagRecord) -> tuple[Float64Array, int]:
    """Probability of the second class of every bag out of fold, and the number of patients."""
    with (record.folder / PREDICTIONS_FILE).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return np.array([float(each["prob"]) for each in rows]), len({each["group"] for each in rows})
