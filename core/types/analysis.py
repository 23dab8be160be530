"""What a network said about a case, and how sure it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from core.config import AnalysisConfig, Frozen
from core.types.arrays import FixedPoint, Float32Array, Float64Array, LabelArray, label_map


@dataclass(frozen=True, eq=False)
class SliceView:
    """What the networks saw of one slice, for the check that it looks like the training pictures.

    picture: float32 (channel, row, column), scaled and at the working size. features: for each member, by
    index, its averaged feature maps, float32 (feature,); empty where a network's features cannot be read.
    """

    picture: Float32Array
    features: Mapping[int, Float32Array]


@dataclass(frozen=True, eq=False)
class SliceSamples:
    """Draws of one slice's foreground probabilities, made while they are read; nothing is stacked.

    samples: yields each draw once, float32 (class, row, column) in [0, 1], at the image's own size.
    same_as: index of an earlier slice whose input was exactly equal, so that its draws are too, or None.
    view: what the networks saw; costs next to nothing once the samples were read.
    """

    index: int
    samples: Iterator[Float32Array]
    same_as: int | None = None
    view: Callable[[], SliceView] | None = None


@dataclass(frozen=True, eq=False)
class Maps:
    """Uncertainty per voxel, (slice, row, column) each; None where one sample cannot tell.

    predictive_entropy, expected_entropy, mutual_information: [0, ln C] in nats; variance: [0, 1/4].
    """

    predictive_entropy: FixedPoint
    expected_entropy: FixedPoint | None
    mutual_information: FixedPoint | None
    variance: FixedPoint | None


class Score(Frozen):
    """A confidence (higher = safer). value None: undefined or not available, and `note` says why.

    slice, box: the place that decided the value, box as (top, left, bottom, right) in pixels; None when
    there is no such place.
    """

    key: str
    value: float | None
    note: str = ""
    slice: int | None = None
    box: tuple[int, int, int, int] | None = None


class Measure(Frozen):
    """One shape measure of a predicted mask. value None: undefined, and `note` says why."""

    key: str
    value: float | None
    note: str = ""


class Component(Frozen):
    """One connected blob of a slice's predicted mask: area in pixels and box (top, left, bottom, right)."""

    area_px: int
    box: tuple[int, int, int, int]


class SliceSummary(Frozen):
    """What is stored about one slice: state, scores (the default confidence first), measures, blobs."""

    index: int
    empty: bool
    scores: tuple[Score, ...]
    measures: tuple[Measure, ...]
    components: tuple[Component, ...]

    @property
    def confidence(self) -> float | None:
        """The default confidence of the slice."""
        return self.scores[0].value if self.scores else None


class Timing(Frozen):
    """Seconds of wall clock that one stage took."""

    stage: str
    seconds: float


class MadeBy(Frozen):
    """What made an analysis, enough to make it again.

    machine: the class of machine, which decides the last bits; "" where it was not noted. No part of the key.
    """

    key: str
    config: AnalysisConfig
    app_version: str
    weights: tuple[str, ...]
    members: tuple[str, ...]
    device: str
    backend: str
    precision: str
    threads: int
    chunk: int
    samples: int
    channels: tuple[int, ...]
    self_check: float | None
    versions: tuple[tuple[str, str], ...]
    created_utc: str
    machine: str = ""
    timings: tuple[Timing, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def imported(self) -> bool:
        """Whether it was predicted elsewhere, by no model that is known here."""
        return self.backend == "imported"


@dataclass(frozen=True, eq=False)
class Analysis:
    """What the network said about a case, how sure it was, and what made it.

    prob: mean foreground probability, (class, slice, row, column), foreground classes only.
    class_names: one per foreground class. scores: of the whole study, the default confidence first.
    """

    case_id: str
    prob: FixedPoint
    class_names: tuple[str, ...]
    maps: Maps
    slices: tuple[SliceSummary, ...]
    scores: tuple[Score, ...]
    made_by: MadeBy

    @property
    def key(self) -> str:
        return self.made_by.key

    @property
    def mask_pred(self) -> LabelArray:
        """uint8 (slice, row, column): 0 = background, k = k-th foreground class."""
        return label_map(self.prob)

    @property
    def empty(self) -> bool:
        """True when nothing was found in the whole study."""
        return all(each.empty for each in self.slices)

    @property
    def worst_slice(self) -> int | None:
        """Index of the slice with the lowest default confidence, None when no slice has one."""
        rated = [(each.confidence, each.index) for each in self.slices if each.confidence is not None]
        return min(rated)[1] if rated else None


@dataclass(frozen=True, eq=False)
class BagSamples:
    """What a bag model says about one bag of slices, draw by draw.

    slices: which slices of the volume the bag holds, counted from 0, in order. prob: float64 (sample, 2) in
    [0, 1], rows add up to 1. attention: float64 (sample, slice) >= 0, rows add up to 1. instance: float64
    (sample, slice) probability of the second class from each slice alone.
    """

    slices: tuple[int, ...]
    prob: Float64Array
    attention: Float64Array
    instance: Float64Array

    @property
    def mean_prob(self) -> float:
        """Mean probability of the second class over the draws."""
        return float(self.prob[:, 1].mean())

    @property
    def spread(self) -> float | None:
        """Standard deviation of that probability over the draws; None for a single draw."""
        return float(self.prob[:, 1].std(ddof=1)) if len(self.prob) > 1 else None

    @property
    def mean_attention(self) -> Float64Array:
        """(slice,) mean attention, adds up to 1; all zero where no slice has any."""
        mean = np.asarray(self.attention.mean(axis=0))
        return mean / (mean.sum() or 1.0)

    @property
    def mean_instance(self) -> Float64Array:
        """(slice,) mean probability of each slice alone."""
        return np.asarray(self.instance.mean(axis=0))

    @property
    def top_slice(self) -> int:
        """The slice of the volume with most attention (ties: the first)."""
        return self.slices[int(self.mean_attention.argmax())]


@dataclass(frozen=True, eq=False)
class Classification:
    """Which class a network gave to a case, and how sure it was.

    samples: float64 (sample, class) probabilities in [0, 1]; rows sum to 1 unless `multilabel`. saliency:
    what the decision rests on, (slice, row, column), None when not available. scores: the default
    confidence first.

    Of a bag model also: bags, in order of their slices, () of any other; and tissue, (slice,) share of each
    slice's picture that is tissue. The bag with the highest probability of the second class decides: its
    samples are those of the case, so that "tumour" reads "tumour in at least one bag".
    """

    case_id: str
    class_names: tuple[str, ...]
    multilabel: bool
    samples: Float64Array
    saliency: FixedPoint | None
    scores: tuple[Score, ...]
    made_by: MadeBy
    bags: tuple[BagSamples, ...] = ()
    tissue: Float64Array | None = None

    @property
    def key(self) -> str:
        return self.made_by.key

    @property
    def prob(self) -> Float64Array:
        """float64 (class,): mean of the samples."""
        return np.asarray(self.samples.mean(axis=0))

    @property
    def predicted(self) -> tuple[str, ...]:
        """The likeliest class, or with `multilabel` every class above one half."""
        if self.multilabel:
            return tuple(name for name, p in zip(self.class_names, self.prob, strict=True) if p > 0.5)
        return (self.class_names[int(self.prob.argmax())],)

    @property
    def deciding(self) -> int | None:
        """Index of the bag with the highest probability of the second class (ties: the first), None without
        bags."""
        means = [each.mean_prob for each in self.bags]
        return int(np.argmax(means)) if means else None
