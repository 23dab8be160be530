"""Files to one study: each is told by its content, then what they say about the same fold is put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.audit.reading.json_text import load_json
from core.audit.reading.logs import MOST_POINTS, Logged, folds_of
from core.audit.reading.merge import together
from core.audit.reading.names import fold_name
from core.audit.reading.predictions import looks_like_predictions, read_predictions
from core.audit.reading.problem import SomethingElse, refused
from core.audit.reading.reported import read_reported
from core.audit.reading.table import read_reported_table
from core.audit.reading.trackers import (
    as_texts,
    history_points,
    is_history,
    is_log,
    is_mlflow_file,
    mlflow_points,
    row_points,
)
from core.audit.records import Fold, Study
from core.io.archive import Members
from core.io.limits import Limits, check_upload, limits_in_force
from core.io.names import display_name
from core.io.paths import read_path
from core.io.rows import read_rows
from core.io.sniff import sniff
from core.types import NamedBytes, Progress, Rows

VALUES_PER_ROW = 20
"""A JSON document may hold as many values as the longest table with so many columns."""
TABLES = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet")
KINDS = (
    "reported results (JSON or CSV), predictions with fold, case, label and prob columns, Lightning's "
    "metrics.csv, an "
    "MLflow folder or metric history, or a W&B history; README, section Training audit"
)


def read_study_paths(paths: Sequence[str | Path], limits: Limits | None = None) -> Study:
    """`read_study` of files and folders; the whole path of a file may name its fold."""
    limits = limits or limits_in_force()
    files: list[NamedBytes] = []
    for path in paths:
        found = read_path(path, limits)
        alone = Path(path).is_file()
        files += [
            NamedBytes(str(path) if alone else f"{Path(path).name}/{file.name}", file.data) for file in found
        ]
    return read_study(files, limits)


def read_study(
    files: Sequence[NamedBytes], limits: Limits | None = None, progress: Progress | None = None
) -> Study:
    """One study of all files, or of those in one zip. Raises InputProblem that names the file.

    progress: called before every file, and may stop the reading by raising.
    """
    limits = limits or limits_in_force()
    check_upload([len(file.data) for file in files], limits)
    name = display_name(files[0].name)
    if len(files) == 1 and sniff(files[0].data) == "zip":
        files = _unpacked(files[0], limits)
    store = [file for file in files if is_mlflow_file(file.name)]
    rest = [file for file in files if not is_mlflow_file(file.name)]
    # Beside a log lie checkpoints and settings; a single file is meant, whatever it is called.
    rest = rest if len(files) == 1 else [file for file in rest if _is_table(file.name)]
    parts, others = [], []
    for place, file in enumerate(rest):
        if progress is not None:
            progress(place / len(rest), f"Reading file {place + 1} of {len(rest)}")
        try:
            parts.append(_one(file, limits))
        except SomethingElse as problem:
            others.append(problem)
    if store:
        parts.append(_log(list(mlflow_points(store)), store[0].name))
    if not parts and others:
        raise others[0]
    if not parts:
        raise refused(name, "no file that says anything about folds", KINDS, "add one")
    return replace(together(parts), left_out=tuple(each.file for each in others))


def _unpacked(file: NamedBytes, limits: Limits) -> list[NamedBytes]:
    """The members of a zip that may say something; see `Members` for refusals."""
    found, left = Members(file.data, limits), limits.inflated
    members = []
    for index, name in enumerate(found.names):
        if is_mlflow_file(name) or _is_table(name):
            members.append(NamedBytes(name, found.read(index, left)))
            left -= len(members[-1].data)
    return members


def _is_table(name: str) -> bool:
    last = name.replace("\\", "/").rpartition("/")[2].lower()
    return last.endswith(TABLES) and not last.startswith(".")


def _one(file: NamedBytes, limits: Limits) -> Study:
    name = display_name(file.name)
    if file.data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"{", b"["}:
        return _document(load_json(file.data, name, VALUES_PER_ROW * limits.rows), file.name, limits)
    return _rows(read_rows(NamedBytes(name, file.data), limits), file.name)


def _document(document: Any, path: str, limits: Limits) -> Study:
    name = display_name(path)
    if isinstance(document, dict) and "folds" in document:
        return read_reported(document, name)
    if isinstance(document, dict):
        document = next(
            (document[key] for key in ("metrics", "predictions", "history") if key in document), document
        )
    rows = document if isinstance(document, list) else []
    if not rows or not all(isinstance(each, dict) for each in rows):
        raise SomethingElse(
            "The audit cannot use this file", found="JSON of another form", expected=KINDS,
            fix="export one of these", file=name,
        )  # fmt: skip
    if len(rows) > limits.rows:
        raise refused(name, f"{len(rows):,} rows", f"at most {limits.rows:,}", "export every n-th step")
    return _rows(as_texts(rows), path)


def _rows(rows: Rows, path: str) -> Study:
    name, columns = display_name(path), tuple(rows[0])
    if looks_like_predictions(columns):
        return read_predictions(rows, name, None if "fold" in columns else fold_name(path) or "1")
    if is_history(columns):
        return _log(list(history_points(rows, name)), path)
    if is_log(columns) and not ("fold" in columns and len({row["fold"] for row in rows}) == len(rows)):
        return _log(list(row_points(rows, name)), path)
    if "fold" in columns:
        return read_reported_table(rows, name)
    raise refused(name, f"columns {', '.join(columns)}", KINDS, "export one of these")


def _log(points: Sequence[Logged], path: str) -> Study:
    name = display_name(path)
    if len(points) > MOST_POINTS:
        raise refused(name, f"{len(points):,} values", f"at most {MOST_POINTS:,}", "export every n-th step")
    found = folds_of(points)
    if not found:
        names = ", ".join(dict.fromkeys(each.name for each in points))[:200] or "no value"
        expected = "train_loss, val_loss, val_auc, val_acc, val_f1 or attention diagnostics"
        raise refused(name, f"metrics called {names}", expected, "log one of these names for each epoch")
    return Study(title="", classes=(), positive=0, folds=tuple(_named(found, path)), sources=(name,))


def _named(found: dict[str, Fold], path: str) -> list[Fold]:
    """Folds with names: of their run where there are several, else of the path."""
    if len(found) == 1:
        ((run, fold),) = found.items()
        return [
            fold.model_copy(update={"name": fold_name(f"{run}.") or _plain(run) or fold_name(path) or ""})
        ]
    wanted = [fold_name(f"{run}.") or run for run in found]
    names = wanted if len(set(wanted)) == len(wanted) else list(found)
    return [fold.model_copy(update={"name": name}) for name, fold in zip(names, found.values(), strict=True)]


def _plain(run: str) -> str:
    """A run's own name where it says which fold it is; ids say nothing."""
    return run if run.isdigit() else ""
