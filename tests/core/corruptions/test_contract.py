"""What holds for every row of the table, on every kind of picture."""

from __future__ import annotations

import threading
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from core.config import CorruptionConfig, CorruptionStep
from core.corruptions import (
    CORRUPTIONS,
    GROUPS,
    SUITE,
    CorruptionSpec,
    applicable,
    corrupt,
    corruption_spec,
    refusal,
    support,
    table_markdown,
    unmove,
)
from core.corruptions.domains import scale_of
from core.errors import SettingsProblem
from core.types import Corrupted, Float32Array, Image
from tests.core.corruptions.pictures import KINDS, film, head, image, of_kind

DOCUMENT = Path(__file__).resolve().parents[3] / "assets" / "docs" / "CORRUPTIONS.md"
LEVELS = (1.0, 2.0, 3.0, 4.0, 5.0)
PHYSICAL = [spec for spec in CORRUPTIONS if not spec.adversarial]
OF_GROUP = {"x-ray": "XR", "ct": "CT", "mri": "MR"}
SHAPES = ((1, 1), (1, 3), (5, 1), (5, 3))
"""(slices, channels)."""


def modality_for(spec: CorruptionSpec, known: str | None) -> str | None:
    return OF_GROUP.get(spec.group, known)


def worse(
    picture: Image, spec: CorruptionSpec, severity: float, *, seed: int = 0, modality: str | None = None
) -> Corrupted:
    config = CorruptionConfig(steps=(CorruptionStep(key=spec.key, severity=severity),), seed=seed)
    return corrupt(picture, config, "picture", modality=modality)


def cases() -> list[tuple[CorruptionSpec, str, int, int]]:
    """Every corruption with every kind of picture and shape that it makes sense for."""
    found = []
    for spec in PHYSICAL:
        for kind in ("HU",) if spec.group == "ct" else KINDS:
            for slices, channels in SHAPES:
                picture, known = of_kind(kind, slices, channels)
                if kind in {"magnitude", "z-scored"} and spec.group == "x-ray":
                    continue
                if refusal(spec, picture, modality_for(spec, known)) is None:
                    found.append((spec, kind, slices, channels))
    return found


def name_of(value: object) -> str:
    return value.key if isinstance(value, CorruptionSpec) else str(value)


@pytest.mark.parametrize(("spec", "kind", "slices", "channels"), cases(), ids=name_of)
def test_contract(spec: CorruptionSpec, kind: str, slices: int, channels: int) -> None:
    picture, known = of_kind(kind, slices, channels)
    modality = modality_for(spec, known)
    if spec.group == "x-ray":
        picture = film(picture)
    before = picture.values.copy()
    clean = worse(picture, spec, 0.0, modality=modality)
    assert clean.image.values is picture.values, "severity 0 is the picture itself"
    assert (clean.damage, clean.move, clean.suite) == (0.0, None, SUITE)
    found = [worse(picture, spec, level, modality=modality) for level in LEVELS]
    damage = [0.0, *(each.damage for each in found)]
    rises = [later - earlier for earlier, later in pairwise(damage)]
    if spec.steps:  # sizes and qualities are whole numbers, so two levels may be one
        assert sum(rise < 0.0 for rise in rises) <= 1 and damage[-1] > 0.0
    else:
        assert min(rises[1:]) > 0.0 and rises[0] >= 0.0
    floor = scale_of(picture, modality)
    for each in found:
        values = each.image.values
        assert values.dtype == np.float32 and values.shape == picture.values.shape
        assert np.isfinite(values).all() and not values.flags.writeable
        assert each.image.geometry is picture.geometry
        lowest = (floor.low + floor.floor * floor.span).min()
        assert values.min() >= min(lowest, picture.values.min()) - 1e-3 * floor.span.max()
        if floor.domain == "picture":
            assert values.max() <= floor.high.max() + 1e-3
        (step,) = each.steps
        assert (step.key, step.damage) == (spec.key, each.damage)
        assert 0.0 <= step.clipped_share <= 1.0 and step.domain
        assert [name for name, _ in step.parameters] == [parameter.name for parameter in spec.parameters]
    again = worse(picture, spec, 3.0, modality=modality)
    assert again.image.values.tobytes() == found[2].image.values.tobytes(), "same seed, same bytes"
    assert np.array_equal(picture.values, before), "the input is not changed"


