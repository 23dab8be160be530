"""mlscorecheck: are the scores of a fold, and the means over folds, possible at all?

Mean of fold scores and score of summed counts are different tests. The uncertainty is one unit of the last
reported place, so that numbers that were cut instead of rounded pass. Source: Fazekas and Kovács 2024,
doi:10.1016/j.knosys.2024.111895 (mlscorecheck).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from core.audit.checks.matrix import solutions
from core.audit.codes import finding
from core.audit.facts import Facts
from core.audit.records import SMALLEST_TOLERANCE, Figure, Finding, Study
from core.audit.scores import SCORES, score_spec

MOST_CASES = 20_000
"""Of one fold; larger ones are not tested: every score is possible there."""
SECONDS = 5
LINEAR = ("accuracy", "balanced_accuracy", "sensitivity", "specificity")
"""Scores whose mean over folds is linear in the counts; mlscorecheck tests the mean of no other."""


def together_findings(study: Study, facts: tuple[Facts, ...]) -> Iterator[Finding]:
    """Scores of two classes that no confusion matrix has."""
    if len(study.classes) != 2:
        return
    for each in facts:
        figures = _figures(study, each)
        if len(figures) > 1 and _testable(study, each) and not possible_together(study, each, figures):
            said = ", ".join(f"{score_spec(key).label} {figure.value:g}" for key, figure in figures.items())
            yield finding("scores-impossible", each.where, _words(study, each, said), [each.name])
        elif solutions(study, each) == {} and each.fold.score("accuracy") is not None:
            figure = each.fold.score("f1")
            said = "an F1 of any variant" if figure is None else f"F1 {figure.value:g} of any variant"
            yield finding("scores-impossible", each.where, _words(study, each, f"{said} beside the other "
                                                                               f"scores"),
                          [each.name])  # fmt: skip


def mean_findings(study: Study, facts: tuple[Facts, ...]) -> Iterator[Finding]:
    """Reported means that no folds of these sizes have, neither as mean of scores nor as score of sums."""
    if len(study.classes) != 2 or not all(_testable(study, each) for each in facts):
        return
    figures = {each.key: each.mean for each in study.summary if each.key in LINEAR and each.mean is not None}
    for key, figure in figures.items():
        if len(facts) > 1 and not _possible_mean(study, facts, {key: figure}):
            folds = f"{len(facts)} folds of {_sizes(study, facts)} cases"
            said = (
                f"A mean {score_spec(key).label} of {figure.value:g} cannot come from {folds}: neither as "
                f"the mean "
                "of the fold scores nor as the score of the summed counts (mlscorecheck)."
            )
            yield finding("mean-impossible", f"summary, {score_spec(key).label}", said)


def possible_together(study: Study, facts: Facts, figures: dict[str, Figure]) -> bool:
    """Whether a confusion matrix of the fold's counts has these scores."""
    assert facts.counts is not None
    check = _library()
    found = check.check_1_testset_no_kfold(
        testset={"p": facts.counts[study.positive], "n": facts.counts[1 - study.positive]},
        scores={score_spec(key).consistency: figure.value for key, figure in figures.items()},
        eps=_uncertainty(figures),
    )
    return not found["inconsistency"]


def _possible_mean(study: Study, facts: tuple[Facts, ...], figures: dict[str, Figure]) -> bool:
    check = _library()
    sizes = [
        {"p": each.counts[study.positive], "n": each.counts[1 - study.positive]}
        for each in facts
        if each.counts
    ]
    scores = {score_spec(key).consistency: figure.value for key, figure in figures.items()}
    whole = {side: sum(each[side] for each in sizes) for side in ("p", "n")}
    of_scores = check.check_1_dataset_known_folds_mos(
        dataset=whole, folding={"folds": sizes}, scores=scores, eps=_uncertainty(figures), timeout=SECONDS,
        verbosity=0,
    )  # fmt: skip
    if not of_scores["inconsistency"]:
        return True
    of_sums = check.check_1_testset_no_kfold(testset=whole, scores=scores, eps=_uncertainty(figures))
    return not of_sums["inconsistency"]


def _figures(study: Study, facts: Facts) -> dict[str, Figure]:
    known = {spec.key for spec in SCORES if spec.consistency}
    found = {each.key: each.figure for each in facts.fold.scores if each.key in known}
    figure = facts.fold.score("f1")
    if figure and study.f1 == "binary":
        found["f1_binary"] = figure
    return found


def _testable(study: Study, facts: Facts) -> bool:
    return facts.counts is not None and min(facts.counts) > 0 and sum(facts.counts) <= MOST_CASES


def _uncertainty(figures: dict[str, Figure]) -> dict[str, float] | float:
    return max(max(each.unit, 2 * SMALLEST_TOLERANCE) for each in figures.values())


def _words(study: Study, facts: Facts, said: str) -> str:
    assert facts.counts is not None
    cases = ", ".join(f"{n} {name}" for n, name in zip(facts.counts, study.class_words, strict=True))
    return f"Among {cases}, no confusion matrix has {said}."


def _sizes(study: Study, facts: tuple[Facts, ...]) -> str:
    sizes = sorted({each.cases for each in facts if each.cases})
    return " or ".join(map(str, sizes))


def _library() -> Any:
    from mlscorecheck.check import binary

    # It writes every step of its proof to the log.
    logging.getLogger("mlscorecheck").setLevel(logging.ERROR)
    return binary
