"""The shape rules: one table from which labels, sliders, overlays and sentences are made."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from core.errors import SettingsProblem
from core.types import Cause

FROM_REFERENCES = "percentiles of the training references"
BY_DEFINITION = "definition of the finding"
FROM_OUT_OF_FOLD = "out-of-fold predictions of the training patients"
FROM_UNSEEN_PICTURES = "pictures of training patients that neither network nor description had seen"


@dataclass(frozen=True)
class RuleSpec:
    """One rule: it fires where `measure` lies on `side` of its limit.

    letter: shown beside the colour of `cause`, which is kept in core/view/theme.py under that name.
    scope: "slice" = judged on each slice, "study" = once for the whole study.
    place: which blobs of the slice the flag's box encloses.
    thin_ends: whether it is judged on the thin ends of a stack of slices too.
    scale: on which distances from the limit are compared ("log": in powers of e).
    percent: whether values are shares and shown as percentages.
    limit, spread: built-in default and its distance from the typical value, on the rule's scale.
    low, high: range that the limit may be set to.
    fitted: whether the limit is taken from training references; basis: where it comes from otherwise.
    sentence: with places {measured} and {limit}. on: whether it judges unless it is switched on.
    """

    key: str
    cause: Cause
    label: str
    letter: str
    measure: str
    side: Literal["above", "below"]
    scope: Literal["slice", "study"]
    place: Literal["all", "largest", "smallest"]
    thin_ends: bool
    scale: Literal["linear", "log"]
    percent: bool
    limit: float
    spread: float
    low: float
    high: float
    fitted: bool
    help: str
    sentence: str
    basis: str = BY_DEFINITION
    on: bool = True

    @property
    def source(self) -> str:
        """Where the default limit comes from."""
        return FROM_REFERENCES if self.fitted else self.basis

    def fires(self, value: float, limit: float) -> bool:
        """Whether `value` lies beyond `limit`; at the limit nothing fires."""
        return value > limit if self.side == "above" else value < limit

    def distance(self, value: float, other: float) -> float:
        """How far two values lie apart on the rule's scale, at least 0."""
        if self.scale == "linear":
            return abs(value - other)
        return abs(math.log(max(value, SMALLEST) / max(other, SMALLEST)))

    def text(self, value: float) -> str:
        """`value` in three significant digits, as a percentage where the rule's measure is a share."""
        return f"{100.0 * value:.3g} %" if self.percent else f"{value:.3g}"


SMALLEST = 1e-6
"""Shares below one millionth are not told apart on a logarithmic scale."""

FOREIGN = RuleSpec(
    key="foreign", cause="ood", label="Foreign picture", letter="O", measure="familiarity",
    side="below", scope="study", place="all", thin_ends=True, scale="log", percent=False,
    limit=0.5, spread=math.log(2.0), low=0.0, high=1.0, fitted=False, basis=FROM_UNSEEN_PICTURES,
    help="The picture looks unlike those that the model was trained on: another organ, view or kind of "
    "picture, inverted or spoilt. 0.5 is where the least familiar hundredth of the training pictures begins.",
    sentence="The picture looks unlike the training pictures (familiarity {measured}; they seldom come out "
    "below {limit}). Whatever was found on it, the model was not made for such a picture.",
)  # fmt: skip
"""Over segmented and classified pictures alike."""

