"""Do the reported means and SDs follow from the folds? Which folds stand out?"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from core.audit.codes import finding
from core.audit.facts import Facts
from core.audit.records import Finding, ReportedSummary, ScoreSummary, ScoreValue, Study
from core.audit.scores import SCORES, auc_error, matrix_scores, score_spec
from core.metrics.reliability.calibration import wilson

FALSE_ALARM = 0.01
"""Chance that any fold of a study is named although all are alike."""
SMALLEST_DISTANCE = 0.05
"""A fold that differs by less does not stand out, however sure that is."""


def summary_rows(study: Study, facts: tuple[Facts, ...]) -> tuple[ScoreSummary, ...]:
    """Mean, SD (both divisors), range and interval of every score that all folds have."""
    from scipy.stats import t

    rows = []
    for spec in SCORES:
        values = [value for each in facts if (value := each.value(spec.key)) is not None]
        if not values or len(values) < len(facts):
            continue
        k, mean = len(values), float(np.mean(values))
        sd = float(np.std(values, ddof=1)) if k > 1 else None
        half = float(t.ppf(0.975, k - 1)) * sd / math.sqrt(k) if sd is not None else None
        said = next((each for each in study.summary if each.key == spec.key), ReportedSummary(key=spec.key))
        rows.append(
            ScoreSummary(
                key=spec.key,
                label=spec.label,
                folds=k,
                mean=mean,
                sd=sd,
                sd_n=float(np.std(values)) if k > 1 else None,
                minimum=min(values),
                maximum=max(values),
                low=None if half is None else max(0.0, mean - half),
                high=None if half is None else min(1.0, mean + half),
                reported_mean=said.mean.value if said.mean else None,
                reported_sd=said.sd.value if said.sd else None,
            )
        )
    return tuple(rows)


def summary_findings(study: Study, facts: tuple[Facts, ...]) -> Iterator[Finding]:
    """Reported mean and SD against the folds, either divisor, within rounding."""
    for said in study.summary:
        figures = [figure for each in facts if (figure := each.fold.score(said.key)) is not None]
        values = [each.value for each in figures]
        slack = float(np.mean([each.half for each in figures])) if figures else 0.0
        if not figures and said.key in (computed := facts[0].computed):
            values = [each.computed[said.key] for each in facts if said.key in computed]
        if len(values) < len(facts) or len(values) < 2:
            continue
        yield from _mean(said, values, slack, study, facts)
        yield from _sd(said, values, slack)


def _mean(
    said: ReportedSummary, values: list[float], slack: float, study: Study, facts: tuple[Facts, ...]
) -> Iterator[Finding]:
    mean, label = float(np.mean(values)), score_spec(said.key).label
    if said.mean is None or said.mean.fits(mean, slack):
        return
    pooled = _pooled(said.key, values, study, facts)
    if pooled is not None and said.mean.fits(pooled, slack):
        evidence = (
            f"The mean of the folds is {mean:.4f}; the reported {said.mean.value:g} is that of all cases."
        )
        yield finding("mean-is-pooled", f"summary, {label}", evidence)
        return
    evidence = f"The mean of the {len(values)} folds is {mean:.4f}, reported is {_shown(said.mean.value)}."
    yield finding("mean-not-from-folds", f"summary, {label}", evidence)


def _pooled(key: str, values: list[float], study: Study, facts: tuple[Facts, ...]) -> float | None:
    """The score of the summed matrices, or for accuracy of the summed cases."""
    matrices = [each.confusion for each in facts]
    if all(each is not None for each in matrices):
        summed = np.sum([np.asarray(each) for each in matrices], axis=0).tolist()
        scores = matrix_scores(summed, study.positive)
        if key != "accuracy":
            return scores.get(f"f1_{study.f1}" if key == "f1" else key)
    sizes = [each.cases for each in facts]
    if key != "accuracy" or any(each is None for each in sizes):
        return None
    return float(np.average(values, weights=np.array(sizes, np.float64)))


def _sd(said: ReportedSummary, values: list[float], slack: float) -> Iterator[Finding]:
    if said.sd is None:
        return
    k = len(values)
    with_n, with_less = float(np.std(values)), float(np.std(values, ddof=1))
    # Rounding moves k values by at most slack * sqrt(k), and their SD by no more than that / sqrt(k-1).
    room = slack * math.sqrt(k / (k - 1))
    if said.sd.fits(with_n, room) or said.sd.fits(with_less, room):
        return
    also = ""
    if said.sd.fits(with_less / math.sqrt(k), room):
        also = " It is the standard error of the mean, not the SD."
    evidence = (
        f"The SD of the {k} folds is {with_n:.4f} (divisor n) or {with_less:.4f} (divisor n-1), reported is "
        f"{_shown(said.sd.value)}.{also}"
    )
    yield finding("sd-not-from-folds", f"summary, {score_spec(said.key).label}", evidence)


def outlier_findings(study: Study, facts: tuple[Facts, ...]) -> Iterator[Finding]:
    """Folds whose accuracy or AUC differs from that of the others by more than their sizes explain."""
    if len(facts) < 3 or any(each.counts is None for each in facts):
        return
    level = FALSE_ALARM / (2 * len(facts))
    for each in facts:
        others = [other for other in facts if other is not each]
        said = [*_accuracy_apart(each, others, level), *_auc_apart(study, each, others, level)]
        if said:
            yield finding("fold-stands-out", each.where, " ".join(said), [each.name])


def _accuracy_apart(each: Facts, others: list[Facts], level: float) -> Iterator[str]:
    from scipy.stats import fisher_exact

    if any(fold.value("accuracy") is None for fold in (each, *others)):
        return
    right = {
        fold.name: round((fold.value("accuracy") or 0.0) * (fold.cases or 0)) for fold in (each, *others)
    }
    own, rest = (right[each.name], each.cases or 0), (
        sum(right[fold.name] for fold in others), sum(fold.cases or 0 for fold in others)
    )  # fmt: skip
    if min(own[1], rest[1]) == 0:
        return
    apart = own[0] / own[1] - rest[0] / rest[1]
    chance = float(fisher_exact([[own[0], own[1] - own[0]], [rest[0], rest[1] - rest[0]]]).pvalue)
    if chance < level and abs(apart) >= SMALLEST_DISTANCE:
        yield (
            f"Accuracy {own[0] / own[1]:.4f} against {rest[0] / rest[1]:.4f} in the other folds "
            f"(Fisher's exact test, p = {chance:.1g})."
        )


def _auc_apart(study: Study, each: Facts, others: list[Facts], level: float) -> Iterator[str]:
    from scipy.stats import norm

    values = [fold.value("auc") for fold in (each, *others)]
    if len(study.classes) != 2 or any(value is None for value in values):
        return
    if any(min(fold.counts or (0,)) == 0 for fold in (each, *others)):
        return
    rest = float(np.mean([value or 0.0 for value in values[1:]]))
    # A fold with an AUC of 1 would have no error at all: the larger of its own and that of the others' AUC.
    own = max(_error(study, each, values[0] or 0.0), _error(study, each, rest))
    errors = [_error(study, fold, rest) for fold in others]
    error = math.hypot(own, math.sqrt(sum(e**2 for e in errors)) / len(others))
    apart = (values[0] or 0.0) - rest
    if error > 0 and abs(apart) / error > norm.isf(level / 2) and abs(apart) >= SMALLEST_DISTANCE:
        yield (
            f"AUC {values[0]:.4f} against {rest:.4f} in the other folds "
            f"({abs(apart) / error:.1f} standard errors)."
        )


def _error(study: Study, facts: Facts, auc: float) -> float:
    assert facts.counts is not None
    return auc_error(auc, facts.counts[study.positive], facts.counts[1 - study.positive])


def score_values(study: Study, facts: Facts) -> tuple[ScoreValue, ...]:
    """Every score of a fold with its 95 % interval where one can be said.

    Wilson for shares of cases, Hanley and McNeil for the AUC.
    """
    found = []
    for spec in SCORES:
        value = facts.value(spec.key)
        if value is None:
            continue
        low, high = _interval(study, facts, spec.key, value)
        reported = facts.fold.score(spec.key) is not None
        found.append(
            ScoreValue(key=spec.key, label=spec.label, value=value, low=low, high=high, reported=reported)
        )
    return tuple(found)


def _interval(study: Study, facts: Facts, key: str, value: float) -> tuple[float | None, float | None]:
    if facts.counts is None or not sum(facts.counts):
        return None, None
    two = len(facts.counts) == 2 and min(facts.counts) > 0
    if key == "auc" and two:
        positives, negatives = facts.counts[study.positive], facts.counts[1 - study.positive]
        half = 1.96 * auc_error(value, positives, negatives)
        return max(0.0, value - half), min(1.0, value + half)
    sizes = {"accuracy": sum(facts.counts)}
    if two:
        sizes |= {
            "sensitivity": facts.counts[study.positive],
            "specificity": facts.counts[1 - study.positive],
        }
    if key not in sizes:
        return None, None
    low, high = wilson(np.array(value * sizes[key]), np.array(float(sizes[key])))
    return float(low), float(high)


def _shown(value: float) -> str:
    return f"{value:.4f}"
