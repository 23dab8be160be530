"""The jitter curve: overlap over the share of jitter, with intervals over patients; how agreement ranks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.config import Frozen
from core.metrics import Interval, bootstrap_mean
from core.metrics.selective.coverage_bootstrap import bootstrap_areas
from core.prompts.study import SliceJitter
from core.types import Estimate, Float64Array
from core.types.prompts import PromptKind

REPLICATES = 2000


@dataclass(frozen=True, eq=False)
class JudgedSlice:
    """What is kept of a slice under jitter: its case and patient, overlap of each draw, agreement."""

    case: str
    group: str
    index: int
    kind: PromptKind
    share: float
    iou: Float64Array
    dice: Float64Array
    agreement: float | None


class JitterRow(Frozen):
    """One point of the curve, over slices.

    iou, dice: a slice counts with its mean over the draws; intervals draw patients. iou_sd, dice_sd: mean
    over the slices of the standard deviation over the draws, 0 with one draw. agreement: pairwise Dice.
    aurc, naurc: of the agreement, risk 1 - Dice of the first draw; None without agreement. change: of the
    Dice from the least jittered share, slice by slice; None in that share's own row.
    """

    kind: PromptKind
    share: float
    draws: int
    slices: int
    patients: int
    iou: Interval
    iou_sd: float
    dice: Interval
    dice_sd: float
    agreement: Interval | None
    aurc: Estimate | None
    naurc: Estimate | None
    change: Interval | None = None


def judged(case: str, group: str, found: SliceJitter) -> JudgedSlice:
    """A slice without its masks."""
    return JudgedSlice(
        case, group, found.index, found.kind, found.share, found.iou, found.dice, found.agreement
    )


def curve_of(
    slices: Sequence[JudgedSlice], *, seed: int, replicates: int = REPLICATES
) -> tuple[JitterRow, ...]:
    """One row per kind of prompt and share, boxes first, shares rising."""
    points: dict[tuple[PromptKind, float], list[JudgedSlice]] = {}
    for each in slices:
        points.setdefault((each.kind, each.share), []).append(each)
    rows = []
    for (kind, share), own in sorted(points.items()):
        least = min(other for same, other in points if same == kind)
        change = None
        if share > least:
            change = paired_change(points[kind, least], own, seed=seed, replicates=replicates)
        rows.append(_row(own, seed, replicates).model_copy(update={"change": change}))
    return tuple(rows)


def paired_change(
    before: Sequence[JudgedSlice], after: Sequence[JudgedSlice], *, seed: int, replicates: int = REPLICATES
) -> Interval:
    """Mean change of the Dice, slice by slice, over the slices that are in both; intervals draw patients."""
    known = {(each.case, each.index): float(each.dice.mean()) for each in before}
    both = [each for each in after if (each.case, each.index) in known]
    changes = [float(each.dice.mean()) - known[each.case, each.index] for each in both]
    return bootstrap_mean(changes, [each.group for each in both], seed=seed, replicates=replicates)


def _row(slices: Sequence[JudgedSlice], seed: int, replicates: int) -> JitterRow:
    first = slices[0]
    groups = [each.group for each in slices]

    def mean(values: Sequence[float]) -> Interval:
        return bootstrap_mean(values, groups, seed=seed, replicates=replicates)

    agreement = [each.agreement for each in slices if each.agreement is not None]
    areas = None
    if len(agreement) == len(slices):
        risk = np.array([1.0 - each.dice[0] for each in slices])
        areas = bootstrap_areas(np.array(agreement), risk, np.array(groups), seed=seed, replicates=replicates)
    return JitterRow(
        kind=first.kind,
        share=first.share,
        draws=len(first.dice),
        slices=len(slices),
        patients=len(set(groups)),
        iou=mean([float(each.iou.mean()) for each in slices]),
        iou_sd=_spread([each.iou for each in slices]),
        dice=mean([float(each.dice.mean()) for each in slices]),
        dice_sd=_spread([each.dice for each in slices]),
        agreement=mean(agreement) if areas else None,
        aurc=areas["aurc"] if areas else None,
        naurc=areas["normalised_aurc"] if areas else None,
    )


def _spread(values: Sequence[Float64Array]) -> float:
    return float(np.mean([each.std(ddof=1) if len(each) > 1 else 0.0 for each in values]))
