"""The default confidence: the samples agree, the neighbours support it; a rule of its own for nothing found.

Members that all miss a lesion agree perfectly, so agreement alone calls a total miss certain. What is missed
are the ends of a lesion: out of fold (50 patients of TCGA-LGG, two unseen networks each), of 1,230 slices
with nothing found, 113 lay beside two slices in a row that both hold a finding, and 39 of those, about a
third, were misses; beside a finding on one slice alone it was none of 39, elsewhere 8 of 1,078. So emptiness
is judged by three things: traces on the slice itself, what the slices beside it share at the same place, and
whether anything was found in the study at all. Rules, what else was tried, and figures with intervals:
assets/models/lgg-unet/CONFIDENCE.md. It ranks; it is no calibrated estimate of Dice.
"""

from __future__ import annotations

import numpy as np

from core.uncertainty.evidence import Evidence

PIXELS, SUM_PROB, PROB_IN_MASK, SUM_BESIDE, BESIDE_IN_MASK, LARGER_IN_MASK, LARGEST = range(7)
TRACE, TRACE_OF_FIVE = range(2)

EVIDENCE_WEIGHT = 1 / 3
"""How much one kind of evidence against an empty slice counts, chosen out of fold; 1/4 and 1/2 do as well."""
NOTHING_ANYWHERE = 0.5
"""Evidence against each empty slice of a study in which nothing was found: a missed lesion looks the same."""


def agreement_of_slice(evidence: Evidence, index: int) -> tuple[float, str]:
    """Confidence in one slice, in [0, 1], and how it was made.

    With q the mean foreground probability, n the mean of q in the slices before and after (0 outside the
    study), A the pairwise Dice of the samples' masks (one sample: the expected Dice under q):
    mask not empty: (A + 2 sum_mask(n) / (|mask| + sum n)) / 2; mask empty: 1 - (t + s + h) / 3, where t is
    the trace of q, s the larger of the traces of q(z+1) q(z+2) and q(z-1) q(z-2), and h is 1/2 when nothing
    was found in the whole study, else 0. The trace of a map is the mean of its largest values, over 1/800
    of the picture. A picture without neighbours: A, or 1 - max q when empty.
    """
    pixels = evidence.foreground[index, PIXELS]
    if evidence.slices == 1:
        if pixels == 0:
            return 1.0 - float(evidence.foreground[index, LARGEST]), "nothing found: 1 - largest probability"
        return _samples_agree(evidence, range(index, index + 1))
    if pixels == 0:
        return 1.0 - _doubt(evidence, index), "nothing found: from this slice's and its neighbours' traces"
    return _with_neighbours(evidence, range(index, index + 1))


def agreement_of_study(evidence: Evidence) -> tuple[float, str]:
    """Confidence in the whole study, in [0, 1].

    Something found: (A + support) / 2, A the pairwise Dice of the whole-study masks (one sample: the
    expected Dice) and support the mean over all predicted pixels of the larger q at the same place in the
    slices before and after. A lesion is supported but for its ends; a false finding on one slice is not.
    Nothing found: the lowest confidence of any slice. A single picture: as for its slice.
    """
    if evidence.slices == 1:
        return agreement_of_slice(evidence, 0)
    if not _found(evidence):
        most = max(_doubt(evidence, index) for index in evidence.all_slices)
        return 1.0 - most, "nothing found: from the strongest trace of any slice"
    agree, note = _samples_agree(evidence, evidence.all_slices)
    pixels, supported = evidence.foreground[:, (PIXELS, LARGER_IN_MASK)].sum(axis=0)
    return (agree + float(supported / pixels)) / 2.0, note


def earlier_recipe(evidence: Evidence, scope: range) -> tuple[float, str]:
    """The rule that this one was made from, of one slice or of the whole study.

    Mask not empty: (A + 2 sum_mask(n) / (|mask| + sum n)) / 2. Mask empty: 1 - (t + larger t of both
    neighbours) / 2 with t the mean of the five largest q, of a study the lowest. A single picture: as now.
    """
    if evidence.slices == 1:
        return agreement_of_slice(evidence, 0)
    if evidence.foreground[scope.start : scope.stop, PIXELS].any():
        return _with_neighbours(evidence, scope)
    five = np.pad(evidence.traces[:, TRACE_OF_FIVE], 1)
    doubt = (five[1:-1] + np.maximum(five[:-2], five[2:])) / 2.0
    return 1.0 - float(doubt[scope.start : scope.stop].max()), "nothing found: from traces"


def expected_dice(evidence: Evidence, scope: range) -> float | None:
    """2 sum_mask(q) / (|mask| + sum q) over these slices: the Dice that q itself expects; None when empty."""
    return _soft_dice(evidence, scope, PROB_IN_MASK, SUM_PROB)


def neighbour_dice(evidence: Evidence, scope: range) -> float | None:
    """2 sum_mask(n) / (|mask| + sum n) over these slices; None when empty or without neighbours."""
    return _soft_dice(evidence, scope, BESIDE_IN_MASK, SUM_BESIDE) if evidence.slices > 1 else None


def pairwise_dice(evidence: Evidence, scope: range) -> float | None:
    """Pairwise Dice of the samples' masks in one slice, or of the whole study; None with one sample."""
    if len(scope) == 1:
        return evidence.reduced.agreement[scope.start].pairwise_dice
    return evidence.reduced.pairwise_dice


def _with_neighbours(evidence: Evidence, scope: range) -> tuple[float, str]:
    agree, note = _samples_agree(evidence, scope)
    return (agree + (neighbour_dice(evidence, scope) or 0.0)) / 2.0, note


def _samples_agree(evidence: Evidence, scope: range) -> tuple[float, str]:
    pairwise = pairwise_dice(evidence, scope)
    if pairwise is not None:
        return pairwise, ""
    return expected_dice(evidence, scope) or 0.0, "one sample: expected Dice in place of pairwise Dice"


def _doubt(evidence: Evidence, index: int) -> float:
    before = evidence.shared[index - 1] if index > 0 else 0.0
    after = evidence.shared[index + 2] if index + 1 < evidence.slices else 0.0
    unseen = 0.0 if _found(evidence) else NOTHING_ANYWHERE
    return EVIDENCE_WEIGHT * float(evidence.traces[index, TRACE] + max(before, after) + unseen)


def _found(evidence: Evidence) -> bool:
    return bool(evidence.foreground[:, PIXELS].any())


def _soft_dice(evidence: Evidence, scope: range, inside: int, total: int) -> float | None:
    sums = evidence.foreground[scope.start : scope.stop].sum(axis=0)
    return float(2.0 * sums[inside] / (sums[PIXELS] + sums[total])) if sums[PIXELS] else None
