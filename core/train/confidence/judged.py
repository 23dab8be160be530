"""How well each confidence score ranks: slices and whole studies with their risk, 1 - Dice.

Both masks empty has risk 0 and is counted, one empty has risk 1, on all slices: a subset that is chosen with
the help of the reference would make every empty prediction in it a failure by construction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.config import Frozen
from core.metrics.agreement.overlap import dice
from core.metrics.selective.coverage_bootstrap import AreaEstimates, bootstrap_areas
from core.metrics.selective.risk_coverage import areas
from core.train.unseen import JudgedStudy
from core.types import BoolArray, Estimate, Float64Array, Score
from core.uncertainty import SCORES, score_case, score_slices

SEED = 2024
PLACES = (
    "beside two slices in a row with a finding",
    "beside a finding on one slice alone",
    "one slice farther away from a finding",
    "elsewhere",
)
"""Where an empty slice lies, nearest first."""


@dataclass(frozen=True, eq=False)
class Units:
    """Slices or studies: patient, risk 1 - Dice in [0, 1], nothing predicted, missed; (unit,) each.

    missed: nothing predicted although the reference holds something. confidence: (unit,) by key of SCORES,
    NaN where undefined.
    """

    patient: NDArray[np.str_]
    risk: Float64Array
    empty: BoolArray
    missed: BoolArray
    confidence: Mapping[str, Float64Array]


class Without(Frozen):
    """The normalised AURC without the one patient whose absence changes it most."""

    patient: str
    value: float


class Place(Frozen):
    """Empty slices at one of PLACES, and how many of them are misses."""

    slices: int
    missed: int


class PatientRow(Frozen):
    """One patient under the default: its slices alone, and its whole study.

    normalised_aurc: None when all slices have the same risk. study_risk: 1 - Dice of all slices together.
    """

    patient: str
    slices: int
    missed: int
    normalised_aurc: float | None
    study_risk: float
    study_confidence: float


class ScoreRow(Frozen):
    """One score over all units; None where it is undefined on some of them, or there is no interval.

    found_only: normalised AURC over the units with a prediction, which leaves out every missed lesion that
    matters; never to choose by. found_undefined: units with a prediction on which the score is undefined.
    """

    score: str
    undefined: int
    normalised_aurc: Estimate | None
    aurc: Estimate | None
    e_aurc: Estimate | None
    augrc: Estimate | None
    without: Without | None
    found_only: Estimate | None
    found_undefined: int


class Table(Frozen):
    """Every score on one set of units. perfect_*: normalised AURC of the default if the units with
    (found) or without (empty) a prediction were ranked by the reference: what is left to gain there."""

    units: int
    patients: int
    empty: int
    missed: int
    mean_risk: float
    oracle_aurc: float
    perfect_found: float | None
    perfect_empty: float | None
    rows: tuple[ScoreRow, ...]


def judge(studies: Iterable[JudgedStudy]) -> tuple[Units, Units]:
    """Slices and whole studies with all scores, through the product's own scoring."""
    slices: list[tuple[str, float, bool, bool, tuple[Score, ...]]] = []
    wholes: list[tuple[str, float, bool, bool, tuple[Score, ...]]] = []
    for each in studies:
        pred = each.mask_pred
        wholes.append((each.patient, *_facts(pred, each.mask_ref), score_case(each.reduced)))
        for mask_pred, mask_ref, scores in zip(pred, each.mask_ref, score_slices(each.reduced), strict=True):
            slices.append((each.patient, *_facts(mask_pred, mask_ref), scores))
    return _units(slices), _units(wholes)


def patient_rows(slices: Units, wholes: Units) -> tuple[PatientRow, ...]:
    """Each patient under the default score; both from the same `judge`."""
    default = SCORES[0].key
    rows = []
    for place, name in enumerate(wholes.patient):
        own = slices.patient == name
        rows.append(
            PatientRow(
                patient=str(name),
                slices=int(own.sum()),
                missed=int(slices.missed[own].sum()),
                normalised_aurc=normalised(slices.confidence[default][own], slices.risk[own]),
                study_risk=float(wholes.risk[place]),
                study_confidence=float(wholes.confidence[default][place]),
            )
        )
    return tuple(rows)


