"""Everything about risk and coverage of one table of units: curves, areas, an operating point, guarantees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import InputProblem, SettingsProblem
from core.metrics.reliability.histogram import LOWER
from core.metrics.selective.certified import Certified, certified_threshold
from core.metrics.selective.class_scores import with_confidence
from core.metrics.selective.conformal import MissRateControl, control_miss_rate, miss_curves
from core.metrics.selective.coverage_atoms import AREAS
from core.metrics.selective.coverage_bootstrap import REPLICATES, AreaEstimates, bootstrap_areas
from core.metrics.selective.operating import Answer, Prepared, Target, prepare
from core.metrics.selective.risk import Risks, risk_of
from core.metrics.selective.risk_coverage import Curve, risk_coverage, sensitivity_at_specificity
from core.types import (
    CALIBRATION_REGIONS,
    Estimate,
    Float64Array,
    Progress,
    RiskConventions,
    UnitTable,
)

DRAWN_POINTS = 500
"""Points of a curve that is drawn; the numbers always come from all of them."""

DEFAULT_TARGET: tuple[Target, float] = ("coverage", 0.8)
ALPHA = 0.1
TARGET_RISK = 0.1
"""Of the guarantees, where the caller names none."""

UNDEFINED_AREAS: Mapping[str, Estimate] = {name: Estimate(value=None) for name in AREAS}
ORACLE, RANDOM = "oracle", "random"


@dataclass(frozen=True, eq=False)
class DrawnCurve:
    """A curve thinned for drawing, coverage rising from 0; (point,) each. threshold: NaN at coverage 0."""

    coverage: Float64Array
    selective_risk: Float64Array
    generalised_risk: Float64Array
    threshold: Float64Array


@dataclass(frozen=True, eq=False)
class ScoreCoverage:
    """One confidence score. undefined: cases without a value; with any, curve is None and no area is given.

    areas: by name of AREAS, with intervals. sensitivity: share of failures flagged at 95 % specificity, None
    where the risk is not 0 or 1.
    """

    key: str
    undefined: int
    curve: DrawnCurve | None
    areas: Mapping[str, Estimate]
    sensitivity: float | None


@dataclass(frozen=True, eq=False)
class CoverageReport:
    """Risk and coverage of one table under its conventions; entries of `scores` by key, the default first.

    n, groups: units and patients that count. left_out: reason and number of units that do not.
    predicted_nothing: units of n with an empty prediction. comparison: the drawn curves of the best and of a
    random order. mean_risk, oracle_aurc: with intervals. operating: None when the default score is undefined.
    miss_rate: by class, empty for a table without histograms.
    """

    title: str
    conventions: RiskConventions
    risk_words: str
    n: int
    groups: int
    left_out: tuple[tuple[str, int], ...]
    predicted_nothing: int
    both_empty: int
    default: str
    scores: Mapping[str, ScoreCoverage]
    comparison: Mapping[str, DrawnCurve]
    mean_risk: Estimate
    oracle_aurc: Estimate
    operating: Answer | None
    certified: Certified | None
    miss_rate: Mapping[str, MissRateControl]
    seed: int
    replicates: int


def coverage_report(
    table: UnitTable,
    conventions: RiskConventions,
    scores: Sequence[str] | None = None,
    *,
    seed: int,
    replicates: int = REPLICATES,
    target: tuple[Target, float] = DEFAULT_TARGET,
    alpha: float = ALPHA,
    progress: Progress | None = None,
) -> CoverageReport:
    """The report; scores: keys of the table's confidences, None: all. target: of the operating point.

    alpha: miss rate that conformal risk control promises. Intervals draw patients; without replicates there
    are none, and curves come at once. progress: told before each score. Raises SettingsProblem for an unknown
    score, InputProblem when no unit counts, and ValueError for conventions of another level.
    """
    full = with_confidence(table)
    found = risk_of(full, conventions)
    keys = _keys(full, scores)
    if not found.keep.any():
        raise _nothing_left(full.title, found)
    risk = found.risk[found.keep]
    groups = np.asarray(full.group)[found.keep]
    ideal = bootstrap_areas(-risk, risk, groups, seed=seed, replicates=replicates)
    each = {}
    for place, key in enumerate(keys, 1):
        if progress is not None:
            progress(place / (len(keys) + 1), f"Score {place} of {len(keys)}")
        each[key] = _score(key, full.confidence[key][found.keep], risk, groups, ideal, seed)
    prepared = prepare_score(full, found, keys[0], seed=seed, replicates=replicates)
    return CoverageReport(
        title=full.title,
        conventions=conventions,
        risk_words=found.words,
        n=int(found.keep.sum()),
        groups=len(set(groups.tolist())),
        left_out=found.left_out,
        predicted_nothing=int((full.pred_empty & found.keep).sum()),
        both_empty=int((full.pred_empty & full.ref_empty & found.keep).sum()),
        default=keys[0],
        scores=each,
        comparison={ORACLE: _oracle(risk), RANDOM: _random(risk)},
        mean_risk=ideal["mean_risk"],
        oracle_aurc=ideal["oracle_aurc"],
        operating=_answer(prepared, target) if prepared else None,
        certified=_certified(prepared, target) if prepared else None,
        miss_rate=_miss_rates(full, found, alpha),
        seed=seed,
        replicates=replicates,
    )


def prepare_score(
    table: UnitTable, risks: Risks, score: str, *, seed: int, replicates: int = REPLICATES
) -> Prepared | None:
    """Tables that answer every move of the slider for one score; None when it is undefined anywhere."""
    confidence = table.confidence[score][risks.keep]
    if np.isnan(confidence).any():
        return None
    groups = [name for name, kept in zip(table.group, risks.keep, strict=True) if kept]
    return prepare(confidence, risks.risk[risks.keep], groups, seed=seed, replicates=replicates)


def _keys(table: UnitTable, scores: Sequence[str] | None) -> list[str]:
    """The wanted scores, the default first where it is among them."""
    wanted = list(table.confidence) if scores is None else list(dict.fromkeys(scores))
    unknown = [key for key in wanted if key not in table.confidence]
    if unknown or not wanted:
        raise SettingsProblem(
            "There is no such confidence score",
            found=", ".join(unknown) or "none",
            expected=f"any of {', '.join(table.confidence) or '(this table holds none)'}",
            fix="choose one of these",
        )
    return sorted(wanted, key=lambda key: key != table.default_confidence)


def _nothing_left(title: str, found: Risks) -> InputProblem:
    return InputProblem(
        "No case is left to judge",
        found="; ".join(f"{count} left out: {reason}" for reason, count in found.left_out),
        expected="at least one case with a reference that the conventions keep",
        fix="add references or choose other conventions",
        file=title,
    )


def _score(
    key: str,
    confidence: Float64Array,
    risk: Float64Array,
    groups: NDArray[np.generic],
    ideal: AreaEstimates,
    seed: int,
) -> ScoreCoverage:
    undefined = int(np.isnan(confidence).sum())
    if undefined:
        return ScoreCoverage(key, undefined, None, UNDEFINED_AREAS, None)
    curve = risk_coverage(confidence, risk)
    areas = bootstrap_areas(
        confidence, risk, groups, seed=seed, replicates=ideal.replicates, oracle_draws=ideal.oracle_draws
    )
    binary = areas.values.failure_auroc is not None
    sensitivity = sensitivity_at_specificity(curve) if binary else None
    return ScoreCoverage(key, 0, _drawn(curve), areas.intervals, sensitivity)


def _drawn(curve: Curve) -> DrawnCurve:
    """At most DRAWN_POINTS points, evenly spread over the coverage, with the first and the last."""
    wanted = np.linspace(curve.accepted[0], curve.n, DRAWN_POINTS - 1)
    picked = np.unique(np.minimum(np.searchsorted(curve.accepted, wanted), curve.accepted.size - 1))
    selective = curve.selective_risk[picked]
    return DrawnCurve(
        coverage=np.append(0.0, curve.coverage[picked]),
        selective_risk=np.append(selective[0], selective),
        generalised_risk=np.append(0.0, curve.generalised_risk[picked]),
        threshold=np.append(np.nan, curve.threshold[picked]),
    )


def _oracle(risk: Float64Array) -> DrawnCurve:
    """One step per case in the order of the risk itself, which no score can see."""
    ranked = np.sort(risk)
    n = risk.size
    return _drawn(Curve(-np.arange(n, dtype=np.float64), np.arange(1, n + 1), np.cumsum(ranked)))


def _random(risk: Float64Array) -> DrawnCurve:
    mean = float(risk.mean())
    return DrawnCurve(
        coverage=np.array([0.0, 1.0]),
        selective_risk=np.array([mean, mean]),
        generalised_risk=np.array([0.0, mean]),
        threshold=np.full(2, np.nan),
    )


def _answer(prepared: Prepared, target: tuple[Target, float]) -> Answer:
    kind, value = target
    if kind == "risk":
        return prepared.at_risk(value)
    return prepared.at_coverage(value) if kind == "coverage" else prepared.at_threshold(value)


def _certified(prepared: Prepared, target: tuple[Target, float]) -> Certified:
    kind, value = target
    return certified_threshold(prepared, value if kind == "risk" and 0.0 < value < 1.0 else TARGET_RISK)


def _miss_rates(table: UnitTable, risks: Risks, alpha: float) -> dict[str, MissRateControl]:
    """Per class; every unit with a reference counts, whatever the convention on empty masks."""
    if table.histograms is None:
        return {}
    image = CALIBRATION_REGIONS.index("image")
    groups = [name for name, known in zip(table.group, table.has_ref, strict=True) if known]
    return {
        name: control_miss_rate(
            miss_curves(table.histograms[table.has_ref, image, index], LOWER), alpha, groups
        )
        for index, name in enumerate(table.class_names)
    }