RULES: tuple[RuleSpec, ...] = (
    RuleSpec(
        key="area-large", cause="area", label="Very large area", letter="A", measure="area_fraction",
        side="above", scope="slice", place="all", thin_ends=True, scale="log", percent=True,
        limit=0.12, spread=1.5, low=0.0, high=1.0, fitted=True,
        help="The prediction covers more of the picture than nearly every lesion in the training references.",
        sentence="The prediction covers {measured} of the picture; lesions in the training references "
        "seldom cover more than {limit}.",
    ),
    RuleSpec(
        key="area-small", cause="area", label="Very small area", letter="A", measure="area_fraction",
        side="below", scope="slice", place="all", thin_ends=False, scale="log", percent=True,
        limit=0.0005, spread=3.5, low=0.0, high=1.0, fitted=True,
        help="Something was found, but less of it than on nearly every slice of the training references. "
        "The thin first and last slices of a lesion in a volume are not judged.",
        sentence="The prediction covers only {measured} of the picture; lesions in the training references "
        "seldom cover less than {limit}.",
    ),
    RuleSpec(
        key="compactness", cause="shape", label="Ragged or thin outline", letter="S", measure="compactness",
        side="below", scope="slice", place="largest", thin_ends=False, scale="linear", percent=False,
        limit=0.16, spread=0.4, low=0.0, high=1.0, fitted=True,
        help="The outline is long for the area it encloses: 4 pi area / perimeter squared of the largest "
        "blob. A disk has 1.",
        sentence="The outline is ragged or thin: compactness {measured}, seldom below {limit} in the "
        "training references.",
    ),
    RuleSpec(
        key="solidity", cause="shape", label="Deep bays, holes or branches", letter="S", measure="solidity",
        side="below", scope="slice", place="largest", thin_ends=False, scale="linear", percent=False,
        limit=0.5, spread=0.3, low=0.0, high=1.0, fitted=True,
        help="The largest blob fills little of its convex hull, so it has deep bays, holes or branches.",
        sentence="The shape has deep bays, holes or branches: solidity {measured}, seldom below {limit} in "
        "the training references.",
    ),
    RuleSpec(
        key="fragmentation", cause="fragmentation", label="Many separate blobs", letter="F",
        measure="components", side="above", scope="slice", place="all", thin_ends=False, scale="linear",
        percent=False, limit=3.0, spread=2.0, low=1.0, high=20.0, fitted=True,
        help="The prediction falls into more separate blobs on one slice than the training references do.",
        sentence="The prediction falls into {measured} separate blobs on one slice; the training references "
        "seldom have more than {limit}.",
    ),
    RuleSpec(
        key="stacks", cause="fragmentation", label="Separate stacks of slices", letter="F",
        measure="stack_number", side="above", scope="slice", place="all", thin_ends=True, scale="linear",
        percent=False, limit=1.0, spread=1.0, low=1.0, high=20.0, fitted=True,
        help="Slices with a prediction form more than one stack, with empty slices between. It is shown on "
        "the fullest slice of every stack too many.",
        sentence="A separate stack of slices with a prediction, number {measured} by size; the training "
        "references seldom have more than {limit}.",
    ),
    RuleSpec(
        key="spurious", cause="spurious", label="Spurious small blob", letter="B", measure="smallest_share",
        side="below", scope="slice", place="smallest", thin_ends=False, scale="log", percent=True,
        limit=0.02, spread=3.0, low=0.0, high=1.0, fitted=True,
        help="Beside the largest blob there is one so small that it is more likely a false finding than a "
        "second lesion.",
        sentence="The smallest blob has {measured} of the area of the largest; second blobs in the training "
        "references seldom have less than {limit}.",
    ),
    RuleSpec(
        key="gap", cause="empty", label="Empty slice inside a lesion", letter="E", measure="gap_slices",
        side="below", scope="slice", place="all", thin_ends=True, scale="linear", percent=False,
        limit=3.0, spread=1.0, low=1.0, high=20.0, fitted=False,
        help="Nothing was found on this slice although there is a prediction on both sides. Only gaps "
        "shorter than the limit count; longer ones separate two findings.",
        sentence="Nothing was predicted here, but on slices before and after: a gap of {measured} slices, "
        "and gaps shorter than {limit} count as a likely miss.",
    ),
    RuleSpec(
        key="cut-off", cause="empty", label="Prediction stops abruptly", letter="E", measure="neighbour_area",
        side="above", scope="slice", place="all", thin_ends=True, scale="log", percent=True,
        limit=0.028, spread=1.7, low=0.0, high=1.0, fitted=True,
        help="Nothing was found on this slice although the slice beside holds a larger area than lesions in "
        "the training references end with.",
        sentence="Nothing was predicted here, but {measured} of the picture on the slice beside; lesions in "
        "the training references seldom end with more than {limit}.",
    ),
    RuleSpec(
        key="jump-overlap", cause="jump", label="Jump: little overlap", letter="J", measure="dice_before",
        side="below", scope="slice", place="all", thin_ends=True, scale="linear", percent=False,
        limit=0.48, spread=0.36, low=0.0, high=1.0, fitted=True,
        help="The mask shares less with the mask on the slice (frame, page) before than neighbours in the "
        "training references do. Slices that lie further apart than there share less by nature.",
        sentence="The mask jumps: its Dice with the slice before is {measured}, seldom below {limit} in the "
        "training references.",
    ),
    RuleSpec(
        key="jump-area", cause="jump", label="Jump of the area", letter="J", measure="area_step",
        side="above", scope="slice", place="all", thin_ends=True, scale="linear", percent=True,
        limit=0.57, spread=0.46, low=0.0, high=1.0, fitted=True,
        help="From the slice (frame, page) before, the area changes by more of the fullest slice than "
        "between most neighbours in the training references.",
        sentence="The area changes from one slice to the next by {measured} of the fullest slice; in the "
        "training references seldom by more than {limit}.",
    ),
    RuleSpec(
        key="jump-place", cause="jump", label="Jump of the place", letter="J", measure="centroid_step",
        side="above", scope="slice", place="all", thin_ends=True, scale="linear", percent=False,
        limit=0.62, spread=0.52, low=0.0, high=20.0, fitted=True,
        help="The centre of the mask moves further from one slice (frame, page) to the next than in the "
        "training references, measured in radii of the lesion.",
        sentence="The centre moves from one slice to the next by {measured} radii of the lesion; in the "
        "training references seldom by more than {limit}.",
    ),
    RuleSpec(
        key="isolated", cause="jump", label="Blob on one slice alone", letter="J", measure="isolated_area",
        side="above", scope="slice", place="all", thin_ends=True, scale="linear", percent=True,
        limit=0.0, spread=0.003, low=0.0, high=1.0, fitted=True,
        help="A blob has no counterpart on the slices before and after. Few lesions are that thin.",
        sentence="A blob of {measured} of the picture is seen on this slice alone; the training references "
        "seldom hold one of more than {limit}.",
    ),
    RuleSpec(
        key="end-slice", cause="jump", label="Cut off at the end of the stack", letter="J",
        measure="end_area", side="above", scope="slice", place="all", thin_ends=True, scale="linear",
        percent=True, limit=0.0, spread=0.5, low=0.0, high=1.0, fitted=True,
        help="There is a prediction on the first or the last slice of a volume: the lesion may go on where "
        "nothing was scanned. Not judged where the file does not say that slices lie beside each other.",
        sentence="The prediction reaches the end of the stack with {measured} of its fullest slice (limit "
        "{limit}): the lesion may go on outside.",
    ),
    RuleSpec(
        key="edge", cause="jump", label="Cut off at the picture's edge", letter="J",
        measure="border_contact", side="above", scope="slice", place="all", thin_ends=True, scale="linear",
        percent=True, limit=0.0, spread=0.1, low=0.0, high=1.0, fitted=True,
        help="The prediction touches the outermost rows or columns more than the training references do, so "
        "it may go on outside the picture.",
        sentence="{measured} of the prediction lies on the edge of the picture (limit {limit}): it may go on "
        "outside.",
    ),
    RuleSpec(
        key="pieces", cause="fragmentation", label="Many pieces in the volume", letter="F",
        measure="pieces", side="above", scope="study", place="all", thin_ends=True, scale="linear",
        percent=False, limit=3.0, spread=2.0, low=1.0, high=100.0, fitted=True,
        help="Followed through the slices (frames, pages), the prediction falls into more pieces than nearly "
        "every lesion in the training references.",
        sentence="The prediction falls into {measured} pieces in three dimensions; the training references "
        "seldom have more than {limit}.",
    ),
    RuleSpec(
        key="scattered", cause="fragmentation", label="Scattered over the volume", letter="F",
        measure="largest_piece_share", side="below", scope="study", place="all", thin_ends=True,
        scale="linear", percent=True, limit=0.95, spread=0.05, low=0.0, high=1.0, fitted=True,
        help="Too much of the prediction lies outside its largest piece in three dimensions.",
        sentence="The largest piece holds {measured} of the prediction; in the training references seldom "
        "less than {limit}.",
    ),
    # 14 of the 50 training references have more than 5 % on the smaller side.
    RuleSpec(
        key="midline", cause="jump", label="Crosses the midline", letter="J", measure="midline_share",
        side="above", scope="study", place="all", thin_ends=True, scale="linear", percent=True,
        limit=0.05, spread=0.05, low=0.0, high=0.5, fitted=False, on=False,
        help="The prediction lies on both sides of the body's middle. Off unless switched on: 14 of 50 "
        "lesions in the training references of the brain models do. The middle is estimated from the "
        "outline of the body, and means little in a picture without a left and a right.",
        sentence="{measured} of the prediction lies across the body's middle (limit {limit}).",
    ),
    RuleSpec(
        key="nothing-found", cause="empty", label="Nothing found", letter="E", measure="slices_found",
        side="below", scope="study", place="all", thin_ends=True, scale="linear", percent=False,
        limit=1.0, spread=1.0, low=0.0, high=1.0, fitted=False,
        help="Nothing was predicted in the whole study. That may be right, but a missed lesion looks just "
        "the same to the model, so a person should look.",
        sentence="Nothing was found in the whole study. A missed lesion would look the same, so a person "
        "should look.",
    ),
    # Chosen out of fold (50 patients of TCGA-LGG, two unseen members each), on 693 single slices with a
    # prediction: below 0.5 lie 1 % [0, 2] of the 514 with Dice >= 0.7 and 62 % [51, 73] of the 112 with
    # Dice < 0.5 (95 % interval over patients); no whole study does. In sample, so no independent test.
    RuleSpec(
        key="low-confidence", cause="confidence", label="Low confidence", letter="L", measure="agreement",
        side="below", scope="study", place="all", thin_ends=True, scale="linear", percent=False,
        limit=0.5, spread=0.3, low=0.0, high=1.0, fitted=False, basis=FROM_OUT_OF_FOLD,
        help="The predictions of this case share too little with each other. Foreign images often end here.",
        sentence="Confidence {measured}: the predictions share too little with each other. On patients that "
        "the networks had not seen, good outlines seldom came out below {limit}.",
    ),
    # Chosen out of fold (50 patients of TCGA-LGG): 1 % of the good slices lie below. On the thin ends most
    # outlines fail, in good studies too; see assets/models/lgg-unet/QUALITY.md.
    RuleSpec(
        key="low-quality", cause="quality", label="Low estimated quality", letter="Q", measure="quality",
        side="below", scope="slice", place="all", thin_ends=False, scale="linear", percent=True,
        limit=0.27, spread=0.65, low=0.0, high=1.0, fitted=False, basis=FROM_OUT_OF_FOLD,
        help="A network that has seen good and failed outlines thinks that this one is wrong: too large, too "
        "small, in the wrong place, or missing. The thin first and last slices of a lesion in a volume are "
        "not judged: most outlines fail there, and the number of each slice says so.",
        sentence="The chance that this outline is good (IoU above 0.7) is estimated at {measured}; outlines "
        "of training patients that turned out good seldom came out below {limit}.",
    ),
    FOREIGN,
)  # fmt: skip

