"""Which weights are the reported figures of: the best epoch's, the final one's, or some of each?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from core.audit.codes import finding
from core.audit.facts import Facts
from core.audit.records import Finding, Fold, NamedScore, Study
from core.audit.scores import score_spec

Origin = Literal["best", "final", "either", "not final", "neither", ""]
"""What a reported score agrees with. "not final": the best epoch's is not known. "": nothing to compare."""


def headline_findings(study: Study, facts: tuple[Facts, ...]) -> Iterator[Finding]:
    """Headline scores against those of the best and of the final epoch."""
    keys = dict.fromkeys(named.key for fold in study.folds for named in fold.scores)
    origins = {(key, fold.name): origin(fold, key) for key in keys for fold in study.folds}
    final = [place for place, each in origins.items() if each == "final"]
    other = [place for place, each in origins.items() if each in ("best", "not final")]
    if final and other:
        yield finding(
            "epochs-mixed",
            "study",
            f"The final epoch's: {_places(final)}. The best epoch's, or not the final one's: "
            f"{_places(other)}.",
            sorted({name for _, name in final + other}),
        )
    else:
        yield from _one_origin(study, list(keys), origins)
    for (key, name), each in origins.items():
        if each == "neither":
            label = score_spec(key).label
            said = f"The reported {label} is neither that of the best nor that of the final epoch in the log."
            yield finding("score-not-from-log", f"fold {name}, {label}", said, [name])


def _one_origin(study: Study, keys: list[str], origins: dict[tuple[str, str], Origin]) -> Iterator[Finding]:
    said_best = {fold.name for fold in study.folds if fold.weights == "best"}
    for key in keys:
        wrong = [
            name for (own, name), each in origins.items() if own == key and each in ("best", "not final")
        ]
        named = [fold for fold in study.folds if fold.name in set(wrong) - said_best]
        if named:
            yield finding(
                "best-epoch-headline",
                score_spec(key).label,
                _evidence(study, key, named),
                [f.name for f in named],
            )
        late = [name for (own, name), each in origins.items() if own == key and each == "final"]
        late = [name for name in late if name in said_best]
        if late:
            said = f"The {score_spec(key).label} is said to be of the best epoch and is the final one's."
            yield finding("epochs-mixed", score_spec(key).label, said, late)


def _evidence(study: Study, key: str, folds: list[Fold]) -> str:
    label = score_spec(key).label
    pairs = [
        (figure.value, last) for fold in folds
        if (figure := fold.score(key)) and (last := final_value(fold, key)) is not None
    ]  # fmt: skip
    reported, final = (np.array(each) for each in zip(*pairs, strict=True)) if pairs else (np.empty(0),) * 2
    finals = ", ".join(f"{each:.4f}" for each in final)
    epochs = [fold.best_epoch for fold in folds if fold.best_epoch is not None]
    best = f" as a best epoch's would be (epochs {', '.join(map(str, epochs))})," if epochs else ""
    higher = int((reported > final).sum())
    others = [k for k in dict.fromkeys(n.key for f in folds for n in f.scores) if k != key]
    unknown = [score_spec(k).label for k in others if all(origin(f, k) == "" for f in folds)]
    perhaps = (
        f" The final epoch's {' and '.join(unknown)} {'are' if len(unknown) > 1 else 'is'} not given; "
        f"these may be of either."
        if unknown
        else ""
    )
    return (
        f"In {len(folds)} of {len(study.folds)} folds the reported {label} is not the final epoch's "
        f"({finals}); "
        f"it is higher in {higher},{best} with a mean of {reported.mean():.4f} against "
        f"{final.mean():.4f}.{perhaps}"
    )


def origin(fold: Fold, key: str) -> Origin:
    """Which epoch the headline of that key agrees with.

    Where the best epoch is not named, the best value of the curve is taken for its score, and "neither" is
    only said of a headline that is nowhere in the curve.
    """
    figure = fold.score(key)
    best, final = best_value(fold, key), final_value(fold, key)
    curve = fold.curve("validation", key)
    guessed = best is None and curve is not None
    if guessed and curve is not None:
        best = max(curve.values)
    if figure is None or (best is None and final is None):
        return ""
    is_best, is_final = (each is not None and figure.fits(each, figure.half) for each in (best, final))
    if is_best or is_final:
        return _agreeing(is_best, is_final, best, final, fold)
    if guessed and curve is not None and any(figure.fits(each, figure.half) for each in curve.values):
        return "not final"
    if best is None:
        return "not final"
    return "neither" if final is not None else ""


def _agreeing(is_best: bool, is_final: bool, best: float | None, final: float | None, fold: Fold) -> Origin:
    if is_best and is_final:
        return "either"
    if is_final:
        return "final" if best is not None or fold.weights == "best" else "either"
    return "best" if final is not None else ""


def best_value(fold: Fold, key: str) -> float | None:
    """Score of the best epoch: as given, else from the curve at the best epoch."""
    given = _named(fold.best_scores, key)
    curve = fold.curve("validation", key)
    if given is not None or curve is None or fold.best_epoch not in curve.epochs:
        return given
    return curve.values[curve.epochs.index(fold.best_epoch)]


def final_value(fold: Fold, key: str) -> float | None:
    """Score of the final epoch: as given, else the last of the curve."""
    given = _named(fold.final_scores, key)
    curve = fold.curve("validation", key)
    return curve.values[-1] if given is None and curve is not None and curve.values else given


def _named(scores: tuple[NamedScore, ...], key: str) -> float | None:
    return next((each.figure.value for each in scores if each.key == key), None)


def _places(places: list[tuple[str, str]]) -> str:
    named: dict[str, list[str]] = {}
    for key, name in places:
        named.setdefault(key, []).append(name)
    return "; ".join(f"{score_spec(key).label} of fold {', '.join(names)}" for key, names in named.items())
