"""Real failures by kind, and those that no detector sees."""

from __future__ import annotations

from collections.abc import Sequence

from core.config import Frozen
from core.train.quality.detectors import DEFAULT_SCORE, NETWORK_RULE, SLICE_RULES
from core.train.quality.studies import DetectedStudy

LISTED = 12
"""Unseen failures that are listed one by one, the largest first."""
KINDS = (
    ("missed", "Missed: nothing outlined"),
    ("invented", "Invented: nothing in the reference"),
    ("small", "Too small: less than 2/3 of the reference"),
    ("large", "Too large: more than 3/2 of the reference"),
    ("place", "About the right size, partly in the wrong place"),
)
FACTOR = 1.5


class RealFailure(Frozen):
    """A failed slice. number: of the slice, from 1. area_ref, area_pred: shares of the picture."""

    patient: str
    number: int
    kind: str
    dice: float
    area_ref: float
    area_pred: float
    quality: float
    confidence: float
    rules: tuple[str, ...]
    network: bool

    @property
    def seen(self) -> bool:
        """Whether a rule or the network raised an alarm."""
        return bool(self.rules) or self.network


class KindRow(Frozen):
    """Failures of one kind: how many, and how many of them rules, network, either and neither saw."""

    label: str
    failures: int
    rules: int
    network: int
    either: int
    neither: int


def real_failures(studies: Sequence[DetectedStudy]) -> tuple[RealFailure, ...]:
    """Every failed slice of the studies, the largest wrong area first."""
    found = [
        _failure(study, index)
        for study in studies
        for index in range(len(study.slices))
        if study.failed[index]
    ]
    return tuple(sorted(found, key=lambda each: -(1.0 - each.dice) * (each.area_ref + each.area_pred)))


def kind_rows(failures: Sequence[RealFailure]) -> tuple[KindRow, ...]:
    """The failures counted by kind, in the order of KINDS."""
    rows = []
    for key, label in KINDS:
        own = [each for each in failures if each.kind == key]
        rows.append(
            KindRow(
                label=label,
                failures=len(own),
                rules=sum(bool(each.rules) for each in own),
                network=sum(each.network for each in own),
                either=sum(each.seen for each in own),
                neither=sum(not each.seen for each in own),
            )
        )
    return tuple(rows)


def kind_of(area_pred: float, area_ref: float) -> str:
    """What kind of failure these areas speak of.

    >>> [kind_of(*each) for each in ((0.0, 0.1), (0.1, 0.0), (0.01, 0.1), (0.1, 0.01), (0.1, 0.1))]
    ['missed', 'invented', 'small', 'large', 'place']
    """
    if area_pred == 0.0:
        return "missed"
    if area_ref == 0.0:
        return "invented"
    if area_pred * FACTOR < area_ref:
        return "small"
    return "large" if area_pred > FACTOR * area_ref else "place"


def _failure(study: DetectedStudy, index: int) -> RealFailure:
    scores = {each.key: each.value for each in study.slices[index].scores}
    fired = study.fired[index]
    area_ref, area_pred = float(study.area_ref[index]), float(study.area_pred[index])
    return RealFailure(
        patient=study.patient,
        number=index + 1,
        kind=kind_of(area_pred, area_ref),
        dice=float(study.dice[index]),
        area_ref=area_ref,
        area_pred=area_pred,
        quality=scores["quality"] or 0.0,
        confidence=scores[DEFAULT_SCORE] or 0.0,
        rules=tuple(sorted(fired & set(SLICE_RULES))),
        network=NETWORK_RULE in fired,
    )
