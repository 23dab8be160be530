"""Trainings that come with the program, to see what an audit says of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.types import NamedBytes

ASSETS = Path(__file__).resolve().parents[2] / "assets"


@dataclass(frozen=True)
class SampleStudy:
    """One training. path: a file, or a folder of logs and predictions, below `assets`."""

    key: str
    title: str
    text: str
    path: str


SAMPLES: tuple[SampleStudy, ...] = (
    SampleStudy("golden", "A published study of two classes",
                "Five folds with mean AUC .96. Its own confusion matrices say otherwise.",
                "audit/golden_two_class_mil.json"),
    SampleStudy("lgg-mil", "The bag model of this program",
                "Tumour in a slab of a brain MRI: its five folds with predictions, losses and attention.",
                "models/lgg-mil"),
    SampleStudy("collapsed", "A run made to collapse",
                "One class is hardly ever predicted, and attention looks at one slice from epoch 3 on.",
                "audit/lgg-mil-collapsed"),
    SampleStudy("cured", "The same run, cured",
                "The same fold and epochs with class weights, warm attention and instance dropout.",
                "audit/lgg-mil-cured"),
    SampleStudy("synthetic", "A run with nothing wrong",
                "Drawn bags whose classes can be told apart: what an audit says when it finds nothing.",
                "audit/synthetic-mil"),
)  # fmt: skip


def sample_files(key: str) -> tuple[NamedBytes, ...]:
    """The tables of a sample, named from its folder on. Raises KeyError that lists the known keys."""
    found = next((each for each in SAMPLES if each.key == key), None)
    if found is None:
        raise KeyError(f"{key!r} is none of {', '.join(each.key for each in SAMPLES)}")
    path = ASSETS / found.path
    files = [path] if path.is_file() else sorted(path.rglob("*.csv"))
    return tuple(NamedBytes(str(each.relative_to(path.parent)), each.read_bytes()) for each in files)