def places(studies: Iterable[JudgedStudy]) -> tuple[Place, ...]:
    """Empty slices and misses by where they lie, in the order of PLACES."""
    slices, missed = [0] * len(PLACES), [0] * len(PLACES)
    for each in studies:
        found: BoolArray = np.asarray(each.mask_pred.any(axis=(1, 2)))
        present: BoolArray = np.asarray(each.mask_ref.any(axis=(1, 2)))
        for index in np.flatnonzero(~found):
            place = _place(found, int(index))
            slices[place] += 1
            missed[place] += bool(present[index])
    return tuple(Place(slices=n, missed=m) for n, m in zip(slices, missed, strict=True))


def table(units: Units) -> Table:
    """All scores of these units, in the order of SCORES, with intervals over patients."""
    default = units.confidence[SCORES[0].key]
    whole = areas(default, units.risk)
    return Table(
        units=units.risk.size,
        patients=len(np.unique(units.patient)),
        empty=int(units.empty.sum()),
        missed=int(units.missed.sum()),
        mean_risk=whole.mean_risk,
        oracle_aurc=whole.oracle_aurc,
        perfect_found=normalised(np.where(units.empty, default, 1.0 - units.risk), units.risk),
        perfect_empty=normalised(np.where(units.empty, 1.0 - 3.0 * units.missed, default), units.risk),
        rows=tuple(_row(spec.key, units) for spec in SCORES),
    )


def normalised(confidence: Float64Array, risk: Float64Array) -> float | None:
    """(mean risk - AURC) / (mean risk - oracle AURC); None when all risks are equal."""
    return areas(confidence, risk).normalised_aurc


def estimated(confidence: Float64Array, units: Units) -> AreaEstimates:
    """The areas with intervals over patients; every score is drawn with the same patients."""
    return bootstrap_areas(confidence, units.risk, units.patient, seed=SEED)


def _place(found: BoolArray, index: int) -> int:
    sides = [found[index + 1 : index + 3], found[max(0, index - 2) : index][::-1]]
    if any(side.size == 2 and side.all() for side in sides):
        return 0
    if any(side.size and side[0] for side in sides):
        return 1
    return 2 if any(side.any() for side in sides) else 3


def _row(key: str, units: Units) -> ScoreRow:
    confidence = units.confidence[key]
    known = ~np.isnan(confidence)
    full = estimated(confidence, units) if known.all() else None
    found = ~units.empty & known
    part = (
        bootstrap_areas(confidence[found], units.risk[found], units.patient[found], seed=SEED)
        if np.count_nonzero(found)
        else None
    )
    return ScoreRow(
        score=key,
        undefined=int((~known).sum()),
        normalised_aurc=full["normalised_aurc"] if full else None,
        aurc=full["aurc"] if full else None,
        e_aurc=full["e_aurc"] if full else None,
        augrc=full["augrc"] if full else None,
        without=_without(confidence, units) if full else None,
        found_only=part["normalised_aurc"] if part else None,
        found_undefined=int((~units.empty & ~known).sum()),
    )


def _without(confidence: Float64Array, units: Units) -> Without | None:
    whole = normalised(confidence, units.risk)
    names = np.unique(units.patient)
    if whole is None or names.size < 3:
        return None
    values = {}
    for name in names:
        rest = units.patient != name
        value = normalised(confidence[rest], units.risk[rest])
        if value is not None:
            values[str(name)] = value
    name = max(values, key=lambda each: abs(values[each] - whole))
    return Without(patient=name, value=values[name])


def _facts(mask_pred: BoolArray, mask_ref: BoolArray) -> tuple[float, bool, bool]:
    empty = not bool(mask_pred.any())
    return 1.0 - dice(mask_pred, mask_ref), empty, empty and bool(mask_ref.any())


def _units(rows: list[tuple[str, float, bool, bool, tuple[Score, ...]]]) -> Units:
    patient, risk, empty, missed, scores = zip(*rows, strict=True)
    values = np.array([[np.nan if each.value is None else each.value for each in row] for row in scores])
    return Units(
        patient=np.array(patient),
        risk=np.array(risk, np.float64),
        empty=np.array(empty, np.bool_),
        missed=np.array(missed, np.bool_),
        confidence={spec.key: values[:, place] for place, spec in enumerate(SCORES)},
    )
