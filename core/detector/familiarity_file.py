"""What is kept of a model's training pictures as one safetensors file; no code can hide in it."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from core.detector.familiarity import Familiarity, Gaussian, Scale, View
from core.detector.kept_file import kept_bytes
from core.detector.picture_statistics import STATISTICS_SIZE
from core.errors import ModelProblem

FORMAT = "1"
Tensors = dict[str, NDArray[np.generic]]


def write_familiarity(familiarity: Familiarity, path: Path) -> str:
    """Write the file and return its SHA-256. Roots are triangular and kept in half precision."""
    views = {"whole": familiarity.whole, **{f"member {k}": v for k, v in familiarity.members.items()}}
    tensors: Tensors = {}
    for name, view in views.items():
        for kind, each in enumerate(view.kinds):
            rows, columns = np.tril_indices(len(each.root))
            tensors[f"{name}/{kind}/mean"] = each.mean.astype(np.float32)
            tensors[f"{name}/{kind}/scale"] = each.scale.astype(np.float32)
            tensors[f"{name}/{kind}/root"] = each.root[rows, columns].astype(np.float16)
        tensors[f"{name}/usual"] = _ends(view.scale)
    tensors["picture"], tensors["study"] = _ends(familiarity.picture), _ends(familiarity.study)
    tensors["patients"] = np.array([familiarity.patients], dtype=np.int64)
    data = save(tensors, {"format": FORMAT})
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def read_familiarity(path: Path, sha256: str) -> Familiarity:
    """The file's content, remembered. Raises ModelProblem when it is missing, was changed or does not fit."""
    return _read(path, sha256)


@lru_cache(maxsize=8)
def _read(path: Path, sha256: str) -> Familiarity:
    data = kept_bytes(path, sha256, _problem)
    try:
        tensors = load(data)
        members = sorted({int(n.split("/")[0].split()[1]) for n in tensors if n.startswith("member ")})
        return Familiarity(
            whole=_view(tensors, "whole", STATISTICS_SIZE),
            members={k: _view(tensors, f"member {k}", None) for k in members},
            picture=_scale(tensors["picture"]),
            study=_scale(tensors["study"]),
            patients=int(tensors["patients"][0]),
        )
    except (SafetensorError, KeyError, ValueError, IndexError) as error:
        raise _problem(path, str(error)[:200], "a file as `core train familiarity` writes it") from error


def _view(tensors: Tensors, name: str, size: int | None) -> View:
    kinds: list[Gaussian] = []
    while f"{name}/{len(kinds)}/mean" in tensors:
        part = f"{name}/{len(kinds)}"
        mean, scale, packed = (
            np.asarray(tensors[f"{part}/{each}"], np.float64) for each in ("mean", "scale", "root")
        )
        finite = all(np.isfinite(each).all() for each in (mean, scale, packed))
        if size not in (None, len(mean)) or not finite:
            raise ValueError(f"{part} has {len(mean)} features or values that are not finite")
        root = np.zeros((len(mean), len(mean)))
        root[np.tril_indices(len(mean))] = packed
        kinds.append(Gaussian(mean, scale, root))
    if not kinds:
        raise ValueError(f"{name} is missing")
    return View(tuple(kinds), _scale(tensors[f"{name}/usual"]))


def _ends(scale: Scale) -> NDArray[np.float64]:
    return np.array([scale.typical, scale.limit])


def _scale(ends: NDArray[np.generic]) -> Scale:
    typical, limit = (float(each) for each in ends)
    if not limit > typical:
        raise ValueError("the limit must lie beyond the typical distance")
    return Scale(typical, limit)


def _problem(path: Path, found: str, expected: str) -> ModelProblem:
    return ModelProblem(
        "The description of the training pictures cannot be used",
        file=path.name,
        found=found,
        expected=expected,
        fix="restore the file, or make it again with `python -m core train familiarity`",
    )
