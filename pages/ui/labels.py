"""Names on screen that come from the tables of the core, in one place."""

from __future__ import annotations

from core.detector import FAMILIARITY, QUALITY_SPECS
from core.detector.attention import ATTENTION_SPECS
from core.metrics.selective.class_scores import CLASS_SCORES
from core.models.mil_records import BagRecord
from core.models.records import ModelRecord
from core.uncertainty import SCORES
from core.uncertainty.class_scores import SAMPLE_SCORES
from pages.ui.text import safe_text

CASE_SPECS = {spec.key: spec for spec in (*SCORES, FAMILIARITY, *QUALITY_SPECS)}
"""Confidences of a mask by key; each has a label, a unit and a help text."""
CLASS_SPECS = {spec.key: spec for spec in (*CLASS_SCORES, *SAMPLE_SCORES, FAMILIARITY, *ATTENTION_SPECS)}
"""Confidences of a class by key."""
TASKS = {"segmentation": "Mask", "classification": "Class", "multilabel": "Findings"}
"""What a model answers, by its task."""


def kind_label(record: ModelRecord) -> str:
    """What a model answers, in a word."""
    return "Slabs" if isinstance(record, BagRecord) else TASKS[record.task]


def score_label(key: str) -> str:
    """Name of a confidence, whichever task it belongs to."""
    spec = CLASS_SPECS.get(key) or CASE_SPECS.get(key)
    return spec.label if spec else safe_text(key.replace("_", " ").capitalize(), 60)
