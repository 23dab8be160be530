"""A user's ONNX graph as an opened network: pictures in, probabilities out, without torch."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np
import onnxruntime

from core.errors import InferenceProblem, ModelProblem
from core.inference.onnx_session import RUNTIME_ERRORS, new_session
from core.inference.settings import Backend, RunSettings
from core.models import ModelRecord
from core.models.onnx_file import read_member_graph
from core.models.records import OnnxArchitecture
from core.types import Float32Array

TOLERANCE = 1e-3
"""How far outside [0, 1] a rounded probability may lie."""

_LOCK = threading.Lock()
"""One forward pass at a time, as with torch."""


@dataclass(frozen=True, eq=False)
class OnnxMember:
    """A network that is one graph: nothing of it is shared between samples, and there is one sample.

    input_name: of the graph's input. softmax: the classes exclude each other; background: the first of them
    is background and left out.
    """

    session: onnxruntime.InferenceSession
    input_name: str
    architecture: OnnxArchitecture
    softmax: bool
    background: bool
    name: str
    chunk: int = 1
    backend: Backend = field(default="onnxruntime", init=False)
    self_check: float | None = field(default=None, init=False)
    note: str = field(default="", init=False)

    def check_dropout(self) -> None:
        """Raises ModelProblem: a graph holds no dropout."""
        raise ModelProblem(
            "Monte-Carlo dropout needs a network with dropout",
            file=self.name,
            found="an ONNX graph, from which dropout is removed on export",
            expected="a network that torch runs; all samples of a graph would be identical",
            fix='choose the estimator "tta" or "point", or add the weights as safetensors',
        )

    def keep(self, pictures: Float32Array) -> tuple[Float32Array, ...]:
        """The graph's output, float32 (slice, class, ...), one picture after the other."""
        return (np.concatenate([self._run(picture) for picture in pictures]),)

    def masks(self, seed_key: str, user_seed: int) -> None:
        """Raises ModelProblem."""
        self.check_dropout()

    def no_masks(self) -> None:
        """There are none."""

    def probabilities(
        self, kept: tuple[Float32Array, ...], masks: None, samples: range
    ) -> list[Float32Array]:
        """The probabilities of one kept picture, once for each sample."""
        values = kept[0][0].astype(np.float64)
        if self.architecture.output == "probabilities":
            self._require_probabilities(values)
            prob = np.clip(values, 0.0, 1.0)
        elif self.softmax:
            shifted = np.exp(values - values.max(axis=0))
            prob = shifted / shifted.sum(axis=0)
        else:
            # Both forms of the logistic function, so that neither overflows.
            small = np.exp(-np.abs(values))
            prob = np.where(values >= 0.0, 1.0, small) / (1.0 + small)
        found = prob[1 if self.background else 0 :].astype(np.float32)
        return [found for _ in samples]

    def evidence(self, kept: object) -> Float32Array:
        """Raises InferenceProblem: a graph hands nothing on but its answer."""
        raise InferenceProblem(
            "This network has no evidence map",
            file=self.name,
            found="an ONNX graph",
            expected="a network whose last layers are known",
            fix="look at the class probabilities alone",
        )

    def features(self, kept: object) -> None:
        """None: a graph hands nothing on but its answer."""

    def _run(self, picture: Float32Array) -> Float32Array:
        batch = np.repeat(picture[None], self.architecture.batch, axis=0)
        try:
            with _LOCK:
                found = self.session.run(None, {self.input_name: np.ascontiguousarray(batch)})[0]
        except RUNTIME_ERRORS as error:
            raise _cannot_run(self.name, str(error)) from error
        if found.shape[:2] != (len(batch), self.architecture.classes) or not np.isfinite(found[:1]).all():
            raise _cannot_run(self.name, f"an output {found.shape}, or values that are not finite")
        answer: Float32Array = found[:1]
        return answer

    def _require_probabilities(self, values: np.ndarray) -> None:
        low, high = float(values.min()), float(values.max())
        if low < -TOLERANCE or high > 1.0 + TOLERANCE:
            raise ModelProblem(
                "The graph does not yield probabilities",
                file=self.name,
                found=f"values from {low:.3g} to {high:.3g}",
                expected="values from 0 to 1, as the configuration says",
                fix='set "output" to "logits" in the configuration and add the model again',
            )


def open_onnx_member(record: ModelRecord, member: int, settings: RunSettings) -> OnnxMember:
    """A member of a model that came as ONNX, its file checked once more. Raises ModelProblem."""
    architecture = record.architecture
    assert isinstance(architecture, OnnxArchitecture)
    graph, input_name = read_member_graph(record, member)
    try:
        session = new_session(graph, settings.threads)
    except RUNTIME_ERRORS as error:
        raise _cannot_run(record.id, str(error)) from error
    return OnnxMember(
        session=session,
        input_name=input_name,
        architecture=architecture,
        softmax=record.activation == "softmax",
        background=record.activation == "softmax" and record.task == "segmentation",
        name=record.id,
    )


def try_model(record: ModelRecord) -> None:
    """Run a graph once on noise, so that one that does not work is refused when it comes in.

    Raises ModelProblem.
    """
    member = open_onnx_member(record, 0, RunSettings("cpu", "onnxruntime"))
    shape = (1, len(record.channels), record.working_size, record.working_size)
    noise = np.random.default_rng(20240229).random(shape, dtype=np.float32)
    (prob,) = member.probabilities(member.keep(noise), None, range(1))
    wanted = shape[2:] if record.task == "segmentation" else ()
    if prob.shape != (len(record.class_names), *wanted):
        raise _cannot_run(record.id, f"probabilities {prob.shape} for a picture {shape}")


def _cannot_run(name: str, found: str) -> ModelProblem:
    return ModelProblem(
        "The graph cannot be run",
        file=name,
        found=found[:300],
        expected="one finite value per class and pixel",
        fix="export the network again, and try it with onnxruntime",
    )
