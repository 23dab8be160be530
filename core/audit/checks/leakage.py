"""Is the same patient or the same input on both sides of a split?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from core.audit.codes import finding
from core.audit.facts import Facts
from core.audit.records import CaseTable, Finding, Study

MOST_NAMED, MOST_PAIRS = 5, 20
"""Names in one sentence; sets of folds with a finding of their own."""


def leakage_findings(study: Study, facts: tuple[Facts, ...]) -> Iterator[Finding]:
    """Groups, cases and input digests shared by two folds, or by training and judged rows of one fold.

    Where the training rows of a fold are given, they decide; else what two folds share was trained on in one
    and judged in the other.
    """
    if study.cases is None:
        return
    cases = study.cases
    owner = [group or case for group, case in zip(cases.group, cases.case, strict=True)]
    yield from _shared(cases, owner, "group-leak", "group" if any(cases.group) else "case")
    if any(cases.digest):
        yield from _shared(cases, cases.digest, "input-leak", "input digest")


def _shared(cases: CaseTable, names: Sequence[str], code: str, what: str) -> Iterator[Finding]:
    with_training = {fold for fold, own in zip(cases.fold, cases.training, strict=True) if own}
    judged: dict[str, set[str]] = defaultdict(set)
    trained: dict[str, set[str]] = defaultdict(set)
    for name, fold, own in zip(names, cases.fold, cases.training, strict=True):
        if name:
            (trained if own else judged)[name].add(fold)
    for fold in dict.fromkeys(cases.fold):
        if fold in with_training:
            both = [name for name in judged if fold in judged[name] and fold in trained.get(name, ())]
            if both:
                said = (
                    f"{_are(len(both), what)} in the training part and among the judged cases: {_some(both)}."
                )
                yield finding(code, f"fold {fold}", said, [fold])
    across = {
        name: sorted(folds - with_training)
        for name, folds in judged.items()
        if len(folds - with_training) > 1
    }
    pairs: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for name, folds in across.items():
        pairs[tuple(folds)].append(name)
    if len(pairs) > MOST_PAIRS:
        said = f"{_are(len(across), what)} in more than one fold: {_some(list(across))}."
        yield finding(code, "study", said, sorted({fold for pair in pairs for fold in pair}))
        return
    for pair, both in pairs.items():
        said = f"{_are(len(both), what)} in each of these folds: {_some(both)}."
        yield finding(code, f"folds {', '.join(pair)}", said, pair)


def _are(amount: int, what: str) -> str:
    return f"{amount} {what} is" if amount == 1 else f"{amount} {what}s are"


def _some(names: list[str]) -> str:
    shown = ", ".join(repr(each[:40]) for each in names[:MOST_NAMED])
    return shown + (f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else "")
