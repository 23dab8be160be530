"""Agreement with a reference, and intervals over patients."""

from core.metrics.agreement.boundary import boundary_f1, boundary_f1_mm
from core.metrics.agreement.distances import hd95
from core.metrics.agreement.overlap import OverlapSummary, dice, jaccard, overlap_report, summarise
from core.metrics.agreement.segmentation import METRICS, MetricSpec
from core.metrics.bootstrap import Interval, bootstrap_mean
from core.metrics.classes.classification import CLASS_METRICS, ClassMetricSpec
from core.metrics.evaluation import evaluate, unit_metrics
from core.metrics.evaluation_records import Confusion, EmptyRow, EvaluationReport, MetricRow

__all__ = [
    "CLASS_METRICS",
    "METRICS",
    "ClassMetricSpec",
    "Confusion",
    "EmptyRow",
    "EvaluationReport",
    "Interval",
    "MetricRow",
    "MetricSpec",
    "OverlapSummary",
    "bootstrap_mean",
    "boundary_f1",
    "boundary_f1_mm",
    "dice",
    "evaluate",
    "hd95",
    "jaccard",
    "overlap_report",
    "summarise",
    "unit_metrics",
]
