"""The door to inference: an opened model that streams samples, slice by slice. Torch loads on first use."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from core.config import EstimatorConfig
from core.errors import ModelProblem
from core.inference.class_samples import ClassSamples
from core.inference.estimators import SamplePlan, estimator_spec, plan_samples
from core.inference.on_machine import OnMachine, WhatRan
from core.inference.pictures import Pictures, require_one_slice
from core.inference.settings import RunSettings, graph_settings, resolve_settings
from core.models import ModelRecord, OnnxArchitecture, require_promptless, weights_digest
from core.types import Image, Progress, SliceSamples, Task

if TYPE_CHECKING:
    from core.inference.network import Network

MAX_OPEN = 4
"""Models kept open at a time; the least recently used is dropped."""

_OPEN: OrderedDict[tuple[object, ...], Predictor] = OrderedDict()
_OPEN_LOCK = threading.Lock()
_TRACING_LOCK = threading.Lock()
"""Tracing and exporting a network are not made for several threads."""


def open_predictor(
    record: ModelRecord,
    *,
    device: str = "auto",
    backend: str = "auto",
    precision: str = "float32",
    graphs: Path | None = None,
) -> Predictor:
    """The predictor for a model on a device, shared by everyone in this process who asks for the same.

    Networks are opened on first use, not here. graphs: folder in which exported ONNX graphs are kept between
    runs; None keeps them in memory. Raises InferenceProblem for settings that this machine does not have.
    """
    chosen = graph_settings if isinstance(record.architecture, OnnxArchitecture) else resolve_settings
    settings = chosen(device, backend, precision)
    key = (record, settings, graphs)
    with _OPEN_LOCK:
        predictor = _OPEN.pop(key, None) or Predictor(record, settings, graphs)
        _OPEN[key] = predictor
        while len(_OPEN) > MAX_OPEN:
            _OPEN.popitem(last=False)
    return predictor


class Predictor(OnMachine):
    """A model ready to be asked. Safe to use from several threads: one forward pass per device at a time.

    `ran` says on which engine, and with how many slices per pass.
    """

    def __init__(self, record: ModelRecord, settings: RunSettings, graphs: Path | None = None) -> None:
        super().__init__(settings)
        self.record = record
        self._graphs = graphs
        self._members: dict[int, Network] = {}
        self._lock = threading.Lock()

    def ran(self, plan: SamplePlan) -> WhatRan:
        """What the networks of this plan really ran on; before they are opened, what they are meant to."""
        with self._lock:
            members = [self._members[each] for each in plan.member_indices if each in self._members]
        checks = [each.self_check for each in members if each.self_check is not None]
        chunk = min((each.chunk for each in members), default=self.settings.chunk)
        notes = [each.note for each in members if each.note]
        if self.settings.device == "cuda" and chunk < self.settings.chunk:
            few = f"{chunk} slices per pass instead of {self.settings.chunk}"
            notes.append(f"{few}: the network or the memory limits it")
        if self.precision == "mixed":
            notes.append("mixed precision: probabilities are rounded to about three digits")
        return WhatRan(
            backend=", ".join(sorted({each.backend for each in members})) or self.settings.backend,
            chunk=chunk,
            self_check=max(checks, default=None),
            notes=tuple(dict.fromkeys(notes)),
        )

    def plan(self, estimator: EstimatorConfig, may_ask: tuple[int, ...] | None = None) -> SamplePlan:
        """What this estimator will do. Raises ModelProblem, with the reason, when the model cannot do it.

        may_ask: indices of the networks that may be asked, None: all.
        """
        plan = plan_samples(self.record, estimator, may_ask)
        if estimator_spec(estimator.kind).dropout and self.record.architecture.head_dropout == 0.0:
            self._member(plan.member_indices[0]).check_dropout()
        return plan

    def prepare(
        self, estimator: EstimatorConfig, progress: Progress, may_ask: tuple[int, ...] | None = None
    ) -> None:
        """Open the networks that this estimator needs, so that the first case does not wait for them."""
        self._members_of(self.plan(estimator, may_ask), progress)

    def stream(
        self,
        image: Image,
        channels: tuple[int, ...],
        estimator: EstimatorConfig,
        seed_key: str,
        progress: Progress,
        may_ask: tuple[int, ...] | None = None,
    ) -> Iterator[SliceSamples]:
        """The samples of each slice in order; `progress` is called before each and may raise Cancelled.

        seed_key: what dropout masks are seeded by, the same for the same picture. may_ask: as in `plan`.
        A sample is the foreground probability at the slice's own size: mapped back before anyone averages.
        A slice without structure is marked `same_as` an earlier one with exactly the same input. Raises
        ModelProblem when the channels or the estimator do not fit the model.
        """
        from core.inference.run import Run

        self._require("segmentation")
        plan, members = self._opened(estimator, progress, may_ask)
        pictures = Pictures(image, channels, self.record)
        return Run(pictures, plan, members, estimator, seed_key).slices(progress)

    def classify(
        self,
        image: Image,
        channels: tuple[int, ...],
        estimator: EstimatorConfig,
        seed_key: str,
        progress: Progress,
        may_ask: tuple[int, ...] | None = None,
    ) -> ClassSamples:
        """The class probabilities of a picture, draw by draw, and where the evidence lies.

        Arguments as in `stream`. Raises ModelProblem for a segmenter, and for an image with several slices.
        """
        from core.inference.class_run import class_samples

        self._require("classification", "multilabel")
        require_one_slice(image, self.record)
        plan, members = self._opened(estimator, progress, may_ask)
        pictures = Pictures(image, channels, self.record)
        return class_samples(pictures, plan, members, estimator, seed_key, progress)

    def network(self, index: int) -> Network:
        """One of the model's networks, opened on first use."""
        return self._member(index)

    def _require(self, *tasks: Task) -> None:
        require_promptless(self.record)
        if self.record.task not in tasks:
            raise ModelProblem(
                "This model has another task",
                file=self.record.id,
                found=self.record.task,
                expected=" or ".join(tasks),
                fix="choose another model",
            )

    def _opened(
        self, estimator: EstimatorConfig, progress: Progress, may_ask: tuple[int, ...] | None
    ) -> tuple[SamplePlan, dict[int, Network]]:
        plan = self.plan(estimator, may_ask)
        members = self._members_of(plan, progress)
        if estimator_spec(estimator.kind).dropout:
            for each in members.values():
                each.check_dropout()
        return plan, members

    def _members_of(self, plan: SamplePlan, progress: Progress) -> dict[int, Network]:
        wanted = plan.member_indices
        for place, index in enumerate(wanted):
            progress(0.0, f"Opening network {place + 1} of {len(wanted)}")
            self._member(index)
        return {index: self._member(index) for index in wanted}

    def _member(self, index: int) -> Network:
        with self._lock:
            if index not in self._members:
                with _TRACING_LOCK:
                    self._members[index] = self._open(index)
            return self._members[index]

    def _open(self, index: int) -> Network:
        if isinstance(self.record.architecture, OnnxArchitecture):
            from core.inference.onnx_member import open_onnx_member

            return open_onnx_member(self.record, index, self.settings)
        from core.inference.member import open_member
        from core.models.weights import load_any_member

        record, size = self.record, self.record.working_size
        return open_member(
            load_any_member(record, index),
            self.settings,
            picture_shape=(len(record.channels), size, size),
            activation="classes" if record.task == "classification" else record.activation,
            weights=weights_digest(record, index),
            name=record.id,
            architecture=record.architecture.model_dump(mode="json"),
            graphs=self._graphs,
        )
