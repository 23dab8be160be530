"""Per-case predictions of a cross-validation: CSV, Parquet or JSON rows to a study.

Columns: `fold`, `case`, `label`, and `prob` (of class 1) or one `prob_<class>` per class; optional `group`
(patient), `digest` (of the input), `split` ("train" for rows the fold was trained on). Ids stay as spelled.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.audit.reading.problem import decimal_of, refused
from core.audit.reading.reported import MOST_FOLDS
from core.audit.records import CaseTable, Fold, Study
from core.io.tables import PROB, sum_tolerance
from core.types import Float64Array, Rows

COLUMNS = "fold, case, label and prob or prob_<class> columns (optional: group, digest, split)"
TRAINING = ("train", "training")
JUDGED = ("", "val", "valid", "validation", "test", "eval", "held out", "held_out")


def looks_like_predictions(columns: Sequence[str]) -> bool:
    """Whether a table holds predictions."""
    return "label" in columns and any(each == "prob" or each.startswith(PROB) for each in columns)


def read_predictions(rows: Rows, file: str, fold: str | None) -> Study:
    """The study of such rows. fold: where there is no column `fold`. Raises InputProblem with the row."""
    columns = tuple(rows[0])
    for needed in ("case", "label") if fold is not None else ("case", "fold", "label"):
        if needed not in columns:
            raise refused(
                file,
                f"columns {', '.join(columns)}",
                COLUMNS,
                f"add the column {needed}",
                "A column is missing",
            )
    classes = tuple(each.removeprefix(PROB) for each in columns if each.startswith(PROB))
    if len(classes) == 1 or "" in classes or len(set(classes)) < len(classes):
        raise refused(file, f"columns {', '.join(columns)}", COLUMNS, "give each class a column prob_<class>")
    classes = classes or ("0", "1")
    table = _table(rows, classes, file, fold)
    names = dict.fromkeys(table.fold)
    if len(names) > MOST_FOLDS:
        fix = "check the column fold: it names the part of a cross-validation, not the case"
        raise refused(file, f"{len(names):,} folds", f"at most {MOST_FOLDS:,}", fix)
    for each in names:
        if not len(table.rows(each)):
            raise refused(
                file, f"fold {each!r} with training rows only", "rows that the fold is judged on", "add them"
            )
    return Study(
        title="", classes=classes, positive=len(classes) - 1, folds=tuple(Fold(name=each) for each in names),
        cases=table, sources=(file,),
    )  # fmt: skip


def _table(rows: Rows, classes: tuple[str, ...], file: str, fold: str | None) -> CaseTable:
    place = {name: k for k, name in enumerate(classes)}
    seen: dict[tuple[str, str, bool], int] = {}
    folds, training, label = [], [], []
    for number, row in enumerate(rows, 1):
        where = f"row {number} below the header"
        own = row["fold"].strip() if "fold" in row else str(fold)
        split = row.get("split", "").strip().lower()
        if not own or not row["case"].strip():
            raise refused(
                file, f"an empty fold or case in {where}", "both in every row", "fill or remove that row"
            )
        if row["label"] not in place:
            known = ", ".join(classes)
            raise refused(
                file, f"label {row['label'][:80]!r} in {where}", f"one of {known}", "correct that row"
            )
        if split not in (*TRAINING, *JUDGED):
            raise refused(
                file, f"split {split[:80]!r} in {where}", "train, validation or test", "correct that row"
            )
        key = (own, row["case"], split in TRAINING)
        if key in seen:
            found = f"case {row['case'][:80]!r} in {where}, as in row {seen[key]}"
            raise refused(
                file, found, "each case once per fold", "remove one of them", "A case appears twice"
            )
        seen[key] = number
        folds.append(own)
        training.append(split in TRAINING)
        label.append(place[row["label"]])
    return CaseTable(
        fold=tuple(folds), case=tuple(row["case"] for row in rows),
        group=tuple(row.get("group", "").strip() for row in rows),
        digest=tuple(row.get("digest", "").strip().lower() for row in rows),
        training=np.array(training, np.bool_), label=np.array(label, np.intp),
        prob=_probabilities(rows, classes, file),
    )  # fmt: skip


def _probabilities(rows: Rows, classes: tuple[str, ...], file: str) -> Float64Array:
    single = "prob" in rows[0] and not any(name.startswith(PROB) for name in rows[0])
    names = ["prob"] if single else [PROB + each for each in classes]
    prob = np.empty((len(rows), len(classes)))
    for number, row in enumerate(rows, 1):
        values = [decimal_of(row[name]) for name in names]
        for name, value in zip(names, values, strict=True):
            if value is None or not 0 <= value <= 1:
                found = f"{row[name][:80]!r} in column {name}, row {number} below the header"
                raise refused(file, found, "a number from 0 to 1, with a decimal point", "correct that row")
        numbers = [float(each) for each in values if each is not None]
        prob[number - 1] = [1.0 - numbers[0], numbers[0]] if single else numbers
        if abs(sum(prob[number - 1]) - 1.0) > sum_tolerance(len(classes)):
            found = f"a sum of {sum(prob[number - 1]):.6g} in row {number} below the header"
            raise refused(file, found, "probabilities that add up to 1", "normalise them, one class per case")
    return prob
