"""How much a picture looks like the training pictures: distances from Gaussians, as one confidence.

Two views of a picture are judged apart, and the less familiar one counts: what it looks like as a whole
(`core.detector.picture_statistics`), and what the networks make of it (averaged feature maps). For each, the
training pictures are described by a mean and a shrunk covariance, and the distance is that of Mahalanobis
(Lee et al. 2018, arXiv:1807.03888; shrinkage: Ledoit and Wolf 2004, doi:10.1016/S0047-259X(03)00096-4).
What distance is usual was measured on training patients whom neither the network nor the Gaussian had seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.detector.measures import MeasureSpec
from core.detector.picture_statistics import picture_statistics, tissue_share
from core.errors import ModelProblem
from core.types import Float32Array, Float64Array, Score, SliceView

KEY = "familiarity"
FAMILIARITY = MeasureSpec(
    KEY, "Familiarity", "", 0.0, 1.0,
    "How much the picture looks like the training pictures, whatever was found on it: 1 = as a typical one, "
    "0.5 = where the least familiar hundredth begins, 0.25 = as far again. A low value says that the model "
    "was not made for this picture; a high one does not say that the mask is right.",
    "Mahalanobis distance with a shrunk covariance, core/detector/familiarity.py",
)  # fmt: skip
LIMIT = 0.5
"""Familiarity at the limit, by construction."""
MIN_TISSUE = 0.1
"""Slices of a volume with a smaller share of tissue say too little about what is shown."""

NO_FILE = "not available: the model came without a description of its training pictures"
NO_FEATURES = "not available: the features of this network cannot be read"
FLAT = "undefined: a picture without structure"
LITTLE_TISSUE = "undefined: little tissue on this slice"


@dataclass(frozen=True, eq=False)
class Gaussian:
    """The training pictures in one view: mean (d,), scale (d,), root (d, d).

    Precision of the standardised features = root @ root.T, so a squared distance is a sum of squares.
    """

    mean: Float64Array
    scale: Float64Array
    root: Float64Array

    def log_distance(self, features: Float64Array) -> Float64Array:
        """Logarithm of the squared distance per dimension, (n,), of features (n, d); 0 is the expected one.

        >>> unit = Gaussian(np.zeros(2), np.ones(2), np.eye(2))
        >>> unit.log_distance(np.array([[1.0, 1.0], [3.0, 1.0]])).round(2).tolist()
        [0.0, 1.61]
        """
        found = ((np.asarray(features, np.float64) - self.mean) / self.scale) @ self.root
        return np.asarray(np.log(np.maximum((found**2).mean(axis=1), np.finfo(np.float64).tiny)))


@dataclass(frozen=True)
class Scale:
    """What is usual: the median of the training distances, and the one that a hundredth lies beyond."""

    typical: float
    limit: float

    def steps(self, value: float) -> float:
        """Where a log distance lies: 0 = typical, 1 = at the limit."""
        return (value - self.typical) / (self.limit - self.typical)


@dataclass(frozen=True, eq=False)
class View:
    """One view of a picture: a Gaussian per kind of input, of which the nearest counts, and its scale."""

    kinds: tuple[Gaussian, ...]
    scale: Scale

    def steps(self, features: Float64Array) -> float:
        """Distance of one feature vector (d,) in steps of the scale.

        Raises ModelProblem for a vector of another length.
        """
        if len(features) != len(self.kinds[0].mean):
            raise ModelProblem(
                "The description of the training pictures does not fit the network",
                found=f"{len(features)} features",
                expected=str(len(self.kinds[0].mean)),
                fix="make it again with `python -m core train familiarity`",
            )
        return self.scale.steps(min(float(each.log_distance(features[None])[0]) for each in self.kinds))


@dataclass(frozen=True, eq=False)
class Familiarity:
    """What is kept of a model's training pictures.

    whole: the view of picture statistics. members: the view of each member's features, by index. picture,
    study: scales of the larger of both views for a single picture and for the median slice of a volume.
    patients: on how many, unseen by network and Gaussian, the last two rest.
    """

    whole: View
    members: Mapping[int, View]
    picture: Scale
    study: Scale
    patients: int

    def steps(self, view: SliceView) -> float | None:
        """How far a picture lies: the larger of the two views, the members' mean; None without features."""
        known = [self.members[k].steps(np.asarray(each, np.float64)) for k, each in view.features.items()
                 if k in self.members]  # fmt: skip
        if not known:
            return None
        return max(self.whole.steps(picture_statistics(view.picture)), float(np.mean(known)))


@dataclass(frozen=True, eq=False)
class SliceSteps:
    """What is kept of one slice on the way: steps None = not available; its share of tissue; `flat` = no
    structure at all."""

    steps: float | None
    tissue: float
    flat: bool = False


def measure_view(familiarity: Familiarity, view: SliceView) -> SliceSteps:
    """How far one slice lies from the training pictures."""
    if _is_flat(view.picture):
        return SliceSteps(None, 0.0, flat=True)
    return SliceSteps(familiarity.steps(view), tissue_share(view.picture))


def familiarity_of_slices(
    familiarity: Familiarity | None, slices: Sequence[SliceSteps], count: int
) -> tuple[Score, ...]:
    """The familiarity of each of `count` slices; of a volume's only those with tissue are judged."""
    if familiarity is None:
        return (_none(NO_FILE),) * count
    return tuple(_slice_score(familiarity, each, len(slices) > 1) for each in slices)


def familiarity_of_study(familiarity: Familiarity | None, slices: Sequence[SliceSteps]) -> Score:
    """The familiarity of a study: of its only slice, or the median of its slices with tissue.

    The median, so that the ends of a head decide nothing; where no slice has tissue, all count.
    """
    if familiarity is None or not slices:
        return _none(NO_FILE)
    if len(slices) == 1:
        return _slice_score(familiarity, slices[0], False)
    known = [each for each in slices if each.steps is not None]
    if not known:
        return _none(FLAT if all(each.flat for each in slices) else NO_FEATURES)
    chosen = [each for each in known if each.tissue >= MIN_TISSUE] or known
    return Score(key=KEY, value=confidence(study_steps(chosen), familiarity.study))


def study_steps(slices: Sequence[SliceSteps]) -> float:
    """The median over the slices; of an even number the larger of the two in the middle."""
    return float(np.quantile([each.steps for each in slices if each.steps is not None], 0.5, method="higher"))


def confidence(steps: float, scale: Scale) -> float:
    """Familiarity in [0, 1]: one half to the power of the steps of the scale, at most 1.

    >>> usual = Scale(typical=0.2, limit=1.2)
    >>> [confidence(each, usual) for each in (0.0, 0.2, 1.2, 2.2)]
    [1.0, 1.0, 0.5, 0.25]
    """
    return min(1.0, math.pow(LIMIT, min(scale.steps(steps), 1000.0)))


def _slice_score(familiarity: Familiarity, found: SliceSteps, in_volume: bool) -> Score:
    if found.steps is None:
        return _none(FLAT if found.flat else NO_FEATURES)
    if in_volume and found.tissue < MIN_TISSUE:
        return _none(LITTLE_TISSUE)
    return Score(key=KEY, value=confidence(found.steps, familiarity.picture))


def _none(note: str) -> Score:
    return Score(key=KEY, value=None, note=note)


def _is_flat(picture: Float32Array) -> bool:
    flat = picture.reshape(len(picture), -1)
    return bool((flat == flat[:, :1]).all())
