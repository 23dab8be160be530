"""Samples, slice by slice, to what is kept of them: mean probability, maps, agreement."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.types import BoolArray, FixedPoint, LabelArray, Maps, SliceSamples, label_map
from core.uncertainty.agreement import (
    PairCounts,
    SliceAgreement,
    component_agreement,
    mean_pairwise_dice,
    member_mask,
    pair_counts,
)
from core.uncertainty.moments import MomentMaps, Moments, largest_entropy

LARGEST_VARIANCE = 0.25


@dataclass(frozen=True, eq=False)
class Reduced:
    """What the samples of a study amount to.

    prob: mean foreground probability (class, slice, row, column). samples: draws per slice.
    agreement: one per slice. pairwise_dice: of the samples' whole-study masks, None with one sample.
    """

    prob: FixedPoint
    maps: Maps
    samples: int
    agreement: tuple[SliceAgreement, ...]
    pairwise_dice: float | None

    @cached_property
    def mask_pred(self) -> LabelArray:
        """uint8 (slice, row, column), decided on the stored codes: 0 = background."""
        return label_map(self.prob)


@dataclass(frozen=True, eq=False)
class _SliceResult:
    prob: FixedPoint
    maps: tuple[FixedPoint | None, ...]
    samples: int
    nothing_found: bool
    agreement: SliceAgreement


def reduce(
    stream: Iterable[SliceSamples], slices: int, slice_shape: tuple[int, int], classes: int = 1
) -> Reduced:
    """Read every sample once and keep running moments and agreement; one slice's masks at a time.

    slices, slice_shape: of the image; classes: foreground classes. A slice that is `same_as` an earlier one
    takes over its result. Raises ValueError when slices are missing or the number of samples changes.
    """
    results: dict[int, _SliceResult] = {}
    shared: PairCounts | None = None
    for each in stream:
        known = None if each.same_as is None else results.get(each.same_as)
        if known is not None and known.nothing_found:
            results[each.index] = known
            continue
        results[each.index], pairs = _reduce_slice(each, (classes, *slice_shape))
        shared = pairs if shared is None else shared + pairs
    if sorted(results) != list(range(slices)) or shared is None:
        raise ValueError(f"samples of {len(results)} slices; expected each of {slices} once")
    return _assemble([results[index] for index in range(slices)], mean_pairwise_dice(shared))


def _reduce_slice(each: SliceSamples, shape: tuple[int, int, int]) -> tuple[_SliceResult, PairCounts]:
    moments = Moments(shape)
    masks: list[BoolArray] = []
    for prob in each.samples:
        moments.add(prob)
        masks.append(member_mask(prob))
    found = moments.maps()
    prob_mean = FixedPoint.of(found.mean, 1.0)
    pairs = pair_counts(np.stack(masks))
    labels = label_map(FixedPoint(prob_mean.codes[:, None], 1.0))[0]
    agreement = SliceAgreement(mean_pairwise_dice(pairs), *component_agreement(labels, np.stack(masks)))
    nothing_found = not pairs.any()
    return _SliceResult(prob_mean, _coded(found, shape[0]), moments.count, nothing_found, agreement), pairs


def _coded(found: MomentMaps, classes: int) -> tuple[FixedPoint | None, ...]:
    upper = largest_entropy(classes)
    ends = (upper, upper, upper, LARGEST_VARIANCE)
    maps = (found.predictive_entropy, found.expected_entropy, found.mutual_information, found.variance)
    return tuple(
        None if values is None else FixedPoint.of(values, end) for values, end in zip(maps, ends, strict=True)
    )


def _assemble(results: list[_SliceResult], pairwise_dice: float | None) -> Reduced:
    counts = {each.samples for each in results}
    if len(counts) != 1:
        raise ValueError(f"slices with {sorted(counts)} samples; expected the same number in each")
    predictive, expected, information, variance = (
        _stack([each.maps[k] for each in results], axis=0) for k in range(4)
    )
    prob = _stack([each.prob for each in results], axis=1)
    assert prob is not None and predictive is not None
    return Reduced(
        prob=prob,
        maps=Maps(predictive, expected, information, variance),
        samples=counts.pop(),
        agreement=tuple(each.agreement for each in results),
        pairwise_dice=pairwise_dice,
    )


def _stack(parts: list[FixedPoint | None], axis: int) -> FixedPoint | None:
    present = [each for each in parts if each is not None]
    if len(present) != len(parts):
        return None
    codes = np.stack([each.codes for each in present], axis=axis)
    codes.flags.writeable = False
    return FixedPoint(codes, present[0].upper)
