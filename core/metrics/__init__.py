"""Agreement with a reference, and intervals over patients."""

from core.metrics.bootstrap import Interval, bootstrap_mean
from core.metrics.boundary import boundary_f1
from core.metrics.overlap import OverlapSummary, dice, jaccard, overlap_report, summarise

__all__ = [
    "Interval",
    "OverlapSummary",
    "bootstrap_mean",
    "boundary_f1",
    "dice",
    "jaccard",
    "overlap_report",
    "summarise",
]
