"""Reported results of a training in the documented JSON form."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field, ValidationError

from core.audit.attention import attention_summary, mean_summary
from core.audit.reading.problem import figures, refused, unit_of
from core.audit.records import (
    AttentionPoint,
    Curve,
    Divisor,
    Figure,
    Fold,
    Losses,
    NamedScore,
    ReportedSummary,
    Study,
    Weights,
)
from core.audit.scores import score_key
from core.config import Frozen
from core.errors import InputProblem

Scores = dict[str, Decimal]
Point = tuple[int, Decimal]
MOST_FOLDS, MOST_CLASSES, MOST_CASES = 200, 100, 10**9
FORM = 'the form of README, section Training audit: {"classes": [...], "folds": [{"fold": 0, ...}]}'


class _Attention(Frozen):
    """One epoch: diagnostics, or the weights of each bag."""

    epoch: int
    weights: list[list[float]] | None = None
    entropy: float | None = None
    normalised_entropy: float | None = None
    top1: float | None = None
    effective_exp: float | None = None
    effective_inverse: float | None = None
    selection_confidence: float | None = None


class _Losses(Frozen):
    best: float
    final: float


class _Fold(Frozen):
    fold: int | str
    counts: dict[str, int] | None = None
    confusion: list[list[int]] | None = None
    scores: Scores = Field(default_factory=dict)
    best_scores: Scores = Field(default_factory=dict)
    final_scores: Scores = Field(default_factory=dict)
    best_epoch: int | None = Field(default=None, ge=0)
    final_epoch: int | None = Field(default=None, ge=0)
    weights: Weights = ""
    validation_loss: _Losses | None = None
    curves: dict[str, list[Decimal] | list[Point]] = Field(default_factory=dict)
    attention: list[_Attention] = Field(default_factory=list)


class _Summary(Frozen):
    mean: Decimal | None = None
    sd: Decimal | None = None


class _Study(Frozen):
    title: str = ""
    source: str = ""
    classes: list[str] = Field(min_length=2, max_length=MOST_CLASSES)
    positive: str | None = None
    f1: Literal["", "binary", "macro", "weighted", "micro"] = ""
    sd_divisor: Divisor = ""
    mil: bool = False
    weights: Weights = ""
    summary: dict[str, _Summary] = Field(default_factory=dict)
    folds: list[_Fold] = Field(min_length=1, max_length=MOST_FOLDS)


def read_reported(document: Any, file: str) -> Study:
    """The study of a parsed JSON document. Raises InputProblem that names the place."""
    try:
        given = _Study.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the document"
        raise refused(file, f"{place}: {first['msg']}", FORM, "correct that entry") from None
    classes = tuple(given.classes)
    positive = classes[-1] if given.positive is None else given.positive
    if len(set(classes)) < len(classes) or positive not in classes:
        found = f"classes {', '.join(classes)}, positive {positive}"
        raise refused(file, found, "different classes, one of them positive", "correct classes or positive")
    folds = tuple(_fold(each, classes, given.weights, file) for each in given.folds)
    return Study(
        title=given.title, classes=classes, positive=classes.index(positive), folds=same_units(folds),
        summary=_summary(given.summary, file), f1=given.f1, sd_divisor=given.sd_divisor, mil=given.mil,
        sources=(file,),
    )  # fmt: skip


def same_units(folds: tuple[Fold, ...]) -> tuple[Fold, ...]:
    """The folds with the finest unit of each column: 0.611 beside 0.7895 is 0.6110 with a zero left out."""
    finest: dict[str, float] = {}
    for fold in folds:
        for each in fold.scores:
            finest[each.key] = min(each.figure.unit, finest.get(each.key, 1.0))

    def refined(scores: tuple[NamedScore, ...]) -> tuple[NamedScore, ...]:
        return tuple(
            NamedScore(
                key=each.key,
                figure=Figure(value=each.figure.value, unit=min(each.figure.unit, finest[each.key])),
            )
            for each in scores
        )  # fmt: skip

    return tuple(fold.model_copy(update={"scores": refined(fold.scores)}) for fold in folds)


def named_scores(values: Scores, file: str, where: str) -> tuple[NamedScore, ...]:
    """Scores under their own keys; refused when a name is unknown, given twice, or a value out of range."""
    keyed: Scores = {}
    for name, value in values.items():
        key = score_key(name)
        if key is None or key in keyed:
            raise refused(
                file, f"{name!r} in {where}", "auc, accuracy, balanced_accuracy, sensitivity, "
                                              "specificity, f1, "
                "f1_binary, f1_macro, f1_weighted, ppv, npv or fm, each once", "rename or remove that score",
                "A score is unknown or given twice",
            )  # fmt: skip
        keyed[key] = value
    return tuple(NamedScore(key=key, figure=each) for key, each in figures(keyed, file, where).items())


def check_fold(
    file: str,
    where: str,
    classes: tuple[str, ...],
    counts: dict[str, int] | None,
    confusion: list[list[int]] | None,
) -> tuple[tuple[int, ...] | None, tuple[tuple[int, ...], ...] | None]:
    """Counts and matrix of a fold in the order of the classes; refused when they do not fit them."""
    if counts is not None and (set(counts) != set(classes) or not _countable(counts.values())):
        raise refused(
            file, f"counts {counts} in {where}", f"a count for each of {', '.join(classes)}", "correct counts"
        )
    k = len(classes)
    if confusion is not None:
        square = len(confusion) == k and all(len(row) == k for row in confusion)
        if not square or not all(map(_countable, confusion)) or not sum(map(sum, confusion)):
            found = f"confusion {confusion} in {where}"
            raise refused(
                file, found, f"{k} rows (reference) of {k} counts (predicted)", "correct the matrix"
            )
    ordered = None if counts is None else tuple(counts[name] for name in classes)
    return ordered, None if confusion is None else tuple(tuple(row) for row in confusion)


def _countable(values: Iterable[int]) -> bool:
    return all(0 <= n <= MOST_CASES for n in values)


def _fold(given: _Fold, classes: tuple[str, ...], weights: Weights, file: str) -> Fold:
    name = str(given.fold)
    where = f"fold {name}"
    counts, confusion = check_fold(file, where, classes, given.counts, given.confusion)
    return Fold(
        name=name, counts=counts, confusion=confusion, scores=named_scores(given.scores, file, where),
        best_scores=named_scores(given.best_scores, file, where),
        final_scores=named_scores(given.final_scores, file, where), best_epoch=given.best_epoch,
        final_epoch=given.final_epoch, weights=given.weights or weights,
        losses=Losses(best=given.validation_loss.best, final=given.validation_loss.final)
        if given.validation_loss else None,
        curves=tuple(_curve(key, points, file, where) for key, points in given.curves.items()),
        attention=tuple(_attention(each, file, where) for each in given.attention),
    )  # fmt: skip


def _curve(name: str, points: list[Decimal] | list[Point], file: str, where: str) -> Curve:
    from core.audit.reading.names import curve_name

    known = curve_name(name)
    if known is None or not points:
        raise refused(
            file,
            f"curve {name!r} in {where}",
            "train_loss, val_loss or val_<score>, with values",
            "rename it",
        )
    pairs = [each if isinstance(each, tuple) else (epoch, each) for epoch, each in enumerate(points)]
    return Curve(
        split=known[0], key=known[1], epochs=tuple(epoch for epoch, _ in pairs),
        values=tuple(float(value) for _, value in pairs),
    )  # fmt: skip


def _attention(given: _Attention, file: str, where: str) -> AttentionPoint:
    if given.weights is None:
        return AttentionPoint(**given.model_dump(exclude={"weights"}))
    try:
        bags = [attention_summary(each) for each in given.weights]
    except InputProblem as problem:
        raise refused(
            file, f"{problem.found} in {where}, epoch {given.epoch}", problem.expected, problem.fix
        ) from None
    mean = mean_summary(bags)
    return AttentionPoint(
        epoch=given.epoch, entropy=mean.entropy, normalised_entropy=mean.normalised_entropy, top1=mean.top1,
        effective_exp=mean.effective_exp, effective_inverse=mean.effective_inverse,
        selection_confidence=given.selection_confidence, empty=any(bag.top1 is None for bag in bags),
    )  # fmt: skip


def _summary(given: dict[str, _Summary], file: str) -> tuple[ReportedSummary, ...]:
    found = []
    for name, each in given.items():
        (named,) = named_scores(
            {name: each.mean if each.mean is not None else Decimal("0.0")}, file, "summary"
        )
        finest = min((unit_of(value) for value in (each.mean, each.sd) if value is not None), default=0.1)
        found.append(
            ReportedSummary(
                key=named.key,
                mean=None if each.mean is None else Figure(value=float(each.mean), unit=min(finest, 0.1)),
                sd=None if each.sd is None else Figure(value=float(each.sd), unit=min(finest, 0.1)),
            )
        )
    return tuple(found)
