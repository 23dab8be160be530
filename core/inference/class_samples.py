"""What a classifier says about one picture, draw by draw. No torch."""

from __future__ import annotations

from dataclasses import dataclass

from core.types import Float32Array, Float64Array, SliceView


@dataclass(frozen=True, eq=False)
class ClassSamples:
    """Draws of class probabilities and the map of what the decision rests on.

    prob: float64 (sample, class) in [0, 1]; the rows of a one-class model add up to 1. saliency: float32
    (row, column) in [0, 1] at the picture's own size: evidence for the likeliest class over the mean of all
    classes, mean of the networks, 1 at its strongest place; all 0 where nothing speaks for it. None where
    the networks have no evidence maps. view: what the networks saw, for the check for foreign images.
    """

    prob: Float64Array
    saliency: Float32Array | None
    view: SliceView
