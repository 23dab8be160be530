"""Running statistics of twenty samples, against a stack of them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from benchmarks.mc_dropout import naive_statistics
from benchmarks.timing import Row, compare
from core.types import Float32Array
from core.uncertainty import MomentMaps, Moments

SAMPLES = 20
SIZE = 256


def run(rounds: int, threads: int) -> Iterable[Row]:
    """One row; ours works in float64 and keeps no sample, the stack works in float32."""
    torch.set_num_threads(threads)
    samples = [_sample(seed) for seed in range(SAMPLES)]
    tensors = [torch.from_numpy(each)[None] for each in samples]
    exact = naive_statistics(tensors, torch.float64)
    found = running(samples)
    ours = (found.mean, found.variance, found.predictive_entropy, found.mutual_information)
    gaps = [np.abs(a.numpy().squeeze() - np.squeeze(b)).max() for a, b in zip(exact, ours, strict=True)]
    return compare(
        f"statistics of {SAMPLES} samples {SIZE}x{SIZE}",
        ("torch.stack, then mean, variance, entropies", lambda number: naive_statistics(tensors)),
        {"running moments": lambda number: running(samples)},
        rounds=rounds,
        threads=threads,
        differences={"running moments": float(max(gaps))},
        note="difference to the stack in float64",
    )


def running(samples: list[Float32Array]) -> MomentMaps:
    """What the product does with one slice's samples."""
    moments = Moments((1, SIZE, SIZE))
    for prob in samples:
        moments.add(prob)
    return moments.maps()


def _sample(seed: int) -> Float32Array:
    logits = np.random.default_rng(seed).normal(-2.0, 2.0, (1, SIZE, SIZE)).astype(np.float32)
    prob: Float32Array = 1.0 / (1.0 + np.exp(-logits))
    return prob
