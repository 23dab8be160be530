"""Models as a reader meets them: what each is, where it came from, what it can be asked; adding and removing.

Chains the checks of `core.models` with one trial of a network in `core.inference`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Literal

from core.config import Frozen
from core.errors import ModelProblem
from core.inference import ESTIMATORS, EstimatorSpec, possible_estimators
from core.mode import current_mode
from core.models import ModelRecord, OnnxArchitecture, user_models_folder
from core.models.importer import ImportPreview, import_model, preview_model
from core.models.install import remove_model
from core.models.known import any_model, find_every_model
from core.models.mil_records import BagArchitecture, BagRecord
from core.models.registry import SHIPPED_FOLDER, FoundModels
from core.types import NamedBytes, Progress, Task

Origin = Literal["shipped", "own"]
CARDS = ("CARD.md", "PROMPTS.md", "FAMILIARITY.md", "CONFIDENCE.md", "QUALITY.md")
SUFFIXES = (".safetensors", ".onnx", ".pt", ".pth")

_REST = """  "channels": ["intensity"],
  "class_names": ["lesion"],
  "activation": "sigmoid",
  "working_size": 256,
  "preprocessing": {"mean": [0.5], "std": [0.25]},
  "description": "What it outlines, on which pictures.",
  "licence": "of the weights and their training data",
  "source": "who trained it, on what"
}
"""

TEMPLATE = (
    """{
  "id": "my-model",
  "title": "My model",
  "architecture": {
    "kind": "unet",
    "encoder": "resnet18",
    "in_channels": 1,
    "classes": 1,
    "head_dropout": 0.0
  },
"""
    + _REST
)
"""Configuration of a checkpoint, to start from."""

ONNX_TEMPLATE = (
    """{
  "id": "my-graph",
  "title": "My graph",
  "task": "segmentation",
  "output": "logits",
"""
    + _REST
)
"""Configuration of an ONNX graph, to start from."""


class MemberFacts(Frozen):
    """One network's file. bytes: its size, None when the file is missing. left_out: folds it never saw."""

    file: str
    sha256: str
    bytes: int | None
    left_out: tuple[int, ...]


class ImpossibleEstimator(Frozen):
    """An estimator that a model cannot be asked for, and why."""

    key: str
    label: str
    reason: str


class ModelFacts(Frozen):
    """Everything the Models page and `models show` say about a model.

    network: what computes, in words. patients: of each fold, () where no folds are known. unseen: fewest
    networks that never saw a training patient, None without folds. estimators: (key, label) it can be asked
    for, best first. familiar: whether foreign pictures can be told. judged: whether a quality
    network judges its outlines. slab: what a bag
    model judges at a time, "" for any other. cards: Markdown files that lie beside it.
    """

    id: str
    title: str
    description: str
    task: Task
    origin: Origin
    network: str
    channels: tuple[str, ...]
    class_names: tuple[str, ...]
    activation: str
    working_size: int
    volume: str
    licence: str
    source: str
    members: tuple[MemberFacts, ...]
    patients: tuple[int, ...]
    unseen: int | None
    trained: str
    estimators: tuple[tuple[str, str], ...]
    impossible: tuple[ImpossibleEstimator, ...]
    familiar: bool
    judged: bool
    limits: str
    slab: str
    cards: tuple[str, ...]

    @property
    def bytes(self) -> int:
        """Size of all weight files."""
        return sum(each.bytes or 0 for each in self.members)


def known_models() -> FoundModels:
    """All models, and what is wrong with those that cannot be read."""
    return find_every_model()


def describe_model(record: ModelRecord) -> ModelFacts:
    """What is known about a model; nothing is opened or run."""
    possible = possible_estimators(record)
    keys = {spec.key for spec in possible}
    return ModelFacts(
        **{
            name: getattr(record, name)
            for name in (
                "id", "title", "description", "task", "channels", "class_names", "activation", "working_size",
                "volume", "licence", "source",
            )
        },
        origin="shipped" if record.folder.parent == SHIPPED_FOLDER else "own",
        network=_network(record),
        members=tuple(_member(record, index) for index in range(len(record.members))),
        patients=tuple(len(fold) for fold in record.folds),
        unseen=_fewest_unseen(record),
        trained=_trained(record),
        estimators=tuple((spec.key, spec.label) for spec in possible),
        impossible=tuple(
            ImpossibleEstimator(key=spec.key, label=spec.label, reason=_reason(record, spec))
            for spec in ESTIMATORS
            if spec.key not in keys
        ),
        familiar=record.familiarity is not None,
        judged=record.quality is not None,
        limits=record.rule_limits.cohort if record.rule_limits else "",
        slab=_slab(record),
        cards=tuple(name for name in CARDS if (record.folder / name).is_file()),
    )  # fmt: skip


def model_card(record: ModelRecord, name: str = "CARD.md") -> str:
    """Text of a card beside a model, "" when there is none. A user's own card is foreign text."""
    path = record.folder / name
    return path.read_text(encoding="utf-8", errors="replace")[:200_000] if path.is_file() else ""


def add_model(weights: Path, config: Path) -> ModelRecord:
    """Add a checkpoint or an ONNX graph to the user's models; a graph is tried once, and taken out again
    when it does not work.

    Raises ModelProblem naming file, found, expected and fix.
    """
    record = import_model(weights, config)
    if isinstance(record.architecture, OnnxArchitecture):
        from core.inference.onnx_member import try_model

        try:
            try_model(record)
        except ModelProblem:
            remove_model(record.id)
            raise
    return record


def add_from_hub(repository: str, config: Path, revision: str | None = None) -> ModelRecord:
    """Add a network that segmentation-models-pytorch saved, from the Hub or a folder. Raises ModelProblem."""
    from core.models.hub import import_from_hub

    return import_from_hub(repository, config, revision)


def preview_upload(weights: NamedBytes, config: NamedBytes) -> ImportPreview:
    """What an upload would become; nothing is kept and nothing in it is run. Raises ModelProblem."""
    with _on_disk(weights, config) as paths:
        return preview_model(*paths)


def add_upload(weights: NamedBytes, config: NamedBytes, progress: Progress) -> str:
    """Add an upload to the user's models and return its id. Raises ModelProblem."""
    progress(0.1, "Checking the network")
    with _on_disk(weights, config) as paths:
        record = add_model(*paths)
    progress(1.0, "Added")
    return record.id


def remove_own_model(model_id: str) -> None:
    """Delete one of the user's models; results that it made stay. Raises ModelProblem for a shipped one."""
    remove_model(model_id)


def find_model(model_id: str) -> ModelRecord:
    """The model with this id. Raises ModelProblem that lists the known ones."""
    return any_model(model_id)


def models_writable() -> bool:
    """Whether the user's models folder, or the nearest folder above it that exists, can be written.

    A public server keeps nothing of a visitor, so none can be added there.
    """
    if current_mode().public:
        return False
    folder = user_models_folder()
    while not folder.exists():
        folder = folder.parent
    return os.access(folder, os.W_OK)


@contextmanager
def _on_disk(weights: NamedBytes, config: NamedBytes) -> Iterator[tuple[Path, Path]]:
    # Names are labels: only the ending is taken over, and only a known one.
    suffix = PurePosixPath(weights.name.replace("\\", "/")).suffix.lower()
    if suffix not in SUFFIXES:
        raise ModelProblem(
            "This is not a weight file",
            file=weights.name,
            found=f"the ending {suffix!r}",
            expected=", ".join(SUFFIXES),
            fix="give weights as safetensors, or a network as ONNX",
        )
    with tempfile.TemporaryDirectory(prefix="second-look-model-") as folder:
        paths = Path(folder) / f"weights{suffix}", Path(folder) / "configuration.json"
        for path, upload in zip(paths, (weights, config), strict=True):
            path.write_bytes(upload.data)
        try:
            yield paths
        except ModelProblem as problem:
            # The reader knows the files by the names that they came with.
            named = {paths[0].name: weights.name, paths[1].name: config.name}.get(problem.file, problem.file)
            raise ModelProblem(
                problem.what, file=named, found=problem.found, expected=problem.expected, fix=problem.fix
            ) from problem


def _network(record: ModelRecord) -> str:
    what = record.architecture
    if isinstance(what, OnnxArchitecture):
        return f"ONNX graph, opset {what.opset}, run by ONNX Runtime on the processor"
    if isinstance(what, BagArchitecture):
        return (
            f"multiple-instance network with {what.backbone}, {what.attention} attention over slices, "
            f"dropout {what.head_dropout:g} before its heads"
        )
    if what.kind == "classifier":
        return f"classifier with {what.backbone}, dropout {what.head_dropout:g} before its head"
    return f"{what.kind} with {what.encoder}, dropout {what.head_dropout:g} before its head"


def _slab(record: ModelRecord) -> str:
    if not isinstance(record, BagRecord):
        return ""
    if record.bag == "volume":
        return "a whole volume"
    return (
        f"slabs of {record.bag_size or 'all'} neighbouring slices; the likeliest one decides for the volume"
    )


def _member(record: ModelRecord, index: int) -> MemberFacts:
    each, path = record.members[index], record.weight_file(index)
    return MemberFacts(
        file=each.file,
        sha256=each.sha256,
        bytes=path.stat().st_size if path.is_file() else None,
        left_out=each.left_out_folds,
    )


def _fewest_unseen(record: ModelRecord) -> int | None:
    counts = [len(record.members_unseen(fold[0])) for fold in record.folds if fold]
    return min(counts, default=None)


def _trained(record: ModelRecord) -> str:
    made = record.training
    if made is None:
        return ""
    minutes = sum(made.seconds) / 60
    return (
        f"{made.epochs} epochs, seed {made.seed}, {minutes:.0f} minutes for all networks; settings "
        f"{made.config} ({made.config_digest[:12]}), data {made.data_digest[:12]}"
    )


def _reason(record: ModelRecord, spec: EstimatorSpec) -> str:
    if spec.members and len(record.members) < 2:
        return "it is a single network"
    if spec.dropout and isinstance(record.architecture, OnnxArchitecture):
        return "dropout is removed from a graph on export"
    if spec.dropout:
        return "it has no dropout before its head"
    return "no moves are stated that leave its classes as they are"
