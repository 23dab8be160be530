"""The largest coverage whose risk is shown to lie below a target, although many thresholds are tried.

Candidates and their order come from the fitting half, the tests from the reporting half. Each chain starts
where enough patients are expected and goes on to lower thresholds while the test rejects; chains share the
allowed error. Source: Angelopoulos et al. 2021, "Learn then Test", arXiv:2110.01052, section on
fixed-sequence testing with several starts.
"""

from __future__ import annotations

import numpy as np

from core.config import Frozen
from core.metrics.selective.operating import BOUND_ASSUMPTIONS, Prepared
from core.metrics.selective.risk_bound import cases_needed, risk_p_value

CANDIDATES = 100
"""Thresholds that are tried, evenly spread over the coverage of the fitting half."""

STARTS = 3

ASSUMPTIONS = (
    BOUND_ASSUMPTIONS + " The guarantee holds for the threshold that comes out, whichever that is: with the "
    "stated confidence its risk is at most the target."
)


class Certified(Frozen):
    """threshold: accept from here; None when not possible, and `reason` says why.

    coverage, patient_risk: on the reporting half; patients: those with an accepted case there.
    patients_needed: fewest accepted patients that could show the target risk. level: chance, at least, that
    the risk is kept.
    """

    target_risk: float
    level: float
    threshold: float | None
    coverage: float | None = None
    patient_risk: float | None = None
    patients: int = 0
    patients_needed: int
    reason: str = ""
    assumptions: str = ASSUMPTIONS


def certified_threshold(prepared: Prepared, target_risk: float) -> Certified:
    """The lowest threshold shown to keep the patients' mean risk among accepted cases within the target.

    target_risk: in (0, 1). Raises ValueError outside.
    """
    if not 0.0 < target_risk < 1.0:
        raise ValueError(f"target risk {target_risk:g}; expected between 0 and 1")
    level = prepared.bound_level
    each = 1.0 - (1.0 - level) / STARTS
    needed = cases_needed(target_risk, each)
    base = {"target_risk": target_risk, "level": level, "threshold": None, "patients_needed": needed}
    candidates = _candidates(prepared, needed)
    if not candidates:
        found = prepared.report.groups
        reason = (
            f"not possible with so few cases: {found} patients to test on, of whom {needed} must be accepted"
        )
        return Certified.model_validate({**base, "reason": reason})
    passed = [
        threshold
        for start in range(STARTS)
        for threshold in _chain(prepared, candidates[start * len(candidates) // STARTS :], target_risk, each)
    ]
    if not passed:
        return Certified.model_validate({**base, "reason": "no threshold is shown to keep the target risk"})
    lowest = min(passed)
    index = prepared.report.accepting(lowest)
    assert index is not None
    return Certified.model_validate(
        {
            **base,
            "threshold": lowest,
            "coverage": float(prepared.report.curve.coverage[index]),
            "patient_risk": float(prepared.report.patient_risk[index]),
            "patients": int(prepared.report.patients[index]),
        }
    )


def _candidates(prepared: Prepared, needed: int) -> list[float]:
    """Thresholds of the fitting half, falling, from where it makes `needed` accepted patients likely."""
    fit, report = prepared.fit, prepared.report
    if fit is None:
        return []
    expected = fit.patients * (report.groups / fit.groups)
    enough = np.flatnonzero(expected >= needed)
    if not enough.size:
        return []
    picked = np.unique(np.linspace(enough[0], fit.curve.threshold.size - 1, CANDIDATES).round().astype(int))
    return [float(each) for each in fit.curve.threshold[picked]]


def _chain(prepared: Prepared, thresholds: list[float], target: float, level: float) -> list[float]:
    """The thresholds that one chain of tests passes on the reporting half."""
    report = prepared.report
    passed: list[float] = []
    for threshold in thresholds:
        index = report.accepting(threshold)
        if index is None:
            break
        mean, patients = float(report.patient_risk[index]), int(report.patients[index])
        if risk_p_value(mean, patients, target, binary=report.countable) > 1.0 - level:
            break
        passed.append(threshold)
    return passed
