"""Operating points: a threshold chosen on one half of the patients, what it buys told on the other half.

Prepared once per score, answered at every move of a slider: what an answer needs is looked up in cumulative
tables. Intervals hold the threshold fixed and draw patients of the reporting half with replacement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from core.config import Frozen
from core.metrics.halves import split_halves
from core.metrics.selective.coverage_bootstrap import REPLICATES
from core.metrics.selective.operating_tables import Band, Half, band_of, half_of, interval_at
from core.metrics.selective.risk_bound import cases_needed, mean_risk_bound
from core.metrics.selective.risk_coverage import checked, index_at_coverage
from core.types import Estimate, OperatingPoint, RiskConventions

Target = Literal["risk", "coverage", "threshold"]

BOUND_ASSUMPTIONS = (
    "The patients of the reporting half and those to come are drawn alike and independently; the threshold "
    "was chosen on other patients. It bounds the risk of a patient's accepted cases, averaged over patients "
    "that have one, and says nothing about other hospitals, scanners or degraded pictures."
)


class Answer(Frozen):
    """What a threshold buys. On the reporting half unless `fit_` says otherwise; None where undefined.

    threshold: cases with a lower confidence are reviewed; None when no threshold meets the target, and
    `reason` says so. coverage: share accepted. review: cases to review, of `n_report`. selective_risk: mean
    risk of the accepted. undetected: expected failures (risk) among accepted cases, per 100 cases;
    undetected_total: the same among the `n_report` cases. bound: upper confidence bound, at `bound_level`, of
    the patients' mean risk among accepted cases. bound_meets_target: whether it lies within the
    target risk, None without one; `bound_note` says what stands in the way, `patients_needed` how many
    accepted patients could do.
    """

    target: Target
    target_value: float
    threshold: float | None
    reason: str = ""
    fit_coverage: float | None = None
    fit_risk: float | None = None
    coverage: Estimate = Estimate(value=None)
    review: Estimate = Estimate(value=None)
    selective_risk: Estimate = Estimate(value=None)
    undetected: Estimate = Estimate(value=None)
    undetected_total: Estimate = Estimate(value=None)
    bound: float | None = None
    bound_level: float
    bound_note: str = ""
    bound_meets_target: bool | None = None
    patients_needed: int | None = None
    patients_accepted: int = 0
    n_fit: int
    n_report: int
    groups_fit: int
    groups_report: int


@dataclass(frozen=True, eq=False)
class Prepared:
    """Tables that answer every question about thresholds of one score. fit None: too few patients."""

    fit: Half | None
    report: Half
    band: Band | None
    bound_level: float

    def at_risk(self, risk: float) -> Answer:
        """The largest coverage whose selective risk on the fitting half is at most `risk`."""
        if self.fit is None:
            return self._none("risk", risk, "at least two patients are needed to choose on one half")
        index = self.fit.within(risk)
        if index is None:
            return self._none("risk", risk, "no threshold keeps the risk that low on the fitting half")
        return self._answer("risk", risk, float(self.fit.curve.threshold[index]))

    def at_coverage(self, coverage: float) -> Answer:
        """The highest threshold that accepts at least this share of the fitting half."""
        if self.fit is None:
            return self._none("coverage", coverage, "at least two patients are needed to choose on one half")
        index = index_at_coverage(self.fit.curve, coverage)
        return self._answer("coverage", coverage, float(self.fit.curve.threshold[index]))

    def at_threshold(self, threshold: float) -> Answer:
        """What a threshold buys that was chosen elsewhere."""
        return self._answer("threshold", threshold, threshold)

    def _none(self, target: Target, value: float, reason: str) -> Answer:
        return Answer(target=target, target_value=value, threshold=None, reason=reason, **self._sizes())

    def _sizes(self) -> dict[str, float]:
        return {
            "bound_level": self.bound_level,
            "n_fit": self.fit.curve.n if self.fit else 0,
            "n_report": self.report.curve.n,
            "groups_fit": self.fit.groups if self.fit else 0,
            "groups_report": self.report.groups,
        }

    def _answer(self, target: Target, value: float, threshold: float) -> Answer:
        index = self.report.accepting(threshold)
        reached = self.fit.accepting(threshold) if self.fit else None
        fitted = self.fit.curve.point(reached) if self.fit and reached is not None else None
        return Answer(
            target=target,
            target_value=value,
            threshold=threshold,
            fit_coverage=fitted.coverage if fitted else (0.0 if self.fit else None),
            fit_risk=fitted.selective_risk if fitted else None,
            **(self._nothing_accepted() if index is None else self._reported(index)),
            **(self._bound(index, value if target == "risk" else None)),
            **self._sizes(),
        )

    def _nothing_accepted(self) -> dict[str, Estimate]:
        none = Estimate(value=0.0)
        everything = Estimate(value=float(self.report.curve.n))
        return {"coverage": none, "review": everything, "undetected": none, "undetected_total": none}

    def _reported(self, index: int) -> dict[str, Estimate]:
        at, n = self.report.curve.point(index), self.report.curve.n
        risk, left = at.selective_risk, at.generalised_risk
        if self.band is None:
            alone = {"coverage": at.coverage, "review": float(n - at.accepted), "selective_risk": risk}
            alone |= {"undetected": 100.0 * left, "undetected_total": n * left}
            return {name: Estimate(value=each) for name, each in alone.items()}
        place = self.band.place(at.accepted)
        low, high = interval_at(self.band.coverage, place, at.coverage)
        risk_low, risk_high = interval_at(self.band.selective_risk, place, risk)
        left_low, left_high = interval_at(self.band.generalised_risk, place, left)
        return {
            "coverage": Estimate(value=at.coverage, low=low, high=high),
            "review": Estimate(value=float(n - at.accepted), low=n * (1.0 - high), high=n * (1.0 - low)),
            "selective_risk": Estimate(value=risk, low=risk_low, high=risk_high),
            "undetected": Estimate(value=100.0 * left, low=100.0 * left_low, high=100.0 * left_high),
            "undetected_total": Estimate(value=n * left, low=n * left_low, high=n * left_high),
        }

    def _bound(self, index: int | None, target: float | None) -> dict[str, object]:
        needed = cases_needed(target, self.bound_level) if target is not None and 0 < target < 1 else None
        if index is None:
            return {"bound_note": "no case of the reporting half is accepted", "patients_needed": needed}
        half, patients = self.report, int(self.report.patients[index])
        bound = mean_risk_bound(
            float(half.patient_risk[index]), patients, confidence=self.bound_level, binary=half.countable
        )
        note = ""
        if needed is not None and patients < needed:
            note = (
                f"not possible with so few cases: {patients} patients are accepted, and {needed} without any "
                "failure would be needed to show the target risk"
            )
        elif target is not None and bound > target:
            note = "the failures among accepted cases do not let the target risk be shown"
        return {
            "bound": bound if bound < 1.0 else None,
            "bound_note": note,
            "bound_meets_target": None if target is None else bound <= target,
            "patients_needed": needed,
            "patients_accepted": patients,
        }


def prepare(
    confidence: ArrayLike,
    risk: ArrayLike,
    groups: Sequence[str],
    *,
    seed: int,
    replicates: int = REPLICATES,
    level: float = 0.95,
    bound_level: float = 0.95,
) -> Prepared:
    """Tables for one score: (unit,) confidence and risk in [0, 1], and the patient of each case.

    level: of the intervals; bound_level: chance, at least, that an upper bound holds. Same arguments, same
    answers. Raises ValueError as `risk_coverage`.
    """
    conf, cost = checked(confidence, risk)
    names = np.asarray(groups)
    fitted = split_halves([str(each) for each in groups], seed)
    report = half_of(conf[~fitted], cost[~fitted], names[~fitted])
    return Prepared(
        fit=half_of(conf[fitted], cost[fitted], names[fitted]) if fitted.any() else None,
        report=report,
        band=band_of(conf[~fitted], cost[~fitted], names[~fitted], seed, replicates, level),
        bound_level=bound_level,
    )


def operating_point(
    answer: Answer,
    *,
    name: str,
    score: str,
    conventions: RiskConventions,
    cohort_name: str,
    cohort_id: str | None = None,
    run_id: str | None = None,
    model_id: str | None = None,
    estimator: str | None = None,
) -> OperatingPoint:
    """An answer as a point that can be saved; id, version and time are filled in when it is.

    Raises ValueError when the answer holds no threshold, or one that was not chosen by a target.
    """
    if answer.threshold is None or answer.target == "threshold":
        raise ValueError("only a threshold that meets a target risk or coverage is an operating point")
    return OperatingPoint(
        id="",
        name=name,
        version=1,
        run_id=run_id,
        cohort_id=cohort_id,
        cohort_name=cohort_name,
        model_id=model_id,
        estimator=estimator,
        score=score,
        threshold=answer.threshold,
        target=answer.target,
        target_value=answer.target_value,
        conventions=conventions,
        coverage=answer.coverage,
        selective_risk=answer.selective_risk,
        undetected=answer.undetected,
        bound=answer.bound,
        bound_level=answer.bound_level if answer.bound is not None else None,
        n_fit=answer.n_fit,
        n_report=answer.n_report,
        groups_fit=answer.groups_fit,
        groups_report=answer.groups_report,
    )
