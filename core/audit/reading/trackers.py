"""Logs of Lightning's CSVLogger, of MLflow (file store or export) and of Weights & Biases (exports)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from core.audit.reading.logs import Logged
from core.audit.reading.problem import decimal_of, refused
from core.io.names import display_name
from core.types import NamedBytes, Rows

MLFLOW_METRIC = re.compile(r"(?:^|.*/)([0-9a-fA-F]{32})/metrics/(.+)$")
MLFLOW_NAME = re.compile(r"(?:^|.*/)([0-9a-fA-F]{32})/(?:tags/mlflow\.runName|params/fold)$")
MLFLOW_OTHER = re.compile(
    r"(?:^|.*/)([0-9a-fA-F]{32}/(tags|params|artifacts|outputs|inputs|meta\.yaml)|meta\.yaml$)"
)
RUN_COLUMNS = ("run_id", "run_uuid", "run", "run_name", "_run", "name")
EPOCH_COLUMNS = ("epoch", "Epoch", "trainer/epoch", "_step", "Step", "step")
OWN = ("epoch", "step", "_step", "_runtime", "_timestamp", "timestamp", "time", *RUN_COLUMNS, "fold")
ONE_RUN = re.compile(r"^(?P<run>.+) - (?P<metric>[^-]+?)(?P<bound>__MIN|__MAX)?$")
"""A column of a W&B chart export: "run name - val_loss", beside its __MIN and __MAX."""


def is_history(columns: Sequence[str]) -> bool:
    """Whether rows of these columns are a metric history: key, value, step."""
    return {"key", "value", "step"} <= set(columns)


def is_log(columns: Sequence[str]) -> bool:
    """Whether rows of these columns are one row per step or epoch."""
    return any(each in columns for each in EPOCH_COLUMNS)


def history_points(rows: Iterable[Mapping[str, Any]], file: str) -> Iterator[Logged]:
    """MLflow: one row per value (key, value, step, and the run where there are several)."""
    for number, row in enumerate(rows, 1):
        run = next((str(row[each]) for each in RUN_COLUMNS if row.get(each) not in {None, ""}), "")
        value = _number(row.get("value"))
        step = _number(row.get("step"))
        if step is None or "key" not in row:
            raise refused(
                file,
                f"row {number} without key or step",
                "key, value and step in each row",
                "export it again",
            )
        if value is not None:
            yield Logged(run, str(row["key"]), int(step), value)


def row_points(rows: Iterable[Mapping[str, Any]], file: str) -> Iterator[Logged]:
    """Lightning and W&B: one row per step or epoch; a metric that was not logged there is empty."""
    counter = ""
    for number, row in enumerate(rows, 1):
        counter = counter or next((each for each in EPOCH_COLUMNS if each in row), "")
        # A W&B row without an epoch, say of system metrics, belongs to no curve.
        place = _number(row.get(counter)) if counter else None
        if place is None:
            if row.get(counter) not in {None, ""}:
                found = f"{str(row[counter])[:80]!r} in column {counter}, row {number}"
                raise refused(file, found, "a number of the epoch", "correct that row")
            continue
        run = next((str(row[each]) for each in ("fold", *RUN_COLUMNS) if row.get(each) not in {None, ""}), "")
        for name, text in row.items():
            value = None if name in OWN else _number(text)
            if value is None:
                continue
            chart = ONE_RUN.fullmatch(name)
            if chart is None:
                yield Logged(run, name, int(place), value)
            elif chart["bound"] is None:
                yield Logged(chart["run"], chart["metric"], int(place), value)


def is_mlflow_file(name: str) -> bool:
    """Whether a path is one of MLflow's file store."""
    return bool(MLFLOW_METRIC.match(name) or MLFLOW_NAME.match(name) or MLFLOW_OTHER.match(name))


def mlflow_points(files: Iterable[NamedBytes]) -> Iterator[Logged]:
    """The metric files of a store: lines of "timestamp value step". A run is called by its name or fold."""
    names: dict[str, str] = {}
    held = list(files)
    for file in held:
        found = MLFLOW_NAME.match(file.name)
        if found and (found[1] not in names or file.name.endswith("params/fold")):
            text = file.data.decode("utf-8", "replace").strip()
            names[found[1]] = f"fold {text}" if file.name.endswith("params/fold") else text
    for file in held:
        metric = MLFLOW_METRIC.match(file.name)
        if metric is None:
            continue
        run = names.get(metric[1], metric[1])
        for number, line in enumerate(file.data.decode("utf-8", "replace").splitlines(), 1):
            parts = line.split()
            step = _number(parts[2]) if len(parts) > 2 else 0.0
            if len(parts) < 2 or step is None:
                found_text = f"{line[:80]!r} in line {number}"
                raise refused(
                    display_name(file.name),
                    found_text,
                    "lines of timestamp, value and step",
                    "copy the store again",
                )
            value = _number(parts[1])
            if value is not None:
                yield Logged(run, metric[2], int(step), value)


def _number(value: object) -> float | None:
    """A finite number of a field, None for anything else."""
    if value is None or isinstance(value, bool | dict | list):
        return None
    found = decimal_of(str(value))
    return None if found is None else float(found)


def as_texts(rows: Sequence[dict[str, Any]]) -> Rows:
    """JSON rows as a table of text: every column in every row, a missing value empty."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return tuple({name: "" if row.get(name) is None else str(row[name]) for name in columns} for row in rows)
