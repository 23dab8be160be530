"""Frozen records that the stages exchange, and the shape and range of every array in them.

Arrays are ordered (channel, slice, row, column); a 2-D picture has one slice. Images are float32 in
their own unit, masks are uint8 label maps (0 = background) or bool, probabilities lie in [0, 1].
`ref` is what a person drew, `pred` what a network said. `None` = not available.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from core.config import AnalysisConfig, Frozen, ReadOptions

Float32Array = NDArray[np.float32]
Float64Array = NDArray[np.float64]
LabelArray = NDArray[np.uint8]
BoolArray = NDArray[np.bool_]

Progress = Callable[[float, str], None]
"""Called with the done share in [0, 1] and a short sentence; may raise core.errors.Cancelled."""

Cause = Literal[
    "area", "shape", "fragmentation", "spurious", "quality", "confidence", "empty", "jump", "ood", "attention"
]


@dataclass(frozen=True)
class NamedBytes:
    """A file as it was handed over: its (untrusted) name and its bytes."""

    name: str
    data: bytes


@dataclass(frozen=True, eq=False)
class Geometry:
    """Where the voxels lie, and how the array was turned from the file's own axes.

    spacing_mm: distance of neighbouring (slices, rows, columns) in mm, or None when unknown.
    affine_ras: (4, 4), maps homogeneous (slice, row, column) indices to mm, right-anterior-superior
        positive (the NIfTI world), or None when unknown.
    plane: plane that a slice shows; "unknown" when the file does not say.
    plane_source: "file" (read from it), "user" (chosen) or "assumed".
    edges: letters at the (top, bottom, left, right) of a shown slice out of R L A P S I, or None.
    source_shape: spatial shape of the array as stored in the file (2 or 3 axes).
    source_axes: which axis of the file feeds (slice, row, column); -1 = the file has no such axis.
    source_flips: whether (slice, row, column) runs against the file's axis.
    form_codes: NIfTI codes (qform, sform) of the file, written back with a mask.
    """

    spacing_mm: tuple[float, float, float] | None
    affine_ras: Float64Array | None
    plane: Literal["axial", "coronal", "sagittal", "unknown"]
    plane_source: Literal["file", "user", "assumed"]
    edges: tuple[str, str, str, str] | None
    source_shape: tuple[int, ...]
    source_axes: tuple[int, int, int]
    source_flips: tuple[bool, bool, bool]
    form_codes: tuple[int, int] = (0, 1)


@dataclass(frozen=True, eq=False)
class Image:
    """values: float32 (channel, slice, row, column), finite, read-only, in the file's own unit."""

    values: Float32Array
    geometry: Geometry
    channel_names: tuple[str, ...]
    modality: str | None
    original_dtype: str
    original_range: tuple[float, float]

    @property
    def slices(self) -> int:
        return int(self.values.shape[1])

    @property
    def slice_shape(self) -> tuple[int, int]:
        return int(self.values.shape[2]), int(self.values.shape[3])


@dataclass(frozen=True, eq=False)
class Reference:
    """mask_ref: bool (slice, row, column), same grid as the image; value_set: what the file held."""

    mask_ref: BoolArray
    name: str
    value_set: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Case:
    """One study to judge.

    id: 64 hex digits, SHA-256 of the input bytes, the reference bytes and the reading options; never
        a patient id.
    format: "png", "jpeg", "tiff", "nifti", "dicom" or "synthetic".
    group: pseudonym of the patient or site for grouping, or None.
    notes: what the reader wants the user to know (plain sentences).
    """

    id: str
    name: str
    image: Image
    reference: Reference | None
    format: str
    options: ReadOptions
    group: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class SliceSamples:
    """Draws of one slice's foreground probabilities, made while they are read; nothing is stacked.

    samples: yields each draw once, float32 (class, row, column) in [0, 1], at the image's own size.
    same_as: index of an earlier slice whose input was exactly equal, so that its draws are too, or None.
    """

    index: int
    samples: Iterator[Float32Array]
    same_as: int | None = None


