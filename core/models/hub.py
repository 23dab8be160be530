"""Networks saved by segmentation-models-pytorch, from the Hugging Face Hub or a folder: two files, no code.

`config.json` tells the architecture, `model.safetensors` holds the weights; a pickle is never looked at.
"""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from core.errors import ModelProblem
from core.models.formats import MAX_FILE_BYTES
from core.models.hub_access import HUB, hub_reachable
from core.models.import_config import CheckpointConfig, HubConfig, first_error, read_import_config
from core.models.importer import keep_checkpoint
from core.models.records import WIDTH_OPTIONS, ArchitectureConfig, ModelRecord

CONFIG_FILE, WEIGHTS_FILE = "config.json", "model.safetensors"
LARGEST = {CONFIG_FILE: 1_000_000, WEIGHTS_FILE: MAX_FILE_BYTES}
REPOSITORY = re.compile(r"[A-Za-z0-9][\w.\-]{0,95}/[A-Za-z0-9][\w.\-]{0,95}")
COMMIT = re.compile(r"[0-9a-f]{40}")
ETAG_SECONDS = 5.0
HARMLESS = ("encoder_weights", "activation", "upsampling")
"""Of smp's options: where the encoder started from, the activation (ours is applied instead), and the last
resampling, which follows from the architecture."""


@dataclass(frozen=True)
class SavedNetwork:
    """Where the two files of a saved network lie, and how to name where they came from."""

    config: Path
    weights: Path
    origin: str


def import_from_hub(
    repository: str, config: Path, revision: str | None = None, own: Path | None = None
) -> ModelRecord:
    """Add a saved network to the user's models; returns its record, which names repository and commit.

    repository: "owner/name" on the Hub, or a local folder with the same two files. revision: commit of 40 hex
    digits; None: the newest, which is then written down. config: JSON with the fields of HubConfig.
    Raises ModelProblem, within seconds, when the Hub cannot be reached, and for files that do not fit.
    """
    stated = read_import_config(config, HubConfig)
    folder = Path(repository)
    saved = _in_folder(folder) if folder.is_dir() else _on_hub(repository, revision)
    fields = dict(stated)
    if stated.source == HubConfig.model_fields["source"].default:
        fields["source"] = saved.origin
    wanted = CheckpointConfig(**fields, architecture=_architecture(saved))
    return keep_checkpoint(saved.weights, wanted, config, own)


def _in_folder(folder: Path) -> SavedNetwork:
    paths = {name: folder / name for name in LARGEST}
    for name, path in paths.items():
        if not path.is_file():
            _refuse(folder.name, "A file of the saved network is missing", f"no {name}")
        _check_size(folder.name, name, path.stat().st_size)
    return SavedNetwork(paths[CONFIG_FILE], paths[WEIGHTS_FILE], f"folder {folder.name}, saved by smp")


def _on_hub(repository: str, revision: str | None) -> SavedNetwork:
    if not REPOSITORY.fullmatch(repository) or ".." in repository:
        _refuse(repository, "This is no id of the Hub", "neither a folder here nor owner/name")
    if revision is not None and not COMMIT.fullmatch(revision):
        _refuse(
            repository, "The revision is not pinned", repr(revision), "a commit of 40 hex digits",
            "copy the commit from the repository's history, or leave --revision out",
        )  # fmt: skip
    kept = _cached(repository, revision) if revision else None
    if kept is not None:
        return kept
    if not hub_reachable():
        _refuse(
            repository, "The Hub cannot be reached", f"no connection to {HUB[0]}, and no copy on disk",
            "a network, or a commit that was fetched before",
            "connect once, or give a folder that holds config.json and model.safetensors",
        )  # fmt: skip
    return _fetch(repository, revision)


def _cached(repository: str, commit: str) -> SavedNetwork | None:
    from huggingface_hub import try_to_load_from_cache

    paths = [try_to_load_from_cache(repository, name, revision=commit) for name in LARGEST]
    if not all(isinstance(path, str) for path in paths):
        return None
    found = {name: Path(str(path)) for name, path in zip(LARGEST, paths, strict=True)}
    for name, path in found.items():
        _check_size(repository, name, path.stat().st_size)
    return SavedNetwork(found[CONFIG_FILE], found[WEIGHTS_FILE], _origin(repository, commit))


