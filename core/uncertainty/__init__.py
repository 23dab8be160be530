"""From samples to uncertainty maps and confidence scores; loads no torch."""

from core.uncertainty.moments import MomentMaps, Moments
from core.uncertainty.reduce import Reduced, reduce
from core.uncertainty.scores import SCORES, ScoreSpec, score_case, score_slices, score_spec

__all__ = [
    "SCORES",
    "MomentMaps",
    "Moments",
    "Reduced",
    "ScoreSpec",
    "reduce",
    "score_case",
    "score_slices",
    "score_spec",
]
