"""Five severities of a corruption on one picture, against MONAI's transform with the same parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch

from benchmarks.timing import Row, compare
from core.corruptions import corruption_spec, draw_of
from core.corruptions.spec import Scene
from core.types import Float32Array

SIDE = 256
LEVELS = (1.0, 2.0, 3.0, 4.0, 5.0)

Peer = Callable[[torch.Tensor, float, int], object]
"""The picture (1, row, column), the parameter, and a seed."""


def run(rounds: int, threads: int) -> Iterable[Row]:
    """Rows of noise, blur, k-space artefacts and the bias field."""
    torch.set_num_threads(threads)
    picture = head()
    for key, (name, peer, difference) in _peers().items():
        yield from compare(
            f"{key}, five severities, {SIDE}x{SIDE}",
            (name, lambda number, k=key, p=peer: _peer_levels(p, picture, k, number)),
            {"one draw": lambda number, k=key: _levels(k, picture, number)},
            rounds=rounds,
            threads=threads,
            differences={"one draw": difference(picture)} if difference else None,
            note="one draw of random numbers serves all severities" if corruption_spec(key).random else "",
        )
    yield from compare(
        f"gaussian_noise, one severity, {SIDE}x{SIDE}",
        ("MONAI RandGaussianNoise", lambda number: _noise(_tensor(picture), 0.12, number)),
        {"drawn anew": lambda number: _ours("gaussian_noise", picture, 3.0, 1000 + number)},
        rounds=rounds,
        threads=threads,
    )


def head() -> Float32Array:
    """A disc of texture on black, (channel, slice, row, column) in 0 … 1."""
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
    inside = np.hypot(rows, columns) < 0.4
    texture = np.random.default_rng(0).random((SIDE, SIDE))
    picture = np.where(inside, 0.4 + 0.4 * texture, 0.0).astype(np.float32)[None, None]
    picture.flags.writeable = False
    return picture


def _levels(key: str, picture: Float32Array, seed: int) -> list[Float32Array]:
    """All severities of a picture that was never seen before, so that nothing is left from another round."""
    fresh = picture.copy()
    fresh.flags.writeable = False
    return [_ours(key, fresh, level, seed) for level in LEVELS]


def _ours(key: str, picture: Float32Array, severity: float, seed: int) -> Float32Array:
    spec = corruption_spec(key)
    assert spec.effect is not None
    scene = Scene("magnitude", SIDE / 224, (1.0, 1.0), draw_of(spec, seed), seed)
    return spec.effect(picture, _parameters(key, severity), scene)


def _parameters(key: str, severity: float) -> tuple[float, ...]:
    return corruption_spec(key).values_at(severity)


def _peer_levels(peer: Peer, picture: Float32Array, key: str, number: int) -> list[object]:
    return [peer(_tensor(picture), _parameters(key, level)[0], number) for level in LEVELS]


def _tensor(picture: Float32Array) -> torch.Tensor:
    return torch.from_numpy(np.array(picture[0]))


def _noise(picture: torch.Tensor, sigma: float, seed: int) -> object:
    from monai.transforms import RandGaussianNoise

    return RandGaussianNoise(prob=1.0, std=sigma, sample_std=False).set_random_state(seed)(picture)


def _rician(picture: torch.Tensor, sigma: float, seed: int) -> object:
    from monai.transforms import RandRicianNoise

    transform = RandRicianNoise(prob=1.0, std=sigma, relative=True, sample_std=False)
    return transform.set_random_state(seed)(picture)


def _smooth(picture: torch.Tensor, sigma: float, seed: int) -> object:
    from monai.transforms import GaussianSmooth

    return GaussianSmooth(sigma * SIDE / 224)(picture)


def _gibbs(picture: torch.Tensor, alpha: float, seed: int) -> object:
    from monai.transforms import GibbsNoise

    return GibbsNoise(alpha=alpha)(picture)


def _spike(picture: torch.Tensor, intensity: float, seed: int) -> object:
    from monai.transforms import KSpaceSpikeNoise

    # MONAI sets a logarithm of the magnitude where ours adds a share of the largest sample.
    height = float(np.log(intensity * float(picture.sum())))
    return KSpaceSpikeNoise(loc=(SIDE // 2 + 20, SIDE // 2 + 15), k_intensity=height)(picture)


def _bias(picture: torch.Tensor, coefficient: float, seed: int) -> object:
    from monai.transforms import RandBiasField

    transform = RandBiasField(degree=3, coeff_range=(-coefficient, coefficient), prob=1.0)
    return transform.set_random_state(seed)(picture)


def _peers() -> dict[str, tuple[str, Peer, Callable[[Float32Array], float] | None]]:
    return {
        "gaussian_noise": ("MONAI RandGaussianNoise", _noise, None),
        "rician_noise": ("MONAI RandRicianNoise", _rician, None),
        "gaussian_blur": ("MONAI GaussianSmooth", _smooth, _blur_difference),
        "gibbs": ("MONAI GibbsNoise", _gibbs, _gibbs_difference),
        "spike": ("MONAI KSpaceSpikeNoise", _spike, None),
        "bias_field": ("MONAI RandBiasField", _bias, None),
    }


def _blur_difference(picture: Float32Array) -> float:
    """Largest difference inside: at its edge MONAI takes 0 beyond the picture, ours reflects it."""
    ours = _ours("gaussian_blur", picture, 3.0, 0)[0, 0]
    peer = np.asarray(_smooth(_tensor(picture), _parameters("gaussian_blur", 3.0)[0], 0))[0]
    return float(np.abs(ours - peer)[24:-24, 24:-24].max())


def _gibbs_difference(picture: Float32Array) -> float:
    """Largest difference: ours has an edge one sample wide where MONAI's is sharp."""
    peer = np.asarray(_gibbs(_tensor(picture), _parameters("gibbs", 3.0)[0], 0))[0]
    return float(np.abs(_ours("gibbs", picture, 3.0, 0)[0, 0] - peer).max())