def _fetch(repository: str, revision: str | None) -> SavedNetwork:
    from httpx2 import HTTPError
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        info = HfApi().model_info(repository, revision=revision, files_metadata=True, timeout=ETAG_SECONDS)
        sizes = {each.rfilename: each.size for each in info.siblings or ()}
        for name in LARGEST:
            if sizes.get(name) is None:
                _refuse(repository, "A file of the saved network is missing", f"no {name}")
            _check_size(repository, name, sizes[name] or 0)
        commit = str(info.sha)
        paths = {
            name: Path(hf_hub_download(repository, name, revision=commit, etag_timeout=ETAG_SECONDS))
            for name in LARGEST
        }
    except (HTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        raise ModelProblem(
            "The Hub does not hand out this network",
            file=repository,
            found=f"{type(error).__name__}: {' '.join(str(error).split())[:200]}",
            expected=f"a public repository with {CONFIG_FILE} and {WEIGHTS_FILE}",
            fix="check the id and the revision, or give a folder that holds the two files",
        ) from error
    return SavedNetwork(paths[CONFIG_FILE], paths[WEIGHTS_FILE], _origin(repository, commit))


def _origin(repository: str, commit: str) -> str:
    return f"Hugging Face Hub, {repository} at {commit}"


def _check_size(origin: str, name: str, size: int) -> None:
    if size > LARGEST[name]:
        _refuse(origin, f"{name} is too large", f"{size} bytes", f"at most {LARGEST[name]} bytes")


def _architecture(saved: SavedNetwork) -> ArchitectureConfig:
    """The architecture in config.json; an option that cannot be rebuilt here is refused by name."""
    from core.models.build import KINDS

    options = _read_options(saved.config)
    classes = {builder.__name__: kind for kind, builder in KINDS.items()}
    name = options.pop("_model_class", None)
    if name not in classes:
        _refuse(CONFIG_FILE, "This architecture is not known here", repr(name)[:100], ", ".join(classes))
    kind = classes[name]
    width = WIDTH_OPTIONS.get(kind, "decoder_channels")
    fields: dict[str, Any] = {
        "kind": kind,
        "encoder": options.pop("encoder_name", "resnet34"),
        "in_channels": options.pop("in_channels", 3),
        "classes": options.pop("classes", 1),
        "encoder_depth": options.pop("encoder_depth", None),
        # smp has no dropout directly before its head; the one inside a decoder is found by itself.
        "head_dropout": 0.0,
        "decoder_width" if kind in WIDTH_OPTIONS else "decoder_channels": options.pop(width, None),
    }
    _require_defaults(options, KINDS[kind])
    try:
        return ArchitectureConfig.model_validate(fields)
    except ValidationError as error:
        _refuse(CONFIG_FILE, "The saved architecture cannot be rebuilt", first_error(error))


def _require_defaults(options: dict[str, Any], builder: Any) -> None:
    known = inspect.signature(builder.__init__).parameters
    for name, value in options.items():
        if name.startswith("_") or name in HARMLESS:
            continue
        if name not in known or _plain(known[name].default) != _plain(value):
            found = f"{name} = {json.dumps(value)[:100]}"
            _refuse(CONFIG_FILE, "The saved network was built with an option that is not supported", found)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _read_options(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        _refuse(CONFIG_FILE, "The architecture file is not JSON", str(error)[:200])
    if not isinstance(found, dict):
        _refuse(CONFIG_FILE, "The architecture file is not an object", type(found).__name__)
    return found


def _refuse(
    file: str,
    what: str,
    found: str,
    expected: str = f"{CONFIG_FILE} and {WEIGHTS_FILE} as smp's save_pretrained writes them",
    fix: str = "save the network again with smp's save_pretrained, with default options",
) -> NoReturn:
    raise ModelProblem(what, file=file, found=found, expected=expected, fix=fix)
