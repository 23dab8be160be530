"""Can these figures of a fold be true together? Matrix, counts, grids, F1 variants."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from core.audit.codes import finding
from core.audit.facts import Facts
from core.audit.records import Figure, Finding, Study
from core.audit.scores import F1_VARIANTS, SCORES, f1_table, matrix_scores, score_spec

KEYS = [each.key for each in SCORES]
MOST_SIZES = 3
"""Sizes of folds that are named in one sentence."""
LARGEST_TABLE = 250_000
"""Pairs of true positives and negatives that are enumerated at most."""


def matrix_findings(study: Study, facts: tuple[Facts, ...]) -> Iterator[Finding]:
    """Reported counts and scores against the reported matrix."""
    for each in facts:
        if each.fold.confusion is None:
            continue
        totals = tuple(sum(row) for row in each.fold.confusion)
        if each.fold.counts and totals != each.fold.counts:
            said = (
                f"The rows of the matrix hold {_list(totals)} cases, the counts say "
                f"{_list(each.fold.counts)}."
            )
            yield finding("matrix-counts", each.where, said, [each.name])
        yield from _against_matrix(study, each)


def _against_matrix(study: Study, facts: Facts) -> Iterator[Finding]:
    matrix = facts.fold.confusion
    assert matrix is not None
    of_matrix = matrix_scores(matrix, study.positive)
    right, total = sum(matrix[k][k] for k in range(len(matrix))), sum(map(sum, matrix))
    for named in sorted(facts.fold.scores, key=lambda each: KEYS.index(each.key)):
        key, figure = named.key, named.figure
        if key == "f1":
            variants = [study.f1] if study.f1 else list(F1_VARIANTS)
            fits = [v for v in variants if f"f1_{v}" in of_matrix and figure.fits(of_matrix[f"f1_{v}"])]
            if not fits:
                given = ", ".join(
                    f"{v} {of_matrix[f'f1_{v}']:.4f}" for v in F1_VARIANTS if f"f1_{v}" in of_matrix
                )
                said = (
                    f"F1 is reported as {_text(figure)}; the matrix gives "
                    f"{given}.{_other_matrix(study, facts)}"
                )
                yield finding("f1-matrix", facts.where, said, [facts.name])
        elif key in of_matrix and not figure.fits(of_matrix[key]):
            code = {"accuracy": "accuracy-matrix"}.get(
                key, "f1-matrix" if key.startswith("f1_") else "score-matrix"
            )
            how = f"{right} of {total} right" if key == "accuracy" else "what it gives"
            label = score_spec(key).label
            said = (
                f"{label[:1].upper()}{label[1:]} is reported as {_text(figure)}; the matrix has {how}, "
                f"{of_matrix[key]:.4f}."
            )
            where = facts.where if key == "accuracy" else f"{facts.where}, {label}"
            yield finding(code, where, said, [facts.name])


def _other_matrix(study: Study, facts: Facts) -> str:
    """The matrix that accuracy and F1 together mean, where there is exactly one."""
    found = solutions(study, facts)
    if found is None or len(found) != 1:
        return ""
    ((variant, pairs),) = found.items()
    if len(pairs) != 1 or facts.counts is None:
        return ""
    tp, tn = pairs[0]
    positive, negative = facts.counts[study.positive], facts.counts[1 - study.positive]
    names = study.class_words[study.positive], study.class_words[1 - study.positive]
    return (
        f" As {variant} F1, the reported scores together mean another matrix: {tp} of {positive} "
        f"{names[0]} and "
        f"{tn} of {negative} {names[1]} right."
    )


def grid_findings(study: Study, facts: tuple[Facts, ...]) -> Iterator[Finding]:
    """Accuracy against k/n, AUC against the multiples of 1/(2 P N)."""
    for each in facts:
        accuracy, auc = each.fold.score("accuracy"), each.fold.score("auc")
        if accuracy and each.cases and not on_grid(accuracy, each.cases):
            near = round(accuracy.value * each.cases)
            said = (
                f"{_text(accuracy)} of {each.cases} cases is {accuracy.value * each.cases:.2f} right "
                f"answers; "
                f"{near} would be {near / each.cases:.4f}."
            )
            yield finding("accuracy-grid", each.where, said, [each.name])
        if auc and each.counts and len(each.counts) == 2 and min(each.counts) > 0:
            pairs = each.counts[0] * each.counts[1]
            if not on_grid(auc, 2 * pairs):
                said = (
                    f"{_text(auc)} is no multiple of 1/{pairs} ({each.counts[0]} x {each.counts[1]} "
                    f"pairs), nor "
                    "of half of it, which ties allow."
                )
                yield finding("auc-grid", each.where, said, [each.name])


def grids_that_hold(facts: tuple[Facts, ...]) -> Iterator[str]:
    """Which scores are multiples of what they must be multiples of, in every fold that gives them.

    Only where a wrong figure would have been told: the steps are wider than the rounding.
    """
    for label, figures in (("accuracy", list(_accuracies(facts))), ("AUC", list(_areas(facts)))):
        if figures and all(
            on_grid(figure, steps) and 2.0 * figure.half * steps < 1.0 for figure, steps in figures
        ):
            sizes = sorted({steps for _, steps in figures})
            shares = " or ".join(f"1/{steps}" for steps in sizes[:MOST_SIZES])
            more = f" or of {len(sizes) - MOST_SIZES} other sizes" if len(sizes) > MOST_SIZES else ""
            yield f"Every reported {label} ({len(figures)}) is a multiple of {shares}{more}, as it must be."


def _accuracies(facts: tuple[Facts, ...]) -> Iterator[tuple[Figure, int]]:
    """Reported accuracies with the number of cases that each is a share of."""
    for each in facts:
        if (accuracy := each.fold.score("accuracy")) and each.cases:
            yield accuracy, each.cases


def _areas(facts: tuple[Facts, ...]) -> Iterator[tuple[Figure, int]]:
    """Reported AUCs of two classes with the number of pairs that each is a share of."""
    for each in facts:
        auc = each.fold.score("auc")
        if auc and each.counts and len(each.counts) == 2 and min(each.counts) > 0:
            yield auc, each.counts[0] * each.counts[1]


def on_grid(figure: Figure, steps: int) -> bool:
    """Whether some k/steps, k a whole number, may be written as `figure`.

    >>> on_grid(Figure(value=0.7895, unit=1e-4), 57), on_grid(Figure(value=0.7890, unit=1e-4), 57)
    (True, False)
    """
    low, high = (figure.value - figure.half) * steps, (figure.value + figure.half) * steps
    return math.floor(high) >= math.ceil(low) and high >= 0.0 and low <= steps


def solutions(study: Study, facts: Facts) -> dict[str, list[tuple[int, int]]] | None:
    """Pairs (tp, tn) that fit every reported score of two classes, for each variant of F1 that fits at all.

    None where there is no F1 of an unstated kind, no counts, or too many pairs to enumerate.
    """
    figure = facts.fold.score("f1")
    if figure is None or facts.counts is None or len(facts.counts) != 2 or min(facts.counts) == 0:
        return None
    positives, negatives = facts.counts[study.positive], facts.counts[1 - study.positive]
    if (positives + 1) * (negatives + 1) > LARGEST_TABLE:
        return None
    table = f1_table(positives, negatives)
    fits = np.ones((positives + 1, negatives + 1), np.bool_)
    for named in facts.fold.scores:
        if named.key in table:
            fits &= np.abs(table[named.key] - named.figure.value) <= named.figure.half
    found: dict[str, list[tuple[int, int]]] = {}
    for variant in F1_VARIANTS:
        both = fits & (np.abs(table[f"f1_{variant}"] - figure.value) <= figure.half)
        if both.any():
            found[variant] = [(int(tp), int(tn)) for tp, tn in np.argwhere(both)]
    return found


def f1_fits(study: Study, facts: Facts) -> tuple[str, ...]:
    """Variants of F1 that the reported F1 may be, beside the other reported scores."""
    return tuple(solutions(study, facts) or ())


def f1_findings(study: Study, facts: tuple[Facts, ...]) -> Iterator[Finding]:
    """Is the F1 what it is said to be, and the same in every fold?"""
    fitting = {each.name: found for each in facts if (found := f1_fits(study, each))}
    if not fitting:
        return
    if study.f1:
        for name, found in fitting.items():
            if study.f1 not in found:
                said = (
                    f"It is said to be {study.f1} F1; beside the other scores it can only be "
                    f"{' or '.join(found)}."
                )
                yield finding("f1-variant", f"fold {name}", said, [name])
        return
    common = set.intersection(*(set(each) for each in fitting.values()))
    if not common:
        said = "; ".join(f"fold {name}: {' or '.join(found)}" for name, found in fitting.items())
        yield finding("f1-variant", "study", f"No variant of F1 fits every fold. {said}.", list(fitting))


def _text(figure: Figure) -> str:
    places = max(0, min(6, round(-math.log10(figure.unit)))) if figure.unit > 0 else 6
    return f"{figure.value:.{places}f}"


def _list(counts: tuple[int, ...]) -> str:
    return " + ".join(map(str, counts))