CLASS_RULES: tuple[RuleSpec, ...] = (
    RuleSpec(
        key="low-class-confidence", cause="confidence", label="Low confidence", letter="L",
        measure="max_softmax", side="below", scope="study", place="all", thin_ends=True, scale="linear",
        percent=True, limit=0.5, spread=0.2, low=0.0, high=1.0, fitted=False, basis=FROM_OUT_OF_FOLD,
        help="No class is likely enough. Pictures between two classes and foreign pictures often end here.",
        sentence="The likeliest class has a probability of {measured}, below {limit}.",
    ),
    FOREIGN,
)  # fmt: skip
"""The rules over a classified picture, which has no mask to measure."""

BAG_RULES: tuple[RuleSpec, ...] = (
    *(spec for spec in CLASS_RULES if spec is not FOREIGN),
    RuleSpec(
        key="attention-collapsed", cause="attention", label="Attention on hardly more than one slice",
        letter="T", measure="attention_slices", side="below", scope="study", place="all", thin_ends=True,
        scale="log", percent=False, limit=1.5, spread=math.log(8.0 / 1.5), low=1.0, high=64.0, fitted=False,
        help="The networks weigh as if there were hardly more than one slice: exp(H) of their attention, 1 = "
        "all of it on one. Then the answer rests on that slice alone, and an artefact on it decides. The "
        "limit is that of the training audit; 2 of 177 slabs of left-out patients of lgg-mil lie below it. "
        "Not judged where a bag has one slice.",
        sentence="The attention rests on {measured} effective slices, below {limit}: the answer hangs on "
        "hardly more than one.",
    ),
    RuleSpec(
        key="attention-off-tissue", cause="attention", label="Attention on slices without tissue",
        letter="T", measure="attention_on_tissue", side="below", scope="study", place="all", thin_ends=True,
        scale="linear", percent=True, limit=0.5, spread=0.5, low=0.0, high=1.0, fitted=False,
        help="Most of the attention lies on slices that show next to nothing: less than a tenth of the "
        "picture, made square, is brighter than a tenth of its scale. The answer then rests on air or noise.",
        sentence="Only {measured} of the attention lies on slices with tissue, below {limit}: the answer "
        "rests on slices that show next to nothing.",
    ),
)  # fmt: skip
"""The rules over each bag of slices; its pictures are not checked for being foreign."""


def rule_spec(key: str) -> RuleSpec:
    """The rule with this key. Raises SettingsProblem that lists the known ones.

    >>> rule_spec("area-small").text(0.0123)
    '1.23 %'
    """
    for spec in (*RULES, *CLASS_RULES, *BAG_RULES):
        if spec.key == key:
            return spec
    raise SettingsProblem(
        "There is no such shape rule",
        found=repr(key),
        expected="one of "
        + ", ".join(dict.fromkeys(spec.key for spec in (*RULES, *CLASS_RULES, *BAG_RULES))),
        fix="use one of these names",
    )