@pytest.mark.parametrize("spec", PHYSICAL, ids=name_of)
def test_another_seed_changes_what_is_drawn_and_nothing_else(spec: CorruptionSpec) -> None:
    picture, known = of_kind("HU" if spec.group == "ct" else "8-bit")
    modality = modality_for(spec, known)
    seen = {
        worse(picture, spec, 3.0, seed=seed, modality=modality).image.values.tobytes() for seed in range(8)
    }
    assert (len(seen) > 1) == spec.random


@pytest.mark.parametrize(
    "spec", [spec for spec in PHYSICAL if spec.group in {"photographic", "mri"}], ids=name_of
)
def test_black_background_of_a_magnitude_image_stays_where_the_table_says_so(spec: CorruptionSpec) -> None:
    picture, modality = of_kind("magnitude")
    black = picture.values == 0.0
    left = [worse(picture, spec, level, modality=modality).image.values[black] for level in LEVELS]
    assert all(not each.any() for each in left) == spec.background_kept


@pytest.mark.parametrize("spec", [spec for spec in PHYSICAL if not spec.steps], ids=name_of)
def test_half_steps_lie_between_whole_ones(spec: CorruptionSpec) -> None:
    picture, known = of_kind("HU" if spec.group == "ct" else "16-bit")
    modality = modality_for(spec, known)
    damage = [worse(picture, spec, step / 2, modality=modality).damage for step in range(11)]
    assert damage == sorted(damage)


@pytest.mark.parametrize("spec", [spec for spec in PHYSICAL if spec.geometric], ids=name_of)
@pytest.mark.parametrize("level", LEVELS)
def test_probabilities_turned_back_lie_where_they_were(spec: CorruptionSpec, level: float) -> None:
    side = 96
    blob = image((head(side=side) > 0.75).astype(np.float32), "uint8")
    found = worse(blob, spec, level)
    assert found.move is not None
    inside = support(found.move, (side, side))
    back = unmove(found.image.values, found.move)[0, 0] * inside > 0.5
    ref = (blob.values[0, 0] > 0.5) & inside
    assert 2.0 * (back & ref).sum() / (back.sum() + ref.sum()) >= 0.97


def test_moves_of_a_stack_are_undone_together() -> None:
    picture = image(np.rint(head(side=96) * 255), "uint8")
    steps = (CorruptionStep(key="rotation", severity=2.0), CorruptionStep(key="translation", severity=1.0))
    found = corrupt(picture, CorruptionConfig(steps=steps), "picture")
    assert found.move is not None
    inside = support(found.move, (96, 96))
    back = unmove(found.image.values, found.move)[0, 0]
    assert np.abs(back - picture.values[0, 0])[inside].mean() < 0.02 * 255
    assert np.abs(found.image.values - picture.values).mean() > 0.03 * 255


@pytest.mark.parametrize(
    "spec", [spec for spec in PHYSICAL if spec.group not in {"x-ray", "ct"}], ids=name_of
)
def test_channels_share_place_and_volume_shares_geometry(spec: CorruptionSpec) -> None:
    same = np.repeat(np.repeat(head()[:1] * 255, 2, axis=0), 3, axis=1)
    found = worse(image(np.rint(same), "uint8"), spec, 3.0, modality=modality_for(spec, None)).image.values
    fields_differ = spec.key in {"gaussian_noise", "rician_noise", "shot_noise", "impulse", "speckle"}
    assert np.array_equal(found[0], found[1]) != fields_differ
    if spec.key not in {"bias_field", "gibbs", "anisotropy"}:
        assert np.array_equal(found[:, 0], found[:, 1]) != fields_differ


def test_threads_agree() -> None:
    picture, modality = of_kind("magnitude", 3, 2)
    alone = {
        spec.key: worse(picture, spec, 3.0, modality=modality).image.values.tobytes() for spec in in_mri()
    }
    wrong: list[str] = []

    def work() -> None:
        for spec in in_mri():
            if worse(picture, spec, 3.0, modality=modality).image.values.tobytes() != alone[spec.key]:
                wrong.append(spec.key)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert wrong == []


def in_mri() -> list[CorruptionSpec]:
    return [spec for spec in PHYSICAL if spec.group in {"photographic", "mri", "geometric"}]


