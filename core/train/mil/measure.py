"""How good a bag model is, with intervals over patients, and whether its attention lies where it should."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.config import Frozen
from core.metrics.classes.ranking import ranked, ranking_metrics
from core.metrics.draws import Draws, draw_groups, ratio
from core.train.common.numbers import BOOTSTRAP_SEED
from core.train.mil.data import BagData
from core.train.mil.judge import JudgedBag, auroc
from core.types import BoolArray, Estimate, Float64Array

REPLICATES = 2000
EXTENTS = ((1, 3), (4, 8), (9, 512))
"""Marked slices of a bag, from and to."""
PRIOR_BINS = 10
"""Parts of a volume, from its first to its last slice, in which the share of marked slices is counted."""


@dataclass(frozen=True, eq=False)
class Verdict:
    """One judged bag: prob of the second class; attention, instance, place (0 … 1 of the volume's height) and
    marked, each (slice,); marked None without masks."""

    patient: str
    label: int
    prob: float
    attention: Float64Array
    instance: Float64Array
    place: Float64Array
    marked: BoolArray | None


class BagRow(Frozen):
    """One line: who judged which bags, and how well. Threshold 0.5; intervals from drawing patients."""

    title: str
    bags: int
    positives: int
    patients: int
    auroc: Estimate
    accuracy: Estimate
    balanced_accuracy: Estimate
    recall_negative: Estimate
    recall_positive: Estimate


class FoundRow(Frozen):
    """How well a score of slices finds the marked ones of positive bags.

    auroc: within each bag that has marked and unmarked slices, mean over bags. top_hit: share of all positive
    bags whose highest slice is marked; top_hit_mixed: of those with unmarked slices too. Ties count by their
    share of marked slices, so that equal scores give chance.
    """

    title: str
    auroc: Estimate
    top_hit: Estimate
    top_hit_mixed: Estimate


class AttentionCheck(Frozen):
    """Attention against the reference marks, beside other scores; minus_*: attention minus the other row."""

    title: str
    positive_bags: int
    mixed_bags: int
    patients: int
    rows: tuple[FoundRow, ...]
    minus_uniform: FoundRow
    minus_slice_scores: FoundRow


class ExtentRow(Frozen):
    """Share of the bags of the second class that are found, of those with `low` to `high` marked slices."""

    low: int
    high: int
    bags: int
    found: Estimate


@dataclass(frozen=True, eq=False)
class PositionPrior:
    """Share of marked slices in each part of the volumes that it was counted on."""

    share: Float64Array

    def of(self, place: Float64Array) -> Float64Array:
        """(slice,) share at each place, 0 … 1."""
        return np.asarray(self.share[_part(place)])


def bag_row(title: str, verdicts: Sequence[Verdict], prob: Float64Array | None = None) -> BagRow:
    """The numbers of these bags; prob: of another judge of the same bags, None: the verdicts' own."""
    label = np.array([each.label for each in verdicts]) == 1
    given = np.array([each.prob for each in verdicts]) if prob is None else prob
    draws = _draws(verdicts)
    right = ((given > 0.5) == label).astype(np.float64)
    nothing = np.full(len(label), np.nan)
    return BagRow(
        title=title,
        bags=len(label),
        positives=int(label.sum()),
        patients=draws.groups,
        auroc=auroc_estimate(given, label, draws),
        accuracy=draws.mean(right),
        balanced_accuracy=_balanced(right, label, draws),
        recall_negative=draws.mean(np.where(label, nothing, right)),
        recall_positive=draws.mean(np.where(label, right, nothing)),
    )


def attention_check(title: str, verdicts: Sequence[Verdict], prior: Sequence[Float64Array]) -> AttentionCheck:
    """Attention, slice scores, uniform attention and the position alone on all positive bags with marks.

    prior: for each verdict the share of marked slices that its slices' places have in other patients.
    """
    pairs = [(each, own) for each, own in zip(verdicts, prior, strict=True) if _positive(each)]
    bags, own = [each for each, _ in pairs], [each for _, each in pairs]
    scores: dict[str, list[Float64Array]] = {
        "attention": [each.attention for each in bags],
        "slice scores": [each.instance for each in bags],
        "uniform attention": [np.ones(len(each.attention)) for each in bags],
        "position alone": own,
    }
    found = {name: _found(bags, each) for name, each in scores.items()}
    draws = _draws(bags)

    def minus(other: str) -> FoundRow:
        parts = [one - two for one, two in zip(found["attention"], found[other], strict=True)]
        return _found_row(f"attention minus {other}", parts, draws)

    return AttentionCheck(
        title=title,
        positive_bags=len(bags),
        mixed_bags=int((~np.isnan(found["attention"][0])).sum()),
        patients=draws.groups,
        rows=tuple(_found_row(name, each, draws) for name, each in found.items()),
        minus_uniform=minus("uniform attention"),
        minus_slice_scores=minus("slice scores"),
    )


def extent_rows(verdicts: Sequence[Verdict]) -> tuple[ExtentRow, ...]:
    """How often bags of the second class are found, by how many of their slices are marked."""
    rows = []
    for low, high in EXTENTS:
        chosen = [each for each in verdicts if _positive(each) and low <= _marks(each) <= high]
        found = np.array([float(each.prob > 0.5) for each in chosen])
        mean = _draws(chosen).mean(found) if chosen else Estimate(value=None)
        rows.append(ExtentRow(low=low, high=high, bags=len(chosen), found=mean))
    return tuple(rows)


def verdict(data: BagData, judged: JudgedBag) -> Verdict:
    """A bag of training data with what its reference says."""
    volume = data.volumes[judged.bag.volume]
    return Verdict(
        patient=volume.patient,
        label=judged.label,
        prob=judged.prob,
        attention=judged.attention,
        instance=judged.instance,
        place=relative_places(judged.bag.places, volume.slices),
        marked=data.marked(judged.bag),
    )


def position_prior(data: BagData, volumes: Sequence[int]) -> PositionPrior:
    """Where the slices of these volumes are marked, by height alone; 0 everywhere without masks."""
    marked, count = np.zeros(PRIOR_BINS), np.zeros(PRIOR_BINS)
    for index in volumes:
        volume = data.volumes[index]
        part = _part(relative_places(range(volume.slices), volume.slices))
        holds = np.zeros(volume.slices) if data.holds is None else data.holds[volume.first :][: volume.slices]
        np.add.at(marked, part, holds.astype(np.float64))
        np.add.at(count, part, 1.0)
    return PositionPrior(np.divide(marked, count, out=np.zeros(PRIOR_BINS), where=count > 0))


def relative_places(places: Sequence[int], slices: int) -> Float64Array:
    """Heights of slices in their volume, 0 = first, 1 = last.

    >>> relative_places((0, 2), 5).tolist()
    [0.0, 0.5]
    """
    return np.asarray(places, dtype=np.float64) / max(1, slices - 1)


def auroc_estimate(score: Float64Array, positive: BoolArray, draws: Draws) -> Estimate:
    """AUROC with its interval over the drawn patients; None without both classes."""
    ranking = ranked(np.asarray(score, np.float64), positive)
    drawn = ranking_metrics(ranking, draws.weights.astype(np.float64)[:, draws.index])[:, 0]
    return draws.estimate(auroc(score, positive), drawn)


def auroc_difference(verdicts: Sequence[Verdict], other: Float64Array) -> Estimate:
    """AUROC of the verdicts minus that of another judge of the same bags, patients drawn once for both."""
    label = np.array([each.label for each in verdicts]) == 1
    own = np.array([each.prob for each in verdicts])
    draws = _draws(verdicts)
    weights = draws.weights.astype(np.float64)[:, draws.index]
    one, two = (ranking_metrics(ranked(score, label), weights)[:, 0] for score in (own, other))
    return draws.estimate(auroc(own, label) - auroc(other, label), one - two)


def _draws(verdicts: Sequence[Verdict]) -> Draws:
    return draw_groups([each.patient for each in verdicts], seed=BOOTSTRAP_SEED, replicates=REPLICATES)


def _balanced(right: Float64Array, label: BoolArray, draws: Draws) -> Estimate:
    def recall(chosen: BoolArray) -> tuple[float, Float64Array]:
        sums = draws.sums(np.stack([right * chosen, chosen.astype(np.float64)], axis=1))
        hits, count = draws.drawn(sums).T
        total = sums.sum(axis=0)
        return float(total[0] / total[1]) if total[1] else float("nan"), ratio(hits, count)

    (first, one), (second, two) = recall(~label), recall(label)
    return draws.estimate((first + second) / 2, (one + two) / 2)


def _positive(each: Verdict) -> bool:
    return each.marked is not None and bool(each.marked.any())


def _marks(each: Verdict) -> int:
    return 0 if each.marked is None else int(each.marked.sum())


def _found(bags: Sequence[Verdict], scores: Sequence[Float64Array]) -> tuple[Float64Array, ...]:
    """(bag,) AUROC within the bag, top hit, top hit of mixed bags; NaN where undefined."""
    area, hit, mixed = [], [], []
    for each, score in zip(bags, scores, strict=True):
        assert each.marked is not None
        top = float(each.marked[score == score.max()].mean())
        both = not bool(each.marked.all())
        area.append(auroc(score, each.marked))
        hit.append(top)
        mixed.append(top if both else float("nan"))
    return np.array(area), np.array(hit), np.array(mixed)


def _found_row(title: str, parts: Sequence[Float64Array], draws: Draws) -> FoundRow:
    mean: Callable[[Float64Array], Estimate] = draws.mean
    return FoundRow(title=title, auroc=mean(parts[0]), top_hit=mean(parts[1]), top_hit_mixed=mean(parts[2]))


def _part(place: Float64Array) -> NDArray[np.int64]:
    return np.minimum((place * PRIOR_BINS).astype(np.int64), PRIOR_BINS - 1)
