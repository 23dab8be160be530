"""How much a mask depends on its prompt: overlap with the reference and agreement among jittered prompts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

import numpy as np

from core.metrics import dice, jaccard
from core.prompts.jitter import DRAWS, jittered
from core.prompts.reference import reference_prompt
from core.types import BoolArray, Float64Array
from core.types.prompts import Prompt, PromptKind


class MaskMaker(Protocol):
    """A network that answers to prompts: our own, SAM, or a stub."""

    def __call__(self, index: int, prompts: Sequence[Prompt]) -> BoolArray:
        """Masks (prompt, row, column) of slice `index`, one for each prompt."""


@dataclass(frozen=True, eq=False)
class SliceJitter:
    """One slice under one share of jitter: prompts, masks (draw, row, column), iou and dice (draw,).

    agreement: mean Dice over all pairs of the masks, the confidence that needs no reference; None with one
    draw. iou, dice: empty without a reference.
    """

    index: int
    kind: PromptKind
    share: float
    prompts: tuple[Prompt, ...]
    masks: BoolArray
    iou: Float64Array
    dice: Float64Array
    agreement: float | None


def jitter_case(
    make: MaskMaker,
    mask_ref: BoolArray,
    kind: PromptKind,
    share: float,
    *,
    key: str,
    draws: int = DRAWS,
    seed: int = 0,
) -> Iterator[SliceJitter]:
    """Every slice whose reference is large enough for a prompt, in order; mask_ref (slice, row, column).

    key: what names the case in the seeds. Without jitter there is one draw: all would be the same.
    """
    for index, ref in enumerate(mask_ref):
        asked = reference_prompt(ref, kind)
        if asked is not None:
            count = draws if share > 0.0 else 1
            prompts = jittered(*asked, ref.shape, share, count, (key, index, seed))
            yield judge_slice(make, index, kind, share, prompts, ref)


def judge_slice(
    make: MaskMaker,
    index: int,
    kind: PromptKind,
    share: float,
    prompts: Sequence[Prompt],
    mask_ref: BoolArray | None,
) -> SliceJitter:
    """The masks of these prompts, against the reference (row, column) where there is one."""
    masks = make(index, prompts)
    pairs = (
        () if mask_ref is None else tuple((jaccard(mask, mask_ref), dice(mask, mask_ref)) for mask in masks)
    )
    scores = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    return SliceJitter(
        index, kind, share, tuple(prompts), masks, scores[:, 0], scores[:, 1], pairwise_agreement(masks)
    )


def pairwise_agreement(masks: BoolArray) -> float | None:
    """Mean Dice over all pairs of masks (draw, row, column), 1 for two empty ones; None with one mask.

    >>> pairwise_agreement(np.array([[[1, 1]], [[1, 0]], [[1, 1]]], dtype=bool))
    0.7777777777777777
    """
    if len(masks) < 2:
        return None
    return float(np.mean([dice(one, other) for one, other in combinations(masks, 2)]))
