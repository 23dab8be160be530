"""Tables of predictions: class probabilities for the cases of a cohort, or a cohort of a table alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core import __version__
from core.cohort.names import last_of, stem_of
from core.config import AnalysisConfig, digest
from core.errors import InputProblem
from core.io.paths import read_path
from core.io.tables import read_table, sum_tolerance
from core.pipeline.cohorts import TABLES
from core.types import (
    Classification,
    CohortItem,
    CohortRecord,
    Float64Array,
    ItemResult,
    Listing,
    MadeBy,
    NamedBytes,
    RunRecord,
    Score,
    UnitResult,
    UnitTable,
)

if TYPE_CHECKING:
    from core.store import Store

TABLE_LAYOUT = "table"
NO_ROW = "The table has no row for this case."
_PREFIX = "prob_"


def is_table(listing: Listing) -> bool:
    """Whether a source is a table, given itself or as the only file."""
    return bool(listing.names) and listing.names[0].lower().endswith(TABLES) and "/" not in listing.names[0]


def add_table(
    store: Store, table: Path | NamedBytes, name: str | None = None
) -> tuple[CohortRecord, RunRecord]:
    """A table of predictions as a cohort without images and its one run; see `read_table` for the columns.

    Raises InputProblem that names the row where a value is wrong.
    """
    file = read_path(table)[0] if isinstance(table, Path) else table
    found = read_table(file)
    items = tuple(
        CohortItem(position=k, case_id=None, name=case, group=found.group[k], labels=_labels(found, k))
        for k, case in enumerate(found.name)
    )
    what = [[each.name, each.group, each.labels] for each in items]
    cohort = CohortRecord(
        id=digest([TABLE_LAYOUT, found.task, found.class_names, what]),
        name=name or Path(found.title).stem,
        task=found.task,
        layout=TABLE_LAYOUT,
        class_names=found.class_names,
        items=len(items),
        groups=len(set(found.group)),
    )
    store.put_cohort(cohort, items)
    results = {k: ItemResult(units=(_unit(found, k),), origin="imported") for k in range(found.units)}
    run = _put(store, cohort, digest([cohort.id, _numbers(found)]), found.title, found.class_names, results)
    return store.cohort(cohort.id) or cohort, run


def import_table(store: Store, cohort: CohortRecord, listing: Listing, title: str | None) -> RunRecord:
    """Class probabilities of the cases of a classification cohort, from a table with one column per class.

    Columns: case (its name, or the last part of it), and for each class prob_<class> or <class>.
    Cases without a row are listed among the run's failures.
    """
    if not is_table(listing):
        raise _wrong_kind(cohort, listing)
    rows = listing.rows(listing.names[0])
    columns = _columns(rows[0], cohort, listing.label)
    by_case = _by_case(rows, listing.label)
    names = tuple(name for name, _ in columns)
    results, found, used = {}, {}, set()
    for item in store.cohort_items(cohort.id):
        key = next((key for key in _keys(item.name) if key in by_case), None)
        if key is None:
            results[item.position] = ItemResult(problem=NO_ROW, origin="imported")
            continue
        used.add(key)
        prob = _probabilities(by_case[key], columns, key, cohort, listing.label)
        made = _classification(store, item, prob, names, cohort)
        found[item.position] = prob.tolist()
        results[item.position] = _result(item, prob, names, made)
    if not used:
        raise _no_case(cohort, listing, next(iter(by_case)))
    return _put(
        store,
        cohort,
        digest([cohort.id, names, sorted(found.items())]),
        title or listing.label,
        names,
        results,
    )


def _put(
    store: Store,
    cohort: CohortRecord,
    key: str,
    title: str,
    class_names: tuple[str, ...],
    results: Mapping[int, ItemResult],
) -> RunRecord:
    run = RunRecord(
        id=key,
        cohort_id=cohort.id,
        title=title,
        source="imported",
        task=cohort.task,
        class_names=class_names,
        config=None,
        items=cohort.items,
    )
    store.put_run(run)
    store.put_items(run.id, results)
    store.finish_run(run.id)
    return store.run(run.id) or run


def _labels(found: UnitTable, k: int) -> tuple[str, ...] | None:
    if found.label is None:
        return None
    return tuple(name for name, there in zip(found.class_names, found.label[k], strict=True) if there)


def _unit(found: UnitTable, k: int) -> UnitResult:
    prob = None if found.prob is None else found.prob[k]
    confidence = {key: float(values[k]) for key, values in found.confidence.items()}
    if prob is not None:
        confidence = _confidence(prob, multilabel=found.task == "multilabel")
    return UnitResult(
        has_ref=True,
        confidence=tuple(confidence.items()),
        metrics=tuple((key, float(values[k])) for key, values in found.metrics.items()),
        prob=None if prob is None else tuple(prob.tolist()),
        label=None if found.label is None else tuple(bool(each) for each in found.label[k]),
    )


def _numbers(found: UnitTable) -> list[object]:
    columns = [*found.confidence.values(), *found.metrics.values()]
    return [[each.tolist() for each in columns], None if found.prob is None else found.prob.tolist()]


def _confidence(prob: Float64Array, *, multilabel: bool) -> dict[str, float]:
    from core.metrics.selective.class_scores import class_confidence

    return {key: float(each[0]) for key, each in class_confidence(prob[None], multilabel=multilabel).items()}


def _result(
    item: CohortItem, prob: Float64Array, names: tuple[str, ...], made: Classification | None
) -> ItemResult:
    from core.pipeline.units import classification_item, labels_of

    if made is not None:
        return classification_item(item, made, origin="imported")
    label = labels_of(item, names, multilabel=True)
    unit = UnitResult(
        has_ref=label is not None,
        confidence=tuple(_confidence(prob, multilabel=False).items()),
        prob=tuple(prob.tolist()),
        label=label,
    )
    return ItemResult(units=(unit,), origin="imported")


def _classification(
    store: Store, item: CohortItem, prob: Float64Array, names: tuple[str, ...], cohort: CohortRecord
) -> Classification | None:
    """Kept with its case, so that it can be opened; None where the case has no image."""
    if item.case_id is None:
        return None
    several = cohort.task == "multilabel"
    scores = tuple(
        Score(key=key, value=value) for key, value in _confidence(prob, multilabel=several).items()
    )
    made_by = MadeBy(
        key=digest(["imported classification", item.case_id, names, prob.tolist()]),
        config=AnalysisConfig(model_id="imported"),
        app_version=__version__,
        weights=(),
        members=("sample 1",),
        device="elsewhere",
        backend="imported",
        precision="float64",
        threads=1,
        chunk=1,
        samples=1,
        channels=(),
        self_check=None,
        versions=(),
        created_utc="",
        notes=("Made elsewhere: class probabilities of a table.",),
    )
    made = Classification(item.case_id, names, several, prob[None], None, scores, made_by)
    store.put_classification(made)
    return made


def _columns(row: Mapping[str, str], cohort: CohortRecord, file: str) -> tuple[tuple[str, str], ...]:
    """(class, column) of every class of the cohort."""
    found = [
        (name, next((each for each in (_PREFIX + name, name) if each in row), None))
        for name in cohort.class_names
    ]
    missing = [name for name, column in found if column is None]
    if "case" not in row or missing:
        raise InputProblem(
            "A column is missing",
            found=f"columns {', '.join(row)}"[:300],
            expected=f"case and, for each class, {', '.join(_PREFIX + each for each in cohort.class_names)}",
            fix="add the column, or name the classes as the cohort does",
            file=file,
        )
    return tuple((name, column) for name, column in found if column is not None)


def _by_case(rows: tuple[Mapping[str, str], ...], file: str) -> dict[str, Mapping[str, str]]:
    found: dict[str, Mapping[str, str]] = {}
    for number, row in enumerate(rows, 1):
        if row["case"] in found:
            raise InputProblem(
                f"A case appears twice (row {number} below the header)",
                found=repr(row["case"][:80]),
                expected="one row per case",
                fix="remove one of the rows",
                file=file,
            )
        found[row["case"]] = row
    return found


def _keys(name: str) -> tuple[str, ...]:
    """How a table may call a case: its name, or the last part of it."""
    return name, last_of(name), stem_of(name)


def _probabilities(
    row: Mapping[str, str], columns: tuple[tuple[str, str], ...], case: str, cohort: CohortRecord, file: str
) -> Float64Array:
    try:
        prob = np.array([float(row[column]) for _, column in columns])
    except ValueError:
        prob = np.array([np.nan])
    total = float(prob.sum())
    one = cohort.task == "multilabel" or abs(total - 1.0) <= sum_tolerance(len(prob))
    if np.isfinite(prob).all() and prob.min() >= 0 and prob.max() <= 1 and one:
        return prob
    raise InputProblem(
        f"The probabilities of case {case[:80]!r} are wrong",
        found=", ".join(row[column][:20] for _, column in columns)[:200],
        expected="numbers from 0 to 1" + ("" if cohort.task == "multilabel" else " that add up to 1"),
        fix="correct the row",
        file=file,
    )


def _wrong_kind(cohort: CohortRecord, listing: Listing) -> InputProblem:
    return InputProblem(
        "The predictions are of another kind than the cohort",
        found=f"files for a {cohort.task} cohort",
        expected="a table with one column per class",
        fix="give the predictions of this cohort",
        file=listing.label,
    )


def _no_case(cohort: CohortRecord, listing: Listing, first: str) -> InputProblem:
    return InputProblem(
        "No row belongs to a case of the cohort",
        found=f"rows such as {first[:80]!r}",
        expected=f"the names of the cases of {cohort.name}",
        fix="name the cases as `cohort show` does",
        file=listing.label,
    )
