"""Studies that differ in a few voxels only, and what the app must hand out for each: every byte of it."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image as Picture

from core.config import ReadOptions, digest
from core.io import write_png
from core.io.reader import open_case
from core.pipeline import Outcome, stored_result
from core.report import json_file, mask_file, overlay_file
from core.store import Store
from core.types import Case, FixedPoint, NamedBytes
from core.view.overlay import plain_picture
from core.view.payload import start_slice
from core.view.volume import build_volume
from pages.ui.save import packed
from tests.pages.conftest import make_analysis, make_case


@dataclass(frozen=True)
class Study:
    """A stored result. `volume`: digest of the packed picture and maps. `files`: digests by file name."""

    case_id: str
    key: str
    volume: str
    volume_bytes: int
    files: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Upload:
    """A picture that nobody else has. `preview`: digest of the PNG that is shown of it."""

    file: NamedBytes
    case_id: str
    preview: str


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def put_twins(store: Store, count: int, slices: int, size: int, name: str = "study.tif") -> tuple[Study, ...]:
    """`count` studies under one file name whose masks have one length; five voxels tell them apart."""
    return tuple(_put_twin(store, seed, slices, size, name) for seed in range(count))


def make_upload(seed: int, size: int = 96) -> Upload:
    """A PNG called image.png, four pixels of which come from the seed."""
    rows, columns = np.mgrid[:size, :size]
    grey = (60 + 120 * ((rows - size / 2) ** 2 + (columns - size / 2) ** 2 < (size / 3) ** 2)).astype(
        np.uint8
    )
    grey.flat[[1, 2, 3, 4]] = list(seed.to_bytes(4, "big"))
    held = io.BytesIO()
    Picture.fromarray(grey).save(held, "PNG")
    file = NamedBytes("image.png", held.getvalue())
    case = open_case([file], ReadOptions()).case
    return Upload(file, case.id, sha(write_png(plain_picture(case, case.image.slices // 2))))


def _put_twin(store: Store, seed: int, slices: int, size: int, name: str) -> Study:
    case = _twin(seed, slices, size, name)
    made = make_analysis(case)
    prob = FixedPoint.of(case.image.values[:1], 1.0)
    found = replace(
        made,
        prob=prob,
        maps=replace(made.maps, predictive_entropy=FixedPoint.of(case.image.values[0] * 0.5, 0.6931)),
    )
    store.put_case(case)
    store.put_analysis(found)
    outcome = stored_result(store, found.made_by.key)
    assert isinstance(outcome, Outcome)
    return _study(outcome)


def _study(outcome: Outcome) -> Study:
    volume = b"".join(part.blob for part in build_volume(outcome.case, outcome.analysis).parts)
    shown = start_slice(outcome.analysis, outcome.verdict)
    files = [packed(each) for each in (mask_file(outcome), overlay_file(outcome, shown), json_file(outcome))]
    kept = tuple((each.name, sha(each.data)) for each in files)
    return Study(outcome.case.id, outcome.analysis.made_by.key, sha(volume), len(volume), kept)


def _twin(seed: int, slices: int, size: int, name: str) -> Case:
    plain = make_case(name, slices=1)
    values = np.zeros((1, slices, size, size), np.float32)
    values[:, :, size // 3 : size // 2, size // 3 : size // 2] = 1
    # Far from both ends and from the middle of the file, where Streamlit takes its samples.
    places = np.random.default_rng(seed).integers(0, size, (5, 2))
    values[0, slices // 4, places[:, 0], places[:, 1]] = 1
    geometry = replace(plain.image.geometry, source_shape=(slices, size, size))
    return replace(
        plain,
        id=digest(["twin", seed, slices, size]),
        format="tiff",
        image=replace(plain.image, values=values, geometry=geometry),
    )
