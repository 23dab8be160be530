"""A table of predictions that were made elsewhere, CSV or Parquet, as units.

Columns: `case`, an optional `group` (patient), and either `confidence` and `risk`, or the reference and one
`prob_<class>` column per class. The reference is `label`, one class name or, for several findings at once,
names joined by semicolons; or one `label_<class>` column of 0 and 1 per class. Ids stay as they are spelled.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np

from core.errors import InputProblem
from core.io.limits import Limits
from core.io.names import display_name
from core.io.paths import read_path
from core.io.rows import read_rows
from core.types import BoolArray, Float64Array, Level, NamedBytes, Rows, Task, UnitTable

COLUMNS = (
    "case, and either confidence and risk, or label and one prob_<class> column per class, or label (0 or 1) "
    "and prob (optional: group)"
)
FINDING_SEPARATOR = ";"
_DECIMAL_COMMA, _THOUSANDS = re.compile(r"[+-]?\d+,\d+"), re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
PROB, LABEL = "prob_", "label_"
BINARY = ("0", "1")
"""Classes of a table with one column `prob`: the probability of 1."""


def read_table_path(path: str | Path, level: Level = "case") -> UnitTable:
    """`read_table` of the file at `path`."""
    files = read_path(path)
    return read_table(files[0], level)


def read_table(file: NamedBytes, level: Level = "case", limits: Limits | None = None) -> UnitTable:
    """The units of a table; what they are (whole cases or slices) is said by `level`.

    Without `group` every case is a patient of its own. Raises InputProblem that names the row for a value
    that is no number, outside [0, 1], repeated or unknown; rows are counted from 1 below the header.
    """
    name = display_name(file.name)
    rows = _usual_names(read_rows(file, limits))
    reader = _Reader(name, rows)
    reader.check_columns()
    cases = reader.cases()
    groups = tuple(row.get("group") or case for row, case in zip(rows, cases, strict=True))
    if "confidence" in reader.columns:
        return _bare(reader, name, cases, groups, level)
    prob, label, task = reader.classification()
    return _unit_table(
        name, task, level, reader.classes, cases, groups, confidence={}, metrics={}, prob=prob, label=label
    )


def _bare(
    reader: _Reader, name: str, cases: tuple[str, ...], groups: tuple[str, ...], level: Level
) -> UnitTable:
    confidence = reader.numbers("confidence", -math.inf, math.inf)
    risk = reader.numbers("risk", 0.0, 1.0)
    return _unit_table(
        name,
        "segmentation",
        level,
        (),
        cases,
        groups,
        confidence={"confidence": confidence},
        metrics={"risk": risk},
    )


def _unit_table(
    title: str,
    task: Task,
    level: Level,
    class_names: tuple[str, ...],
    cases: tuple[str, ...],
    groups: tuple[str, ...],
    *,
    confidence: dict[str, Float64Array],
    metrics: dict[str, Float64Array],
    prob: Float64Array | None = None,
    label: BoolArray | None = None,
) -> UnitTable:
    none = (None,) * len(cases)
    no = np.zeros(len(cases), np.bool_)
    return UnitTable(
        title=title,
        task=task,
        level=level,
        class_names=class_names,
        name=cases,
        group=groups,
        case_id=none,
        analysis_key=none,
        slice=np.full(len(cases), -1, np.int64),
        pred_empty=no,
        ref_empty=no,
        has_ref=~no,
        confidence=confidence,
        default_confidence="confidence" if confidence else "",
        metrics=metrics,
        prob=prob,
        label=label,
    )


def sum_tolerance(classes: int) -> float:
    """How far the probabilities of one row may miss 1: tables are written rounded, to two places at least.

    >>> abs(3 * 0.33 - 1.0) <= sum_tolerance(3)
    True
    """
    return min(0.005 * classes, 0.02) + 1e-9


class _Reader:
    """The rows of one file, and refusals that name the file and the row."""

    def __init__(self, file: str, rows: Rows) -> None:
        self.file = file
        self.rows = rows
        self.columns = tuple(rows[0])
        self.classes = tuple(each.removeprefix(PROB) for each in self.columns if each.startswith(PROB))
        self.binary = not self.classes and {"prob", "label"} <= set(self.columns)
        if self.binary:
            self.classes = BINARY
        self.label_columns = tuple(each for each in self.columns if each.startswith(LABEL))

    def check_columns(self) -> None:
        if len(self.columns) == 1:
            raise self._problem(
                "The table has only one column",
                found=f"the column {self.columns[0][:80]!r}",
                expected=f"columns {COLUMNS}, separated by comma, semicolon or tab",
                fix="export the table with one of these separators",
            )
        bare = {"confidence", "risk"} <= set(self.columns)
        labelled = bool(self.classes) and ("label" in self.columns or bool(self.label_columns))
        if "case" in self.columns and bare != labelled:
            return
        found = f"columns {', '.join(self.columns)}"[:300]
        both = "case" in self.columns and bare and labelled
        raise self._problem(
            "The table says two things at once" if both else "A column is missing",
            found=found,
            expected=f"columns {COLUMNS}",
            fix="leave one of the two out" if both else "add the missing column, spelled like that",
        )

    def cases(self) -> tuple[str, ...]:
        """The ids as they are written; refused when empty or repeated."""
        seen: dict[str, int] = {}
        for number, row in enumerate(self.rows, 1):
            case = row["case"]
            if not case.strip():
                raise self._row_problem(number, "A case has no id", "an empty field", "a name in every row")
            if case in seen:
                raise self._row_problem(
                    number,
                    "A case appears twice",
                    f"{case[:80]!r}, as in row {seen[case]}",
                    "one row per case",
                )
            seen[case] = number
        return tuple(seen)

    def numbers(self, column: str, low: float, high: float) -> Float64Array:
        """One column as numbers within [low, high]."""
        kind = "a finite number" if math.isinf(low) else f"a number from {low:g} to {high:g}"
        expected = f"{kind}, with a decimal point"
        found = np.empty(len(self.rows))
        for number, row in enumerate(self.rows, 1):
            value = _number(row[column])
            if value is None or not low <= value <= high:
                text = repr(row[column][:80]) if row[column] else "an empty field"
                raise self._row_problem(
                    number, f"The column {column[:80]!r} holds a wrong value", text, expected
                )
            found[number - 1] = value
        return found

    def classification(self) -> tuple[Float64Array, BoolArray, Task]:
        """Probabilities and reference, (unit, class) each, and whether several findings may be present."""
        if len(set(self.classes)) < len(self.classes) or "" in self.classes:
            raise self._problem(
                "A class has no name",
                found=f"columns {', '.join(self.columns)}"[:300],
                expected="a class name after each prob_",
                fix="name the columns prob_<class>",
            )
        if self.binary:
            positive = self.numbers("prob", 0.0, 1.0)
            prob = np.stack([1.0 - positive, positive], axis=1)
        else:
            prob = np.stack([self.numbers(PROB + each, 0.0, 1.0) for each in self.classes], axis=1)
        label, several = self._findings() if self.label_columns else self._labels(prob)
        if several:
            return prob, label, "multilabel"
        self._check_sums(prob)
        return prob, label, "classification"

    def _labels(self, prob: Float64Array) -> tuple[BoolArray, bool]:
        position = {name: index for index, name in enumerate(self.classes)}
        label = np.zeros((len(self.rows), len(self.classes)), np.bool_)
        for number, row in enumerate(self.rows, 1):
            text = row["label"]
            # A class may itself hold a semicolon.
            names = [text] if text in position else [each.strip() for each in text.split(FINDING_SEPARATOR)]
            names = [each for each in names if each]
            for each in names:
                if each not in position:
                    known = ", ".join(self.classes)[:200]
                    wanted = f"a class with a prob_ column: {known}"
                    if self.binary:
                        wanted = "0 or 1 beside the one column prob, or one column prob_<class> per class"
                    raise self._row_problem(number, "A label is unknown", repr(each[:80]), wanted)
                label[number - 1, position[each]] = True
        count = label.sum(axis=1)
        several = len(self.classes) == 1 or bool((count > 1).any())
        if not several and (count == 0).any():
            # No finding at all makes sense only where the classes do not exclude each other.
            several = bool((np.abs(prob.sum(axis=1) - 1.0) > sum_tolerance(len(self.classes))).any())
            if not several:
                first = int(np.flatnonzero(count == 0)[0]) + 1
                raise self._row_problem(first, "A label is missing", "an empty field", "the name of a class")
        return label, several

    def _findings(self) -> tuple[BoolArray, bool]:
        wanted = {LABEL + each for each in self.classes}
        if wanted != set(self.label_columns):
            raise self._problem(
                "Labels and probabilities name different classes",
                found=f"{', '.join(self.label_columns)} beside {', '.join(self.classes)}"[:300],
                expected="one label_ column for every prob_ column",
                fix="add or rename columns",
            )
        columns = [self.numbers(LABEL + each, 0.0, 1.0) for each in self.classes]
        label = np.stack(columns, axis=1)
        odd = np.argwhere((label != 0.0) & (label != 1.0))
        if odd.size:
            row, column = (int(each) for each in odd[0])
            raise self._row_problem(
                row + 1, f"The column {self.label_columns[column]!r} holds a wrong value",
                f"{label[row, column]:g}", "0 or 1",
            )  # fmt: skip
        return label == 1.0, True

    def _check_sums(self, prob: Float64Array) -> None:
        sums = prob.sum(axis=1)
        tolerance = sum_tolerance(len(self.classes))
        wrong = np.flatnonzero(np.abs(sums - 1.0) > tolerance)
        if wrong.size:
            first = int(wrong[0])
            raise self._row_problem(
                first + 1,
                "The probabilities of a row do not add up to 1",
                f"{sums[first]:.6g}",
                f"1, to within {tolerance:.3g}; several findings are labelled 'a;b' or by label_ columns",
            )

    def _row_problem(self, number: int, what: str, found: str, expected: str) -> InputProblem:
        return self._problem(
            f"{what} (row {number} below the header)",
            found=found,
            expected=expected,
            fix="correct or remove that row",
        )

    def _problem(self, what: str, *, found: str, expected: str, fix: str) -> InputProblem:
        return InputProblem(what, found=found, expected=expected, fix=fix, file=self.file)


def _usual_names(rows: Rows) -> Rows:
    """The rows with `case_id` called `case`, where there is no column of that name."""
    if "case" in rows[0] or "case_id" not in rows[0]:
        return rows
    names = ["case" if name == "case_id" else name for name in rows[0]]
    return tuple(dict(zip(names, row.values(), strict=True)) for row in rows)


def _number(text: str) -> float | None:
    """A finite number; float() would also take "1_0", "nan" and other digits.

    A comma counts as the decimal sign, but for what may be thousands.

    >>> _number("0.5"), _number("0,91"), _number("1,234"), _number("nan")
    (0.5, 0.91, None, None)
    """
    if not text.isascii() or "_" in text:
        return None
    if _DECIMAL_COMMA.fullmatch(text) and not _THOUSANDS.fullmatch(text):
        text = text.replace(",", ".")
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
