"""How intensities are scaled before a corruption, and back after it.

Parameters of the table hold for values between 0 and 1. What counts as 0 and 1 depends on the picture: its
stored range, or where a magnetic resonance image has none its own; clipping a z-scored image to [0, 1] would
destroy two thirds of a brain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.corruptions.spec import Domain
from core.types import BoolArray, Float32Array, Image

XRAY = frozenset({"XR", "DX", "CR", "MG", "PX", "RF"})
BITS = (8, 10, 12, 14, 16)
LOW, HIGH = 0.5, 99.5
MOST_SAMPLED = 2_000_000


@dataclass(frozen=True, eq=False)
class Scale:
    """low, high: values (channel, 1, 1, 1) that become 0 and 1. floor: smallest scaled value kept. padding:
    where the picture holds a background value above its minimum, with that value; None without one."""

    domain: Domain
    label: str
    low: Float32Array
    high: Float32Array
    floor: Float32Array
    padding: tuple[BoolArray, Float32Array] | None = None

    def scaled(self, values: Float32Array) -> Float32Array:
        """Values in shares of the range; what still holds the padding value is 0."""
        found = (values - self.low) / self.span
        if self.padding is not None:
            found[values == self.padding[1].reshape(-1, 1, 1, 1)] = 0.0
        return found

    def back(self, scaled: Float32Array) -> Float32Array:
        """Values in the picture's own unit. Padding comes back where a corruption left all of it alone."""
        found = np.asarray(scaled * self.span + self.low, np.float32)
        if self.padding is not None:
            inside, value = self.padding
            for channel, mask in enumerate(inside):
                if not scaled[channel][mask].any():
                    found[channel][mask] = value[channel]
        return found

    def cut(self, scaled: Float32Array) -> tuple[Float32Array, float]:
        """Values within what the range allows, and the share of them that had to be cut."""
        top = np.float32(1.0) if self.domain == "picture" else np.float32(np.inf)
        beyond = (scaled < self.floor) | (scaled > top)
        return np.clip(scaled, self.floor, top), float(beyond.mean())

    @property
    def span(self) -> Float32Array:
        """What 1 stands for in the picture's unit, (channel, 1, 1, 1); 1 for a constant channel."""
        return np.where(self.high > self.low, self.high - self.low, np.float32(1.0))


def scale_of(image: Image, modality: str | None) -> Scale:
    """How a clean picture is scaled. modality: as its file says, or as is known otherwise; None = unknown."""
    values = image.values
    stored = np.dtype(image.original_dtype)
    if modality not in {"MR", "CT"} and stored.kind == "u" and values.min() >= 0.0:
        return _picture(image)
    return _magnitude(values)


def _picture(image: Image) -> Scale:
    largest = max(image.original_range[1], float(image.values.max()))
    bits = next((each for each in BITS if largest < 2**each), 16)
    shape = (len(image.values), 1, 1, 1)
    return Scale(
        domain="picture",
        label=f"stored range, {bits} bits",
        low=np.zeros(shape, np.float32),
        high=np.full(shape, max(2**bits - 1.0, largest), np.float32),
        floor=np.zeros(shape, np.float32),
    )


def _magnitude(values: Float32Array) -> Scale:
    padding = [_padding_value(channel) for channel in values]
    ends = [_ends(channel, pad) for channel, pad in zip(values, padding, strict=True)]
    low, high = (np.array(each, np.float32).reshape(-1, 1, 1, 1) for each in zip(*ends, strict=True))
    padded = any(each is not None for each in padding)
    kept = None
    if padded:
        known = np.array([np.nan if each is None else each for each in padding], np.float32)
        kept = (values == known.reshape(-1, 1, 1, 1), known)
    bare = Scale("magnitude", _label(padding), low, high, np.zeros_like(low), kept)
    smallest = bare.scaled(values).min(axis=(1, 2, 3), keepdims=True)
    return Scale("magnitude", bare.label, low, high, np.minimum(smallest, np.float32(0.0)), kept)


def _label(padding: list[float | None]) -> str:
    known = sorted({each for each in padding if each is not None})
    if not known:
        return "own range (0.5th to 99.5th percentile), no upper limit"
    return f"own range, background {', '.join(f'{each:g}' for each in known)} as floor, no upper limit"


def _ends(channel: Float32Array, padding: float | None) -> tuple[float, float]:
    inside = channel.ravel() if padding is None else channel[channel != padding]
    sampled = inside[:: inside.size // MOST_SAMPLED + 1]
    if not sampled.size:
        return 0.0, 0.0
    low, high = np.percentile(sampled, (LOW, HIGH))
    return float(low), float(high)


def _padding_value(channel: Float32Array) -> float | None:
    """The value that fills most of the border without being the smallest: padding of a z-scored volume."""
    edges = (channel[:, 0, :], channel[:, -1, :], channel[:, :, 0], channel[:, :, -1])
    found, counts = np.unique(np.concatenate([edge.ravel() for edge in edges]), return_counts=True)
    most = int(counts.argmax())
    fills = 2 * int(counts[most]) >= int(counts.sum())
    return float(found[most]) if fills and found[most] > channel.min() else None
