"""The default confidence: the samples agree, the neighbours support it; a rule of its own for nothing found.

Members that all miss a tumour agree perfectly, so agreement alone calls a total miss certain. A missed slice
nearly always lies beside a detected one; therefore the neighbours count. Measured with ten small U-Nets at
64 pixels on all 379 slices of 12 LGG patients: normalised AURC .909 [.86, .94], pairwise Dice alone .852.
It ranks; it is no calibrated estimate of Dice.
"""

from __future__ import annotations

from core.uncertainty.evidence import Evidence

PIXELS, SUM_PROB, PROB_IN_MASK, SUM_BESIDE, BESIDE_IN_MASK, LARGEST = range(6)


def agreement_of_slice(evidence: Evidence, index: int) -> tuple[float, str]:
    """Confidence in one slice, in [0, 1], and how it was made.

    With q the mean foreground probability, n the mean of q in the slices before and after (0 outside the
    study), t the mean of the five largest q of a slice, A the pairwise Dice of the samples' masks (one
    sample: the expected Dice under q):
    mask not empty: (A + 2 sum_mask(n) / (|mask| + sum n)) / 2; mask empty: 1 - (t + larger t of the
    neighbours) / 2. A picture without neighbours: A, or 1 - max q when empty.
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
    """Confidence in the whole study, in [0, 1]: the same halves, with sums over all slices.

    Something found: (A + neighbour Dice) / 2, A the pairwise Dice of the whole-study masks. Nothing found:
    1 - the largest (t + larger t of the neighbours) / 2 of any slice. A single picture: as for its slice.
    """
    if evidence.slices == 1:
        return agreement_of_slice(evidence, 0)
    if evidence.foreground[:, PIXELS].sum() == 0:
        most = max(_doubt(evidence, index) for index in evidence.all_slices)
        return 1.0 - most, "nothing found: from the strongest trace of any slice"
    return _with_neighbours(evidence, evidence.all_slices)


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
    beside = neighbour_dice(evidence, scope)
    return (agree + (beside or 0.0)) / 2.0, note


def _samples_agree(evidence: Evidence, scope: range) -> tuple[float, str]:
    pairwise = pairwise_dice(evidence, scope)
    if pairwise is not None:
        return pairwise, ""
    return expected_dice(evidence, scope) or 0.0, "one sample: expected Dice in place of pairwise Dice"


def _doubt(evidence: Evidence, index: int) -> float:
    traces = evidence.largest
    beside = [traces[near] for near in (index - 1, index + 1) if 0 <= near < evidence.slices]
    return float(traces[index] + max(beside, default=0.0)) / 2.0


def _soft_dice(evidence: Evidence, scope: range, inside: int, total: int) -> float | None:
    sums = evidence.foreground[scope.start : scope.stop].sum(axis=0)
    return float(2.0 * sums[inside] / (sums[PIXELS] + sums[total])) if sums[PIXELS] else None
