"""Weight files on disk: what they hold according to their header, then their tensors; pickles never run."""

from __future__ import annotations

import json
import zipfile
from _pickle import UnpicklingError  # what torch.load(weights_only=True) raises; nothing is unpickled here
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from core.errors import ModelProblem

Shapes = dict[str, tuple[int, ...]]

MAX_FILE_BYTES = 2 * 1024**3
MAX_HEADER_BYTES = 10_000_000
MAX_TENSORS = 20_000
PARALLEL = "module."
"""What DataParallel puts before every name."""
DTYPES = ("F16", "BF16", "F32", "F64", "I64")
TORCH_SUFFIXES = (".pt", ".pth")


def read_shapes(path: Path) -> Shapes:
    """Name and shape of every tensor in a weight file, read without its values.

    Raises ModelProblem for a file that is too large, damaged, compressed, or more than a flat state dict.
    """
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise _refusal(
            path, "The weight file is too large", f"{size} bytes", f"at most {MAX_FILE_BYTES} bytes"
        )
    if path.suffix == ".safetensors":
        return _safetensors_shapes(path, size)
    if path.suffix in TORCH_SUFFIXES:
        _check_archive(path)
        return {name: tuple(tensor.shape) for name, tensor in _torch_state(path, "meta").items()}
    raise _refusal(
        path, "This is not a weight file", f"the ending {path.suffix!r}", ".safetensors, .pt or .pth"
    )


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file that `read_shapes` has passed, on the CPU."""
    if path.suffix in TORCH_SUFFIXES:
        return _torch_state(path, "cpu")
    try:
        return load_file(path, device="cpu")
    except SafetensorError as error:
        raise _refusal(
            path, "The weight file is damaged", str(error)[:300], "a complete safetensors file"
        ) from error


def _safetensors_shapes(path: Path, size: int) -> Shapes:
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > min(MAX_HEADER_BYTES, max(0, size - 8)):
            found = f"a header of {length} bytes in a file of {size}"
            raise _refusal(path, "The weight file is damaged", found, "a complete safetensors file")
        header = _parse_header(path, stream.read(length))
    header.pop("__metadata__", None)
    if len(header) > MAX_TENSORS:
        raise _refusal(path, "Too many weights", str(len(header)), f"at most {MAX_TENSORS}")
    return {name: _entry_shape(path, name, entry) for name, entry in header.items()}


def _parse_header(path: Path, raw: bytes) -> dict[str, Any]:
    # Duplicate names let two readers see two different networks in one file.
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        twice = [name for name, times in Counter(name for name, _ in pairs).items() if times > 1]
        if twice:
            raise _refusal(path, "A name appears twice in the header", min(twice)[:100], "every name once")
        return dict(pairs)

    try:
        header = json.loads(raw.decode("utf-8"), object_pairs_hook=unique)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise _refusal(path, "The header is not JSON", str(error)[:200], "a safetensors header") from error
    if not isinstance(header, dict):
        raise _refusal(path, "The header is not an object", type(header).__name__, "names and shapes")
    return header


def _entry_shape(path: Path, name: str, entry: object) -> tuple[int, ...]:
    shape = entry.get("shape") if isinstance(entry, dict) else None
    dtype = entry.get("dtype") if isinstance(entry, dict) else None
    if not isinstance(shape, list) or not all(type(each) is int and each >= 0 for each in shape):
        raise _refusal(path, f"The weight {name} has no valid shape", str(shape)[:100], "a list of sizes")
    if dtype not in DTYPES:
        raise _refusal(path, f"The weight {name} has an odd number type", str(dtype)[:100], ", ".join(DTYPES))
    return tuple(shape)


def _check_archive(path: Path) -> None:
    # A stored (uncompressed) member cannot unpack to more than the file itself holds.
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        expected = "a state dict written by torch.save since PyTorch 1.6"
        raise _refusal(
            path, "The weight file is not a PyTorch archive", str(error)[:200], expected
        ) from error
    packed = [each.filename for each in members if each.compress_type != zipfile.ZIP_STORED]
    if packed or sum(each.file_size for each in members) > path.stat().st_size:
        found = f"compressed member {packed[0]}" if packed else "members larger than the file"
        raise _refusal(path, "The weight file is compressed", found, "stored members only")


def _torch_state(path: Path, device: Literal["meta", "cpu"]) -> dict[str, Tensor]:
    try:
        loaded = torch.load(path, map_location=device, weights_only=True)
    except (UnpicklingError, RuntimeError, ValueError, EOFError, KeyError, OSError) as error:
        expected = "a state dict of tensors and nothing else"
        raise _refusal(path, "The weight file cannot be read safely", str(error)[:300], expected) from error
    state = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else loaded
    if not isinstance(state, dict):
        raise _refusal(path, "The file holds no state dict", type(state).__name__, "names and tensors")
    if state and all(isinstance(name, str) and name.startswith(PARALLEL) for name in state):
        state = {name.removeprefix(PARALLEL): value for name, value in state.items()}
    odd = [str(name) for name, value in state.items() if not _is_weight(name, value)]
    if odd or len(state) > MAX_TENSORS:
        found = f"{odd[0][:100]}" if odd else f"{len(state)} entries"
        raise _refusal(path, "The file holds more than weights", found, "names and dense tensors")
    return dict(state)


def _is_weight(name: object, value: object) -> bool:
    return isinstance(name, str) and isinstance(value, Tensor) and value.layout == torch.strided


def _refusal(path: Path, what: str, found: str, expected: str) -> ModelProblem:
    fix = "export the network's state_dict with safetensors.torch.save_file"
    return ModelProblem(what, file=path.name, found=found, expected=expected, fix=fix)
