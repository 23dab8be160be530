"""The table of confidence scores that need no training; the first one is the default.

Every score reads "higher is safer". A score of a study pools the sums of its slices; boundary bands, blobs
and distances stay within a slice.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.types import Score
from core.uncertainty.evidence import Evidence, gather
from core.uncertainty.reduce import Reduced
from core.uncertainty.rules import (
    Rule,
    agreement,
    component_cv,
    component_iou,
    earlier,
    map_expects,
    neighbours_agree,
    or_largest,
    patch,
    per_volume,
    regional,
    sampled,
    samples_agree,
    suspected,
    total,
)

ZENK = "Zenk et al. 2025, doi:10.1016/j.media.2024.103392"
JUNGO = "Jungo et al. 2020, doi:10.3389/fnins.2020.00282; distances in pixels, not times the spacing"
ROY = "Roy et al. 2019, doi:10.1016/j.neuroimage.2019.03.042"
IVADOMED = "ivadomed, doi:10.21105/joss.02868"
OURS = "Second Look, core/uncertainty/recipe.py"


@dataclass(frozen=True)
class ScoreSpec:
    """One row of the table; every score is a confidence, so higher is safer.

    lower, upper: range in `unit`, None where it depends on the classes or the image. needs_samples: not
    available with a single sample. comparable: may be compared between images of different size.
    """

    key: str
    label: str
    help: str
    rule: Rule
    unit: str = ""
    lower: float | None = 0.0
    upper: float | None = 1.0
    source: str = ZENK
    needs_samples: bool = False
    comparable: bool = True


SCORES: tuple[ScoreSpec, ...] = (
    ScoreSpec(
        "agreement",
        "Agreement",
        "Do the samples draw the same mask, and do the neighbouring slices support it? Where nothing is "
        "found: are there traces of something here, does a finding end beside it, and was anything found "
        "in the study at all?",
        agreement,
        source=OURS,
    ),
    ScoreSpec(
        "agreement_earlier",
        "Agreement, earlier rule",
        "The default before the present one: an empty slice beside any finding, even one on a single slice, "
        "is doubtful.",
        earlier,
        source=OURS,
    ),
    ScoreSpec(
        "pairwise_dice",
        "Pairwise Dice",
        "Mean Dice over all pairs of the samples' masks. Samples that all find nothing agree perfectly.",
        samples_agree,
        source=ROY,
        needs_samples=True,
    ),
    ScoreSpec(
        "pairwise_or_largest",
        "Pairwise Dice, or largest probability",
        "Pairwise Dice; where nothing was found, 1 minus the largest probability.",
        sampled(or_largest(samples_agree)),
        source=ROY,
        needs_samples=True,
    ),
    ScoreSpec(
        "expected_dice",
        "Expected Dice",
        "Dice of the mask that the mean probability itself expects.",
        map_expects,
        source=OURS,
    ),
    ScoreSpec(
        "expected_or_largest",
        "Expected Dice, or largest probability",
        "Expected Dice; where nothing was found, 1 minus the largest probability.",
        or_largest(map_expects),
        source=OURS,
    ),
    ScoreSpec(
        "neighbour_dice",
        "Neighbour Dice",
        "How well the mask fits what was found in the slices before and after it.",
        neighbours_agree,
        source=OURS,
    ),
    ScoreSpec(
        "component_iou",
        "Blob agreement",
        "For each predicted blob: what all samples share of it, as a share of what any sample gives it.",
        sampled(component_iou),
        source=IVADOMED,
        needs_samples=True,
    ),
    ScoreSpec(
        "component_cv",
        "Blob size spread",
        "Minus the relative spread of each blob's size over the samples.",
        sampled(component_cv),
        lower=None,
        upper=0.0,
        source=IVADOMED,
        needs_samples=True,
    ),
    ScoreSpec(
        "entropy_mean",
        "Entropy, whole image",
        "Mean over all pixels of ln C minus the entropy; dominated by the background.",
        regional("entropy", "whole"),
        unit="nat",
        upper=None,
    ),
    ScoreSpec(
        "entropy_foreground",
        "Entropy, inside the prediction",
        "The same over the prediction without its edge; the whole image when that is empty.",
        regional("entropy", "foreground"),
        unit="nat",
        upper=None,
    ),
    ScoreSpec(
        "entropy_non_boundary",
        "Entropy, away from the edge",
        "The same without a band of four pixels along the predicted edge.",
        regional("entropy", "non-boundary"),
        unit="nat",
        upper=None,
    ),
    ScoreSpec(
        "entropy_suspected",
        "Entropy, where something may be",
        "The same over the pixels with a foreground probability above 0.1; the highest value without any.",
        suspected,
        unit="nat",
        upper=None,
        source="Second Look, core/uncertainty/rules.py",
    ),
    ScoreSpec(
        "entropy_boundary",
        "Entropy, along the edge",
        "The same inside that band: how sharp the predicted edge is.",
        regional("entropy", "boundary"),
        unit="nat",
        upper=None,
    ),
    ScoreSpec(
        "entropy_distance",
        "Entropy, weighted by distance",
        "The same, each pixel weighted by its distance to the predicted edge, at most four pixels. "
        "Distances are in pixels whatever the spacing; the picture's own edge does not count.",
        regional("entropy", "distance"),
        unit="nat",
        upper=None,
        source=JUNGO,
    ),
    ScoreSpec(
        "entropy_patch",
        "Entropy, worst place",
        "The lowest mean in a cube of ten pixels a side; its place is where to look.",
        patch,
        unit="nat",
        upper=None,
    ),
    ScoreSpec(
        "entropy_per_volume",
        "Entropy per predicted pixel",
        "Minus the mean entropy divided by the number of predicted pixels.",
        per_volume,
        unit="nat/pixel",
        lower=None,
        upper=0.0,
        comparable=False,
    ),
    ScoreSpec(
        "entropy_sum",
        "Entropy, total",
        "Minus the sum of the entropy. It grows with the image: never compare it between sizes.",
        total,
        unit="nat",
        lower=None,
        upper=0.0,
        comparable=False,
    ),
    ScoreSpec(
        "probability_mean",
        "Highest probability, whole image",
        "Mean over all pixels of the probability of the most likely class.",
        regional("msr", "whole"),
    ),
    ScoreSpec(
        "probability_foreground",
        "Highest probability, inside the prediction",
        "The same over the prediction without its edge; the whole image when that is empty.",
        regional("msr", "foreground"),
    ),
    ScoreSpec(
        "probability_non_boundary",
        "Highest probability, away from the edge",
        "The same without a band of four pixels along the predicted edge.",
        regional("msr", "non-boundary"),
    ),
    ScoreSpec(
        "information_mean",
        "Mutual information, whole image",
        "Minus the mean disagreement of the samples in nats; it is biased low with few samples.",
        sampled(regional("information", "whole")),
        unit="nat",
        lower=None,
        upper=0.0,
        needs_samples=True,
    ),
    ScoreSpec(
        "information_foreground",
        "Mutual information, inside the prediction",
        "The same over the prediction without its edge; the whole image when that is empty.",
        sampled(regional("information", "foreground")),
        unit="nat",
        lower=None,
        upper=0.0,
        needs_samples=True,
    ),
    ScoreSpec(
        "variance_mean",
        "Variance, whole image",
        "Minus the mean variance of the samples' probabilities.",
        sampled(regional("variance", "whole")),
        lower=-0.25,
        upper=0.0,
        needs_samples=True,
    ),
    ScoreSpec(
        "variance_foreground",
        "Variance, inside the prediction",
        "The same over the prediction without its edge; the whole image when that is empty.",
        sampled(regional("variance", "foreground")),
        lower=-0.25,
        upper=0.0,
        needs_samples=True,
    ),
)


def score_slices(reduced: Reduced) -> tuple[tuple[Score, ...], ...]:
    """The scores of every slice, each in the order of SCORES."""
    evidence = gather(reduced)
    return tuple(_row(evidence, range(index, index + 1)) for index in evidence.all_slices)


def score_case(reduced: Reduced) -> tuple[Score, ...]:
    """The scores of the whole study, in the order of SCORES. A single picture has its slice's scores."""
    evidence = gather(reduced)
    return _row(evidence, evidence.all_slices)


def score_spec(key: str) -> ScoreSpec:
    """The row with this key. Raises KeyError that lists the known keys."""
    known = {spec.key: spec for spec in SCORES}
    if key not in known:
        raise KeyError(f"unknown score {key!r}; known: {', '.join(known)}")
    return known[key]


def _row(evidence: Evidence, scope: range) -> tuple[Score, ...]:
    return tuple(spec.rule(evidence, scope).model_copy(update={"key": spec.key}) for spec in SCORES)