@dataclass(frozen=True, eq=False)
class FixedPoint:
    """A map of real numbers in [0, upper] coded as uint16; what is shown, measured and stored alike.

    codes: uint16 (..., slice, row, column); value = codes / 65535 * upper, error at most upper / 131070.
    """

    codes: NDArray[np.uint16]
    upper: float

    @classmethod
    def of(cls, values: NDArray[np.floating], upper: float) -> FixedPoint:
        """Round `values` (clipped to [0, upper]) to the nearest code, halves down.

        So a probability of exactly one half stays background, as in "prob > 0.5".
        """
        scaled = np.clip(np.asarray(values, np.float64) / upper, 0.0, 1.0) * 65535.0
        codes = np.ceil(scaled - 0.5).astype(np.uint16)
        codes.flags.writeable = False
        return cls(codes, float(upper))

    @property
    def values(self) -> Float32Array:
        """float32 copy of the decoded values."""
        return (self.codes.astype(np.float64) * (self.upper / 65535.0)).astype(np.float32)


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


class Flag(Frozen):
    """One fired rule: what fired, where, the measured value against its limit.

    slice None: the whole study. box: (top, left, bottom, right) in pixels. severity: >= 1, how far
    past the limit (1 = at the limit), for ordering only.
    """

    rule: str
    cause: Cause
    slice: int | None
    box: tuple[int, int, int, int] | None
    measured: float
    limit: float
    side: Literal["above", "below"]
    severity: float
    sentence: str


class RuleLimit(Frozen):
    """Where one rule fires. spread: distance of the default limit from the typical value, on the rule's own
    scale; it makes severities comparable. active False: the rule is switched off."""

    rule: str
    limit: float
    spread: float = Field(default=1.0, gt=0.0)
    active: bool = True


class Limits(Frozen):
    """The limits of all shape rules and what they were taken from; stored with a model.

    slices: non-empty reference slices used; share: share of them that each rule leaves outside its limit.
    """

    rules: tuple[RuleLimit, ...]
    cohort: str
    patients: int = Field(ge=0)
    slices: int = Field(ge=0)
    share: float = Field(ge=0.0, lt=0.5)


class Timing(Frozen):
    """Seconds of wall clock that one stage took."""

    stage: str
    seconds: float


class MadeBy(Frozen):
    """What made an analysis, enough to make it again."""

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
    timings: tuple[Timing, ...] = ()
    notes: tuple[str, ...] = ()


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


class Verdict(Frozen):
    """The one answer: "review" when any rule fired. Flags are ordered by severity, worst first."""

    answer: Literal["consistent", "review"]
    flags: tuple[Flag, ...]


class Overlap(Frozen):
    """Agreement of prediction and reference; `state` names the empty-mask convention that applied.

    Both empty = 1 and counted apart, one empty = 0.
    """

    dice: float
    jaccard: float
    boundary_f1_2px: float
    state: Literal["both present", "both empty", "reference empty", "prediction empty"]


class OverlapReport(Frozen):
    """Overlap of the whole study and of each slice."""

    whole: Overlap
    slices: tuple[Overlap, ...]


def label_map(prob: FixedPoint) -> LabelArray:
    """Labels of foreground probabilities (class, slice, row, column): arg-max, background included.

    One foreground class: 1 where prob > 0.5, decided on the stored codes so that what is shown,
    measured and stored agree.
    """
    if len(prob.codes) == 1:
        # Same answer at a hundredth of the time: 2 * code > 65535 means code > 32767.
        return np.asarray(prob.codes[0] > 32767, np.uint8)
    codes = prob.codes.astype(np.int64)
    background = 65535 - codes.sum(axis=0)
    best = codes.argmax(axis=0)
    top = np.take_along_axis(codes, best[None], axis=0)[0]
    labels: LabelArray = np.where(top > background, best + 1, 0).astype(np.uint8)
    return labels