def test_order_of_a_stack_matters_and_repeats_are_drawn_anew() -> None:
    picture, _ = of_kind("8-bit")
    noise, blur = (CorruptionStep(key=key, severity=4.0) for key in ("gaussian_noise", "gaussian_blur"))

    def made(*steps: CorruptionStep) -> Float32Array:
        return corrupt(picture, CorruptionConfig(steps=steps), "picture").image.values

    assert not np.array_equal(made(noise, blur), made(blur, noise))
    once, twice = made(noise) - picture.values, made(noise, noise) - made(noise)
    middle = (picture.values > 100) & (picture.values < 140)
    assert abs(np.corrcoef(once[middle], twice[middle])[0, 1]) < 0.5


def test_z_scored_picture_keeps_its_scale_and_says_what_is_its_floor() -> None:
    picture, modality = of_kind("z-scored")
    found = worse(picture, corruption_spec("gamma_expand"), 2.0, modality=modality)
    assert "background 0 as floor" in found.steps[0].domain
    background = head() == 0
    assert (found.image.values[background] == 0.0).all()
    assert found.image.values.min() < -1.0, "dark tissue is not cut at 0"


def test_padding_goes_with_the_dark_end_once_noise_has_touched_it() -> None:
    picture, modality = of_kind("z-scored")
    lowest = picture.values.min()
    found = worse(picture, corruption_spec("gaussian_noise"), 1.0, modality=modality).image.values
    background = head() == 0
    assert np.abs(found[background] - lowest).mean() < 0.3 * np.abs(lowest)


def test_magnitude_image_has_no_upper_limit_and_a_picture_has_one() -> None:
    spec = corruption_spec("gaussian_noise")
    bright, modality = of_kind("magnitude")
    assert worse(bright, spec, 5.0, modality=modality).image.values.max() > bright.values.max() * 1.2
    picture, _ = of_kind("8-bit")
    found = worse(picture, spec, 5.0)
    assert found.image.values.max() <= 255.0
    assert found.steps[0].clipped_share > 0.05


def test_noise_lifts_a_floored_background_by_what_theory_says() -> None:
    picture, modality = of_kind("magnitude", channels=1)
    wide = replace(picture, values=np.pad(picture.values, ((0, 0), (0, 0), (60, 60), (60, 60))))
    scale = scale_of(wide, modality)
    black = wide.values == 0.0
    noisy = worse(wide, corruption_spec("gaussian_noise"), 3.0, modality=modality).image.values[black]
    assert noisy.mean() / scale.span.item() == pytest.approx(0.12 / np.sqrt(2 * np.pi), rel=0.03)
    rician = worse(wide, corruption_spec("rician_noise"), 3.0, modality=modality).image.values[black]
    sigma = 0.48 * scale.scaled(wide.values).std()
    assert rician.mean() / scale.span.item() == pytest.approx(sigma * np.sqrt(np.pi / 2), rel=0.03)


def test_groups_are_refused_where_they_make_no_sense() -> None:
    film, volume = of_kind("8-bit")[0], of_kind("magnitude", 3)[0]
    assert refusal(corruption_spec("collimator"), film, "MR") is not None
    assert refusal(corruption_spec("collimator"), volume, None) is not None
    assert refusal(corruption_spec("ghosting"), film, "DX") is not None
    assert refusal(corruption_spec("window_level"), film, None) is not None
    assert {spec.group for spec in applicable(film, None)} == set(GROUPS) - {"ct"}
    with pytest.raises(SettingsProblem, match="gaussian_blur"):
        worse(film, corruption_spec("ghosting"), 1.0, modality="DX")
    with pytest.raises(SettingsProblem, match="needs the model"):
        worse(film, corruption_spec("fgsm"), 1.0)


def test_table_is_complete_and_its_document_is_current() -> None:
    assert len({spec.key for spec in CORRUPTIONS}) == len(CORRUPTIONS)
    assert {spec.group for spec in CORRUPTIONS} == set(GROUPS)
    for spec in CORRUPTIONS:
        assert spec.source and spec.imitates and spec.example and spec.parameters
        assert spec.values_at(0.0) == tuple(each.identity for each in spec.parameters)
        assert spec.values_at(5.0) == tuple(float(each.levels[4]) for each in spec.parameters)
        for each in spec.parameters:
            ends = (each.identity, *each.levels)
            assert list(ends) in (sorted(ends), sorted(ends, reverse=True))
    assert DOCUMENT.read_text(encoding="utf-8") == table_markdown()


def test_severity_between_two_levels_is_linear() -> None:
    assert corruption_spec("gaussian_noise").values_at(2.5) == pytest.approx((0.10,))
    assert corruption_spec("jpeg").text_at(1.0) == "quality 50"
