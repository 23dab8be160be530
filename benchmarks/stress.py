"""From the slider to a new overlay, compute only, against MONAI, twenty passes, scikit-image and PNG."""

from __future__ import annotations

import copy
import io
from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as Pillow
from skimage.color import label2rgb
from skimage.measure import label, regionprops_table

from benchmarks.corruptions import head
from benchmarks.mc_dropout import SAMPLES, folded_statistics, naive_statistics
from benchmarks.networks import BACKENDS, SIZE, reference
from benchmarks.timing import Row, compare
from core.config import CorruptionConfig, CorruptionStep
from core.corruptions import corrupt, corruption_spec
from core.detector import measure_slice
from core.engine import Shelf
from core.inference.dropout import active_dropout
from core.inference.member import Member
from core.types import FixedPoint, Float32Array, Geometry, Image
from core.uncertainty import MomentMaps
from core.uncertainty.moments import largest_entropy
from core.view.volume import Part, eight_bits, pack_all

KEY, SEVERITY = "gaussian_noise", 3.0
SHAPES = ("area", "perimeter", "solidity", "bbox")
"""What the rules look at, as scikit-image calls it."""


def run(rounds: int, threads: int) -> Iterable[Row]:
    """A severity that was never computed, and one that lies in memory."""
    subject = reference()
    members = {name: subject.opened(name, threads) for name in BACKENDS}
    picture = _image()
    shelf: Shelf[MomentMaps] = Shelf(1 << 28, lambda maps: 5 * maps.mean.nbytes)
    shelf.put("seen", _answer(members["torch"], picture, 0))
    slow = copy.deepcopy(subject.net).eval()
    for layer in active_dropout(slow):
        slow.get_submodule(layer.name).train()
    yield from compare(
        f"slider to overlay, {KEY}, T={SAMPLES}, {SIZE}x{SIZE}",
        ("MONAI + 20 passes + skimage + PNG", lambda number: _peer(slow, picture, number)),
        {
            **{
                f"computed, {name}": lambda number, m=member: _overlay(picture, _answer(m, picture, number))
                for name, member in members.items()
            },
            "from memory": lambda number: _overlay(picture, _held(shelf)),
        },
        rounds=rounds,
        threads=threads,
        note="the peer gives mean, variance, entropy and mutual information, shapes, and one picture",
    )


def _image() -> Image:
    values = np.repeat(head(), 3, axis=0)
    values.flags.writeable = False
    geometry = Geometry(None, None, "unknown", "assumed", None, values.shape[1:], (0, 1, 2), (False,) * 3)
    return Image(values, geometry, ("a", "b", "c"), "MR", "float32", (0.0, 1.0))


def _answer(member: Member, picture: Image, number: int) -> MomentMaps:
    """What a new severity asks for: corrupt, one pass, twenty samples folded into the head."""
    step = CorruptionStep(key=KEY, severity=SEVERITY)
    worse = corrupt(picture, CorruptionConfig(steps=(step,), seed=number), "benchmark", modality="MR").image
    return folded_statistics(member, torch.from_numpy(np.array(worse.values[:, 0]))[None], "benchmark")


def _held(shelf: Shelf[MomentMaps]) -> MomentMaps:
    found = shelf.get("seen")
    assert found is not None
    return found


def _overlay(picture: Image, maps: MomentMaps) -> tuple[Part, ...]:
    """Mask, shape measures, and the layers as they are sent to the browser."""
    prob = FixedPoint.of(maps.mean, 1.0)
    mask = prob.codes[0] > 32767
    measure_slice(mask)
    layers = {"prob": prob.codes[0], "labels": mask.view(np.uint8)}
    upper = largest_entropy(1)
    for name, values, end in (
        ("entropy", maps.predictive_entropy, upper),
        ("information", maps.mutual_information, upper),
        ("variance", maps.variance, 0.25),
    ):
        if values is not None:
            layers[name] = eight_bits(FixedPoint.of(values, end).codes)
    return pack_all({name: lambda held=codes: held for name, codes in layers.items()})


def _peer(net: torch.nn.Module, picture: Image, number: int) -> bytes:
    from monai.transforms import RandGaussianNoise

    clean = torch.from_numpy(np.array(picture.values[:, 0]))
    sigma = corruption_spec(KEY).values_at(SEVERITY)[0]
    noise = RandGaussianNoise(prob=1.0, std=sigma, sample_std=False).set_random_state(number)
    worse = torch.as_tensor(np.asarray(noise(clean)))[None]
    with torch.inference_mode():
        mean, *_ = naive_statistics([torch.sigmoid(net(worse)) for _ in range(SAMPLES)])
    mask = (mean[0, 0] > 0.5).numpy()
    regions = label(mask)
    regionprops_table(regions, properties=SHAPES)
    return _png(np.asarray(worse[0, 1]), regions)


def _png(grey: Float32Array, regions: NDArray[np.integer]) -> bytes:
    painted = label2rgb(regions, np.clip(grey, 0.0, 1.0), alpha=0.3, bg_label=0)
    buffer = io.BytesIO()
    Pillow.fromarray((painted * 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()
