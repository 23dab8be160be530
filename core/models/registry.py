"""The models that can be chosen: those shipped in `assets/models` and the user's own."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, overload

import platformdirs
from pydantic import ValidationError

from core.errors import ModelProblem
from core.models.records import ModelRecord

SHIPPED_FOLDER = Path(__file__).resolve().parents[2] / "assets" / "models"
RECORD_FILE = "model.json"
MAX_RECORD_BYTES = 1_000_000
Record = TypeVar("Record", bound=ModelRecord)


def user_models_folder() -> Path:
    """Where a user's own models lie: `models` in SECOND_LOOK_HOME, by default the user's data directory."""
    home = os.environ.get("SECOND_LOOK_HOME")
    return Path(home or platformdirs.user_data_dir("second-look", appauthor=False)) / "models"


@dataclass(frozen=True)
class FoundModels:
    """Models that can be read, and what is wrong with the others; a problem's file begins with its folder."""

    records: tuple[ModelRecord, ...]
    damaged: tuple[ModelProblem, ...]


def list_models(shipped: Path = SHIPPED_FOLDER, own: Path | None = None) -> tuple[ModelRecord, ...]:
    """Every model, the shipped ones first, each group in order of id.

    A user's model cannot take the id of a shipped one. Raises ModelProblem when a model file is damaged.
    """
    found = find_models(shipped, own)
    for problem in found.damaged:
        raise problem
    return found.records


def find_models(shipped: Path = SHIPPED_FOLDER, own: Path | None = None) -> FoundModels:
    """`list_models`, with the damaged ones beside the others instead of in their place."""
    return FoundModels(*find_records(RECORD_FILE, ModelRecord, shipped, own))


def find_records(
    file: str, kind: type[Record], shipped: Path = SHIPPED_FOLDER, own: Path | None = None
) -> tuple[tuple[Record, ...], tuple[ModelProblem, ...]]:
    """The records in files of this name, the shipped ones first, and what is wrong with damaged ones."""
    records: dict[str, Record] = {}
    damaged: list[ModelProblem] = []
    for folder in (shipped, own or user_models_folder()):
        for path in sorted(folder.glob(f"[!.]*/{file}")):
            try:
                record = read_record(path, kind)
            except ModelProblem as problem:
                damaged.append(problem)
            else:
                records.setdefault(record.id, record)
    ordered = sorted(records.values(), key=lambda record: (record.folder.parent != shipped, record.id))
    return tuple(ordered), tuple(damaged)


def get_model(model_id: str, shipped: Path = SHIPPED_FOLDER, own: Path | None = None) -> ModelRecord:
    """The model with this id. Raises ModelProblem that lists the known ids."""
    return with_id(list_models(shipped, own), model_id)


def with_id(
    records: Iterable[Record], model_id: str, kind: str = "model", instead: str = "import your own"
) -> Record:
    """The record with this id. Raises ModelProblem that lists the known ids.

    kind: what the records are called; instead: what to do where none of them will do.
    """
    known = {record.id: record for record in records}
    if model_id not in known:
        raise ModelProblem(
            f"There is no such {kind}",
            found=repr(model_id),
            expected="one of " + (", ".join(known) or f"none, as no {kind} is installed"),
            fix=f"choose a model from the list, or {instead}",
        )
    return known[model_id]


def promptless(records: Iterable[ModelRecord]) -> tuple[ModelRecord, ...]:
    """The models that answer for a whole case without anything being drawn first."""
    return tuple(record for record in records if record.prompt is None)


def require_promptless(record: ModelRecord) -> None:
    """Raises ModelProblem for a model that answers only to a box."""
    if record.prompt is not None:
        raise ModelProblem(
            "This model needs a box round what it should outline",
            file=record.id,
            found="a whole case without a box",
            expected="a box or a point on a slice",
            fix=f"draw one on the Prompts page, or use: python -m core jitter COHORT --model {record.id}",
        )


@overload
def read_record(path: Path) -> ModelRecord: ...
@overload
def read_record(path: Path, kind: type[Record]) -> Record: ...
def read_record(path: Path, kind: type[ModelRecord] = ModelRecord) -> ModelRecord:
    """The record in a `model.json` and the folder it lies in. Raises ModelProblem naming the wrong field.

    kind: of record that the file holds.
    """
    if path.stat().st_size > MAX_RECORD_BYTES:
        raise _damaged(path, f"{path.stat().st_size} bytes", f"at most {MAX_RECORD_BYTES} bytes")
    try:
        record = kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise _damaged(path, f"{place}: {first['msg']}", "a model file as Second Look writes it") from error
    if record.id != path.parent.name:
        raise _damaged(path, f"id {record.id!r}", f"the name of its folder, {path.parent.name!r}")
    return record.model_copy(update={"folder": path.parent})


def weights_digest(record: ModelRecord, member: int) -> str:
    """SHA-256 of a member's weight file, 64 hex digits; loading refuses a file that has another."""
    return record.members[member].sha256


def write_record(record: ModelRecord, folder: Path, name: str = RECORD_FILE) -> Path:
    """Write `model.json`, or a file of another name, into the folder and return its path."""
    path = folder / name
    path.write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return path


def _damaged(path: Path, found: str, expected: str) -> ModelProblem:
    return ModelProblem(
        "The model file cannot be used",
        file=f"{path.parent.name}/{path.name}",
        found=found,
        expected=expected,
        fix="restore the file, or import the model again",
    )
