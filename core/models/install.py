"""The user's models folder: a model is written whole or not at all, and removed whole."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from core.errors import ModelProblem
from core.models.mil_records import BAG_FILE
from core.models.records import ModelRecord
from core.models.registry import (
    RECORD_FILE,
    SHIPPED_FOLDER,
    find_models,
    read_record,
    user_models_folder,
    write_record,
)


def install(
    model_id: str, config: Path, own: Path | None, fill: Callable[[Path], ModelRecord]
) -> ModelRecord:
    """Let `fill` write a model's files into a new folder and return its record; then list it.

    Raises ModelProblem when the id is taken or the folder cannot be written.
    """
    folder = own or user_models_folder()
    require_free_id(model_id, config, folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Written under another name and moved, so that a half-written model is never listed.
        partial = Path(tempfile.mkdtemp(prefix=".importing-", dir=folder))
    except OSError as error:
        raise _not_writable(model_id, error) from error
    try:
        write_record(fill(partial), partial)
        partial.rename(folder / model_id)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise _not_writable(model_id, error) from error
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return read_record(folder / model_id / RECORD_FILE)


def require_free_id(model_id: str, config: Path, own: Path | None = None) -> None:
    """Raises ModelProblem when a model has this id already."""
    folder = own or user_models_folder()
    taken = {each.id for each in find_models(own=folder).records}
    if model_id in taken or (folder / model_id).exists():
        raise ModelProblem(
            "There is a model of this id already",
            file=config.name,
            found=model_id,
            expected="an id that no model has",
            fix="change `id` in the configuration, or remove the other model",
        )


def remove_model(model_id: str, shipped: Path = SHIPPED_FOLDER, own: Path | None = None) -> None:
    """Delete one of the user's models, also one whose file is damaged.

    Raises ModelProblem for a shipped model, an unknown one, and a folder that cannot be written.
    """
    folder = own or user_models_folder()
    mine = _names(folder)
    if model_id not in mine:
        is_shipped = model_id in _names(shipped)
        raise ModelProblem(
            "This model came with the program and stays" if is_shipped else "There is no such model",
            found=repr(model_id),
            expected="one of your own: " + (", ".join(mine) or "there is none"),
            fix="choose one of your own models; a shipped one cannot be removed"
            if is_shipped
            else "list them with: python -m core models list",
        )
    try:
        # Moved aside first: a model is never half there.
        doomed = Path(tempfile.mkdtemp(prefix=".removing-", dir=folder))
        (folder / model_id).rename(doomed / model_id)
        shutil.rmtree(doomed)
    except OSError as error:
        raise _not_writable(model_id, error) from error


def _names(folder: Path) -> list[str]:
    files = (RECORD_FILE, BAG_FILE)
    return sorted(path.parent.name for file in files for path in folder.glob(f"[!.]*/{file}"))


def _not_writable(model_id: str, error: OSError) -> ModelProblem:
    return ModelProblem(
        "The models folder cannot be written",
        file=model_id,
        found=error.strerror or type(error).__name__,
        expected="room and permission to write in the folder models of SECOND_LOOK_HOME",
        fix="free space or change the folder's permissions",
    )
