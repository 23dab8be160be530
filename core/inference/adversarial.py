"""Worst small changes of a picture for a network: one step, or several, along the sign of the gradient.

Nothing physical: they bound from above what a change of that size can do. Goodfellow et al. 2015,
arXiv:1412.6572 (one step); Madry et al. 2018, arXiv:1706.06083 (projected gradient).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from core.errors import ModelProblem
from core.inference.pictures import Pictures, constant_values
from core.inference.settings import THREADS
from core.models import ModelRecord, OnnxArchitecture, unfit_slice, weights_digest
from core.models.preprocess import intensity_range
from core.models.weights import load_any_member
from core.types import Float32Array, Image

if TYPE_CHECKING:
    from core.inference.predictor import Predictor

STEPS = 7
STEP_SHARE = 2.5
"""Of the bound, divided by the number of steps: enough to cross the whole ball."""
MAX_OPEN = 2

_NETS: OrderedDict[str, nn.Module] = OrderedDict()
_LOCK = threading.Lock()
"""Held while a gradient is taken: networks are shared by threads, and so are the processor's cores."""


def perturb(
    predictor: Predictor,
    image: Image,
    channels: tuple[int, ...],
    kind: str,
    bound_share: float,
    seed: int,
    members: tuple[int, ...] | None = None,
) -> Float32Array:
    """Values of the image after an attack, (channel, slice, row, column) in its own unit.

    kind: "fgsm" (one step) or "pgd" (several). No value moves by more than `bound_share` (0 … 1) of its
    channel's range as the model scales it, nor below the channel's minimum. The attack raises the loss
    against what one network, the first that may be asked, says of the clean picture; no reference is needed.
    Slices without structure stay. seed: of the start of "pgd". Raises ModelProblem for an ONNX graph, which
    has no gradients, ValueError for another kind.
    """
    if kind not in {"fgsm", "pgd"}:
        raise ValueError(f'{kind!r} is neither "fgsm" nor "pgd"')
    record = predictor.record
    _require_gradients(record)
    pictures = Pictures(image, channels, record)
    spans = {each: _span(image.values[each]) for each in sorted(set(channels))}
    out = np.array(image.values)
    generator = np.random.Generator(np.random.SFC64(seed))
    with _LOCK, torch.inference_mode(False):
        torch.set_num_threads(THREADS)
        net = _net(record, members[0] if members else 0)
        for index in range(image.slices):
            picture = pictures.picture(index)
            start = generator.uniform(-1.0, 1.0, (len(spans), *picture.shape[1:])).astype(np.float32)
            if constant_values(picture) is not None:
                continue
            change = _change(net, record, picture, channels, kind, bound_share, start)
            native = np.clip(unfit_slice(change, image.slice_shape), -bound_share, bound_share)
            for place, (channel, span) in enumerate(spans.items()):
                floor = image.values[channel].min()
                out[channel, index] = np.maximum(out[channel, index] + native[place] * span, floor)
    return out


def _change(
    net: nn.Module,
    record: ModelRecord,
    picture: Float32Array,
    channels: tuple[int, ...],
    kind: str,
    bound: float,
    start: Float32Array,
) -> Float32Array:
    """Change of each used image channel at the working size, in shares of the range, within the bound."""
    clean = torch.from_numpy(picture)[None]
    spread = torch.ones(len(channels), 1, 1)
    if record.preprocessing.std is not None:
        spread = torch.tensor(record.preprocessing.std)[:, None, None]
    # Several inputs may be fed by one channel of the image: they move together.
    fed = torch.tensor([sorted(set(channels)).index(each) for each in channels])
    target = _answer(net(clean), record)
    steps = STEPS if kind == "pgd" else 1
    step = bound * STEP_SHARE / steps if kind == "pgd" else bound
    change = torch.from_numpy(start) * bound if kind == "pgd" else torch.zeros(start.shape)
    for _ in range(steps):
        change.requires_grad_(True)
        loss = _loss(net(clean + change[fed] / spread), target, record)
        (slope,) = torch.autograd.grad(loss, change)
        change = (change.detach() + step * slope.sign()).clamp(-bound, bound)
    return np.asarray(change.numpy(), np.float32)


def _answer(logits: Tensor, record: ModelRecord) -> Tensor:
    found = logits.detach()
    return (found > 0).float() if record.activation == "sigmoid" else found.argmax(dim=1)


def _loss(logits: Tensor, target: Tensor, record: ModelRecord) -> Tensor:
    if record.activation == "sigmoid":
        return functional.binary_cross_entropy_with_logits(logits, target)
    return functional.cross_entropy(logits, target)


def _span(channel: Float32Array) -> np.float32:
    limits = intensity_range(channel)
    return np.float32(limits.high - limits.low)


def _net(record: ModelRecord, member: int) -> nn.Module:
    """The network with frozen parameters, kept for the next slice and severity."""
    name = weights_digest(record, member)
    net = _NETS.pop(name, None) or load_any_member(record, member).requires_grad_(False).eval()
    _NETS[name] = net
    while len(_NETS) > MAX_OPEN:
        _NETS.popitem(last=False)
    return net


def _require_gradients(record: ModelRecord) -> None:
    if isinstance(record.architecture, OnnxArchitecture):
        raise ModelProblem(
            "This model cannot be attacked",
            file=record.id,
            found="an ONNX graph, which has no gradients",
            expected="a network whose weights are known",
            fix="leave out the adversarial corruptions, or choose another model",
        )
