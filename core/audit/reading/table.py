"""Reported results of a training as a table: one row per fold, and rows "mean" and "sd"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from core.audit.reading.problem import decimal_of, figures, refused, unit_of
from core.audit.reading.reported import check_fold, named_scores, same_units
from core.audit.records import Figure, Fold, Losses, ReportedSummary, Study, Weights
from core.audit.scores import score_key
from core.types import Rows

MEAN_ROWS, SD_ROWS = ("mean", "average", "avg"), ("sd", "std", "standard deviation")
COUNT, CELL = "n_", "cm_"
PLAIN = ("fold", "best_epoch", "final_epoch", "weights", "val_loss_best", "val_loss_final")
COLUMNS = (
    "fold, n_<class> (cases), cm_<reference>__<predicted> (matrix), scores such as auc, f1, accuracy, the "
    "same with "
    "best_ or final_ before them, best_epoch, final_epoch, weights, val_loss_best, val_loss_final"
)


def read_reported_table(rows: Rows, file: str) -> Study:
    """The study of such a table. Raises InputProblem that names row and column."""
    columns = tuple(rows[0])
    classes = _classes(columns, file)
    folds, summary = [], {"mean": {}, "sd": {}}  # type: ignore[var-annotated]
    for number, row in enumerate(rows, 1):
        name = row["fold"].strip()
        kind = {**dict.fromkeys(MEAN_ROWS, "mean"), **dict.fromkeys(SD_ROWS, "sd")}.get(name.lower())
        if kind:
            summary[kind] = _numbers(row, [each for each in columns if score_key(each)], file, number)
        elif not name:
            raise refused(
                file, f"an empty fold in row {number} below the header", "a name in every row", "name it"
            )
        else:
            folds.append(_fold(row, name, columns, classes, file, number))
    if not folds:
        raise refused(file, "no row of a fold", "one row per fold", "add the folds")
    return Study(
        title="", classes=classes, positive=len(classes) - 1, folds=same_units(tuple(folds)),
        summary=_summary(summary["mean"], summary["sd"], file), sources=(file,),
    )  # fmt: skip


def _classes(columns: tuple[str, ...], file: str) -> tuple[str, ...]:
    known = [
        each for each in columns if each in PLAIN or each.startswith((COUNT, CELL)) or _score_column(each)
    ]
    unknown = [each for each in columns if each not in known]
    if unknown:
        raise refused(
            file, f"the column {unknown[0]!r}", COLUMNS, "rename or remove it", "A column is unknown"
        )
    named = [each.removeprefix(COUNT) for each in columns if each.startswith(COUNT)]
    if not named:
        cells = [each.removeprefix(CELL).split("__") for each in columns if each.startswith(CELL)]
        named = list(dict.fromkeys(each[0] for each in cells))
    return tuple(named) if len(named) > 1 else ("0", "1")


def _score_column(name: str) -> tuple[str, str] | None:
    """("", "best" or "final") and the score's name."""
    found = re.fullmatch(r"(?i)(?:(best|final)_)?(.+)", name)
    return ((found[1] or "").lower(), found[2]) if found and score_key(found[2]) else None


def _fold(
    row: Mapping[str, str],
    name: str,
    columns: tuple[str, ...],
    classes: tuple[str, ...],
    file: str,
    number: int,
) -> Fold:
    where = f"row {number} below the header"
    scores: dict[str, dict[str, Decimal]] = {"": {}, "best": {}, "final": {}}
    for column in columns:
        kind = _score_column(column)
        if kind and column not in PLAIN:
            for value in _numbers(row, [column], file, number).values():
                scores[kind[0]][kind[1]] = value
    counts = _whole(row, [f"{COUNT}{each}" for each in classes], file, number)
    cells = _whole(row, [f"{CELL}{a}__{b}" for a in classes for b in classes], file, number)
    k = len(classes)
    matrix = None if cells is None else [cells[i * k : (i + 1) * k] for i in range(k)]
    named = None if counts is None else dict(zip(classes, counts, strict=True))
    found_counts, confusion = check_fold(file, where, classes, named, matrix)
    losses = _numbers(row, ["val_loss_best", "val_loss_final"], file, number)
    epochs = [_whole(row, [each], file, number) for each in ("best_epoch", "final_epoch")]
    return Fold(
        name=name, counts=found_counts, confusion=confusion,
        scores=named_scores(scores[""], file, where), best_scores=named_scores(scores["best"], file, where),
        final_scores=named_scores(scores["final"], file, where),
        best_epoch=epochs[0][0] if epochs[0] else None, final_epoch=epochs[1][0] if epochs[1] else None,
        weights=_weights(row.get("weights", ""), file, where),
        losses=Losses(best=float(losses["val_loss_best"]), final=float(losses["val_loss_final"]))
        if len(losses) == 2 else None,
    )  # fmt: skip


def _weights(text: str, file: str, where: str) -> Weights:
    known: dict[str, Weights] = {"": "", "best": "best", "final": "final", "last": "final"}
    if text.strip().lower() not in known:
        raise refused(file, f"weights {text!r} in {where}", "best, final or nothing", "correct it")
    return known[text.strip().lower()]


def _numbers(row: Mapping[str, str], names: list[str], file: str, number: int) -> dict[str, Decimal]:
    """The numbers of some columns; an empty or missing field is left out."""
    found = {}
    for name in names:
        if not row.get(name, "").strip():
            continue
        value = decimal_of(row[name])
        if value is None:
            raise refused(file, f"{row[name][:80]!r} in column {name}, row {number} below the header",
                          "a number with a decimal point", "correct that field")  # fmt: skip
        found[name] = value
    return found


def _whole(row: Mapping[str, str], names: list[str], file: str, number: int) -> list[int] | None:
    """Whole numbers of all these columns, None where one is missing or empty."""
    values = _numbers(row, names, file, number)
    if len(values) < len(names):
        return None
    for name, value in values.items():
        if value != int(value) or value < 0:
            raise refused(file, f"{value} in column {name}, row {number} below the header",
                          "a whole number of 0 or more", "correct that field")  # fmt: skip
    return [int(values[name]) for name in names]


def _summary(mean: dict[str, Decimal], sd: dict[str, Decimal], file: str) -> tuple[ReportedSummary, ...]:
    figures(mean | sd, file, "summary")
    found = []
    for name in dict.fromkeys([*mean, *sd]):
        values = [each for each in (mean.get(name), sd.get(name)) if each is not None]
        unit = min(0.1, *(unit_of(each) for each in values))
        pair = [
            None if each.get(name) is None else Figure(value=float(each[name]), unit=unit)
            for each in (mean, sd)
        ]
        found.append(ReportedSummary(key=score_key(name) or name, mean=pair[0], sd=pair[1]))
    return tuple(found)
