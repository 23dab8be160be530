"""Several readings of one training to one study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from core.audit.reading.problem import refused
from core.audit.reading.reported import MOST_FOLDS
from core.audit.records import CaseTable, Fold, Study


def together(parts: Sequence[Study]) -> Study:
    """One study: folds of one name are one fold, each fact may be given once.

    Raises InputProblem where two files name other classes or say the same thing about a fold.
    """
    with_classes = [each for each in parts if each.classes]
    first = with_classes[0] if with_classes else replace(parts[0], classes=("0", "1"), positive=1)
    for other in with_classes[1:]:
        if set(other.classes) != set(first.classes):
            found = f"classes {', '.join(other.classes)} beside {', '.join(first.classes)}"
            raise refused(other.sources[0], found, "the same classes in every file", "rename the classes")
    ordered = [_reordered(each, first.classes) for each in parts]
    folds: dict[str, Fold] = {}
    for part in ordered:
        for number, fold in enumerate(part.folds):
            name = fold.name or _free(folds, number)
            folds[name] = _merged(folds.get(name), fold.model_copy(update={"name": name}), part.sources[0])
    if len(folds) > MOST_FOLDS:
        raise refused(
            parts[0].sources[0], f"{len(folds):,} folds", f"at most {MOST_FOLDS:,}",
            "check the column fold: it names the part of a cross-validation, not the case",
        )  # fmt: skip
    cases = [each.cases for each in ordered if each.cases is not None]
    return Study(
        title=next((each.title for each in parts if each.title), ""),
        classes=first.classes, positive=first.positive,
        folds=tuple(folds[name] for name in sorted(folds, key=_place)),
        summary=next((each.summary for each in parts if each.summary), ()),
        cases=_stacked(cases) if cases else None,
        f1=next((each.f1 for each in parts if each.f1), ""),
        sd_divisor=next((each.sd_divisor for each in parts if each.sd_divisor), ""),
        mil=any(each.mil for each in parts),
        sources=tuple(name for each in parts for name in each.sources),
    )  # fmt: skip


def _place(name: str) -> tuple[int, int, str]:
    """Folds with numbers for names go first, in the order of their numbers."""
    return (0, int(name), name) if name.isascii() and name.isdigit() else (1, 0, name)


def _free(folds: dict[str, Fold], number: int) -> str:
    """The next number that no fold has."""
    number = max(number, len(folds))
    while str(number) in folds:
        number += 1
    return str(number)


def _merged(known: Fold | None, new: Fold, file: str) -> Fold:
    if known is None:
        return new
    facts = ("counts", "confusion", "scores", "best_scores", "final_scores", "losses", "curves", "attention")
    for name in facts:
        if getattr(known, name) and getattr(new, name):
            raise refused(
                file, f"{name.replace('_', ' ')} of fold {new.name} a second time", "each fact of a fold "
                                                                                    "in one file",
                "name the folds in the file names (fold_0, fold_1, ...), or leave one file out",
                "Two files speak of the same fold",
            )  # fmt: skip
    given = {
        name: getattr(new, name)
        for name in (*facts, "weights", "best_epoch", "final_epoch")
        if getattr(new, name) not in {None, "", ()}
    }
    return known.model_copy(update=given)


def _reordered(part: Study, classes: tuple[str, ...]) -> Study:
    """The study with its classes in that order."""
    if not part.classes or part.classes == classes:
        return part
    order = [part.classes.index(name) for name in classes]
    folds = tuple(
        fold.model_copy(
            update={
                "counts": None if fold.counts is None else tuple(fold.counts[k] for k in order),
                "confusion": None
                if fold.confusion is None
                else tuple(tuple(fold.confusion[i][j] for j in order) for i in order),
            }
        )
        for fold in part.folds
    )
    cases = part.cases
    if cases is not None:
        place = np.argsort(order)
        cases = replace(cases, label=place[cases.label].astype(np.intp), prob=cases.prob[:, order])
    return replace(part, classes=classes, folds=folds, cases=cases)


def _stacked(parts: Sequence[CaseTable]) -> CaseTable:
    return CaseTable(
        fold=tuple(each for part in parts for each in part.fold),
        case=tuple(each for part in parts for each in part.case),
        group=tuple(each for part in parts for each in part.group),
        digest=tuple(each for part in parts for each in part.digest),
        training=np.concatenate([part.training for part in parts]),
        label=np.concatenate([part.label for part in parts]),
        prob=np.concatenate([part.prob for part in parts]),
    )
