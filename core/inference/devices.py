"""Devices: their names, one lock for each, and a fixed number of threads."""

from __future__ import annotations

import platform
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from core.errors import InferenceProblem
from core.inference.settings import RunSettings

_LOCKS = {"cpu": threading.Lock(), "cuda": threading.Lock()}


def device_label(settings: RunSettings) -> str:
    """What to show: "cpu", or the GPU's name as the driver gives it."""
    return "cpu" if settings.device == "cpu" else f"cuda ({torch.cuda.get_device_name()})"


def machine_class() -> str:
    """What decides whether two machines can give the same last bits: system, processor, vector instructions.

    Numbers are promised to be equal to the last bit on one machine, and to 1e-3 between classes.
    """
    return f"{platform.system()} {platform.machine()}, {torch.backends.cpu.get_cpu_capability()}"


@contextmanager
def on_device(settings: RunSettings) -> Iterator[None]:
    """The device to oneself, with the fixed number of threads and the arithmetic that the settings name."""
    with _LOCKS[settings.device]:
        # The number of threads is remembered per thread, so every worker has to set it.
        if settings.device == "cpu" and torch.get_num_threads() != settings.threads:
            torch.set_num_threads(settings.threads)
        with torch.inference_mode(), _arithmetic(settings):
            yield


@contextmanager
def _arithmetic(settings: RunSettings) -> Iterator[None]:
    if settings.device == "cpu":
        yield
        return
    # TF32 would move probabilities by more than the promised 1e-3 without saying so.
    with (
        torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False),
        torch.autocast("cuda", dtype=torch.float16, enabled=settings.precision == "mixed"),
    ):
        yield


def run_in_parts(
    run: Callable[[Tensor], tuple[Tensor, ...]], batch: Tensor, largest: int
) -> tuple[tuple[Tensor, ...], int]:
    """The outputs for a batch, at most `largest` pictures at a time, and the size that fitted in the end.

    When memory runs out the size is halved and the whole batch is run again. Raises InferenceProblem when a
    single picture does not fit.
    """
    size = min(largest, len(batch))
    while True:
        try:
            parts = [run(batch[first : first + size]) for first in range(0, len(batch), size)]
            joined = parts[0] if len(parts) == 1 else tuple(map(torch.cat, zip(*parts, strict=True)))
            return joined, size
        except torch.cuda.OutOfMemoryError as error:
            if size == 1:
                raise _too_small(batch) from error
            size //= 2
        # Outside the handler: the failed run's tensors are kept alive by its traceback until here.
        torch.cuda.empty_cache()


def _too_small(batch: Tensor) -> InferenceProblem:
    return InferenceProblem(
        "The GPU's memory is too small for this network",
        found=f"no room for one picture of {tuple(batch.shape[1:])}",
        expected="room for one picture at a time",
        fix='close other programs on the GPU, or choose the device "cpu"',
    )
