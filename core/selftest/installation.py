"""Are the libraries, the weights, the device and the disk what they should be?"""

from __future__ import annotations

import hashlib
import re
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from core.config import AnalysisConfig, EstimatorConfig
from core.inference.settings import resolve_settings
from core.models.known import find_every_model
from core.models.registry import SHIPPED_FOLDER
from core.pipeline import Outcome, open_sample, run_model
from core.selftest.records import Detail
from core.store import Store, StoreSettings, default_home
from core.types import Progress

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements.txt"
DEVICE_TOLERANCE = 1e-3
"""Largest difference of a probability between processor and GPU; as the tests demand."""


def libraries(progress: Progress) -> tuple[Detail, ...]:
    """Every library of requirements.txt: the version that is tested, or another one."""
    progress(0.0, "Comparing versions of libraries")
    pins = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", REQUIREMENTS.read_text(encoding="utf-8"), re.MULTILINE)
    return tuple(_library(name, pinned) for name, pinned in pins)


def weights(progress: Progress) -> tuple[Detail, ...]:
    """Every weight file of every model against the SHA-256 in its record; a damaged record is named."""
    models = find_every_model()
    broken = tuple(Detail(name=each.file, found=each.sentence, ok=False) for each in models.damaged)
    files = [(record, n) for record in models.records for n in range(len(record.members))]
    found = []
    for number, (record, member) in enumerate(files):
        progress(number / len(files), f"Hashing the weights of {record.id}")
        path, expected = record.weight_file(member), record.members[member].sha256
        same = path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == expected
        said = "as recorded" if same else "changed" if path.is_file() else "missing"
        found.append(Detail(name=f"{record.id}/{path.name}", found=said, ok=same))
    own = sum(record.folder.parent != SHIPPED_FOLDER for record in models.records)
    mine = (Detail(name="models of your own", found=str(own)),) if own else ()
    return (*broken, *found, *mine)


def device(progress: Progress) -> tuple[Detail, ...]:
    """What networks run on here; a GPU has to agree with the processor on a sample case."""
    settings = resolve_settings()
    progress(0.0, "Asking which device there is")
    said = f"{settings.device}, {settings.backend}, {settings.threads} thread per pass"
    chosen = Detail(name="device", found=said)
    if settings.device == "cpu":
        return (chosen,)
    with Store.open(mode="memory") as store:
        case = open_sample(store, "frontal-left")
        here = AnalysisConfig(estimator=EstimatorConfig(kind="point"), device="cpu")
        there = here.model_copy(update={"device": "cuda"})
        on = [run_model(store, case, each, progress=progress) for each in (here, there)]
    probs = [each.analysis.prob.values for each in on if isinstance(each, Outcome)]
    off = float(np.abs(probs[0] - probs[1]).max())
    close = Detail(name="GPU against processor", found=f"differ by {off:.1e}", ok=off <= DEVICE_TOLERANCE)
    return chosen, close


def disk(progress: Progress) -> tuple[Detail, ...]:
    """Room beside the store, against the floor under which new work is refused."""
    progress(0.0, "Looking at the disk")
    home = default_home().absolute()
    there = next(each for each in (home, *home.parents) if each.exists())
    free, floor = shutil.disk_usage(there).free, StoreSettings().min_free_bytes
    said = f"{free / 1e9:.1f} GB free; new work is refused below {floor / 1e9:.0f} GB"
    return (Detail(name="disk of the store", found=said, ok=free >= floor),)


def _library(name: str, pinned: str) -> Detail:
    try:
        found = version(name)
    except PackageNotFoundError:
        return Detail(name=name, found=f"not installed, {pinned} is tested", ok=False)
    # A local part such as +cpu names the build, not the version.
    other = found.partition("+")[0] != pinned
    return Detail(name=name, found=f"{found}, {pinned} is tested" if other else found, noted=other)
