"""Noise and edges that the synthetic heads are made of."""

from __future__ import annotations

import numpy as np
import pytest

from core.cohort.synthetic.fields import Noise, Points, capsule, ellipsoid, soft


def places(*coordinates: tuple[float, float, float]) -> Points:
    x, y, z = np.array(coordinates, dtype=np.float32).T
    return Points(x, y, z)


def test_same_seed_gives_the_same_noise_and_another_seed_another() -> None:
    one, same, other = (Noise.draw(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one.cube, same.cube)
    assert not np.array_equal(one.cube, other.cube)


def test_noise_has_mean_zero_and_deviation_one() -> None:
    cube = Noise.draw(np.random.default_rng(1)).cube
    assert float(cube.mean()) == pytest.approx(0.0, abs=1e-5)
    assert float(cube.std()) == pytest.approx(1.0, abs=1e-4)


def test_noise_at_a_place_does_not_depend_on_its_companions() -> None:
    noise = Noise.draw(np.random.default_rng(1))
    alone = noise.at(places((3.0, -7.0, 11.0)), 20.0, 2)
    among = noise.at(places((0.0, 0.0, 0.0), (3.0, -7.0, 11.0), (9.0, 9.0, 9.0)), 20.0, 2)
    assert alone[0] == among[1]


def test_soft_edge_is_half_on_the_edge_and_symmetric() -> None:
    share = soft(np.array([-2.0, -0.5, 0.0, 0.5, 2.0], dtype=np.float32), 2.0)
    assert share[[0, 2, 4]].tolist() == [0.0, 0.5, 1.0]
    assert share[1] + share[3] == pytest.approx(1.0)


def test_rod_lying_along_x_has_its_radius_beside_it_and_is_taller_than_wide() -> None:
    distance = capsule(places((5, 0, 0), (5, 2, 0), (5, 6, 0), (5, 0, 5)), (0, 0, 0), (10, 0, 0), (2.0, 2.0))
    # Heights count 0.6 times: 5 mm above the axis is 3 mm away, 1 mm outside.
    assert distance.tolist() == pytest.approx([-2.0, 0.0, 4.0, 1.0])


def test_ellipsoid_is_negative_inside_and_zero_on_its_surface() -> None:
    distance = ellipsoid(places((0, 0, 0), (4, 0, 0), (0, 8, 0), (8, 0, 0)), (0, 0, 0), (4, 8, 6))
    assert distance.tolist() == pytest.approx([-4.0, 0.0, 0.0, 4.0])
