"""Can the scores of a training be true, and did anything collapse in it? `python -m core audit`."""

from core.audit.attention import AttentionSummary, attention_summary
from core.audit.audit import audit_study
from core.audit.codes import CODES, finding_spec
from core.audit.reading.read import read_study, read_study_paths
from core.audit.records import (
    SEVERITIES,
    AttentionPoint,
    Audit,
    Curve,
    Evidence,
    Finding,
    FoldRow,
    FoldThreshold,
    Recommendation,
    ScoreSummary,
    ScoreValue,
    Severity,
    Study,
)
from core.audit.samples import SAMPLES, SampleStudy, sample_files

__all__ = [
    "CODES",
    "SAMPLES",
    "SEVERITIES",
    "AttentionPoint",
    "AttentionSummary",
    "Audit",
    "Curve",
    "Evidence",
    "Finding",
    "FoldRow",
    "FoldThreshold",
    "Recommendation",
    "SampleStudy",
    "ScoreSummary",
    "ScoreValue",
    "Severity",
    "Study",
    "attention_summary",
    "audit_study",
    "finding_spec",
    "read_study",
    "read_study_paths",
    "sample_files",
]
