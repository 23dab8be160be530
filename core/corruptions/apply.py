"""A picture made worse: steps in order, each drawn once from its seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from core.config import CorruptionConfig, CorruptionStep
from core.corruptions.domains import XRAY, Scale, scale_of
from core.corruptions.fields import generator_of, step_seed
from core.corruptions.moves import SIDE_PER_MM, combined, moved, rotation_move, translation_move
from core.corruptions.shared import read_only, shared
from core.corruptions.spec import REFERENCE_SIDE, CorruptionSpec, Draw, Scene, nothing_drawn
from core.corruptions.table import CORRUPTIONS, SUITE, corruption_spec
from core.errors import SettingsProblem
from core.types import AppliedStep, Corrupted, Float32Array, Geometry, Image, Move

Attack = Callable[[Image, str, float, int], Float32Array]
"""Values of the picture after an attack, by its key, its bound in shares of the range, and a seed."""

HU = "Hounsfield units"
MOVES = {"rotation": rotation_move, "translation": translation_move}


def corrupt(
    image: Image,
    config: CorruptionConfig,
    seed_key: str,
    *,
    modality: str | None = None,
    attack: Attack | None = None,
) -> Corrupted:
    """The picture after every step of `config`; the input is not changed, and severity 0 returns it as it is.

    seed_key: names the clean picture; draws follow from it, the corruption's key and the user's seed.
    modality: what the picture is made with, None = unknown. attack: finds the worst change for a model;
    without it adversarial steps are refused. Raises SettingsProblem for a step that is unknown, cannot be
    done or makes no sense for the picture.
    """
    now, move, applied = image, None, []
    name = f"scale of {image.original_dtype} {modality}"
    scale = shared(image.values, name, lambda: scale_of(image, modality))
    for place, step in enumerate(config.steps):
        spec = corruption_spec(step.key)
        require_sense(spec, image, modality)
        earlier = sum(each.key == step.key for each in config.steps[:place])
        seed = step_seed(seed_key, step.key, config.seed, earlier)
        now, record, own_move = _apply(now, spec, step, seed, scale, attack)
        move = move if own_move is None else combined(move, own_move)
        applied.append(record)
    damage = _damage(image.values, now.values, scale)
    return Corrupted(image=now, suite=SUITE, steps=tuple(applied), move=move, damage=damage)


def refusal(spec: CorruptionSpec, image: Image, modality: str | None) -> str | None:
    """Why a corruption makes no sense for a picture, one sentence; None when it does.

    A picture of unknown origin gets everything that needs no Hounsfield units.
    """
    if spec.group == "ct" and modality != "CT":
        return "its values are not known to be Hounsfield units"
    if spec.group == "mri" and modality not in {None, "MR"}:
        return f"it is an artefact of magnetic resonance imaging, and the picture is {modality}"
    if spec.group == "x-ray" and modality is not None and modality not in XRAY:
        return f"it is an artefact of radiography, and the picture is {modality}"
    if spec.group == "x-ray" and image.slices > 1:
        return "it is an artefact of radiography, and the picture is a volume"
    return None


def applicable(image: Image, modality: str | None) -> tuple[CorruptionSpec, ...]:
    """The rows of the table that make sense for a picture, in order."""
    return tuple(spec for spec in CORRUPTIONS if refusal(spec, image, modality) is None)


def draw_of(spec: CorruptionSpec, seed: int) -> Draw:
    """What a corruption draws once for all severities."""
    return {} if spec.draw is nothing_drawn else spec.draw(generator_of(seed, "draw"))


def require_sense(spec: CorruptionSpec, image: Image, modality: str | None) -> None:
    """Raises SettingsProblem with the reason where a corruption makes no sense for a picture."""
    reason = refusal(spec, image, modality)
    if reason is None:
        return
    fits: Sequence[str] = [each.key for each in applicable(image, modality)]
    raise SettingsProblem(
        f"{spec.label} makes no sense for this picture",
        found=reason,
        expected="one of " + ", ".join(fits),
        fix="choose one of these",
    )


def _apply(
    image: Image, spec: CorruptionSpec, step: CorruptionStep, seed: int, scale: Scale, attack: Attack | None
) -> tuple[Image, AppliedStep, Move | None]:
    values = spec.values_at(step.severity)
    record = AppliedStep(
        key=spec.key,
        severity=step.severity,
        parameters=tuple((each.name, value) for each, value in zip(spec.parameters, values, strict=True)),
        unit=", ".join(each.unit for each in spec.parameters),
        seed=seed,
        domain=HU if spec.group == "ct" else scale.label,
    )
    if step.severity == 0.0:
        return image, record, None
    scene = _scene(image.values.shape[-2:], image.geometry, scale, draw_of(spec, seed), seed)
    changed, clipped, move = _changed(image, spec, values, scene, scale, attack)
    changed.flags.writeable = False
    done = record.model_copy(
        update={"clipped_share": clipped, "damage": _damage(image.values, changed, scale)}
    )
    return replace(image, values=changed), done, move


def _changed(
    image: Image,
    spec: CorruptionSpec,
    values: tuple[float, ...],
    scene: Scene,
    scale: Scale,
    attack: Attack | None,
) -> tuple[Float32Array, float, Move | None]:
    """New values, the share that was cut, and where the picture went."""
    if spec.adversarial:
        if attack is None:
            raise SettingsProblem(
                f"{spec.label} needs the model that it attacks",
                found="a picture alone",
                expected="a model and a picture",
                fix="run it through an analysis or a sweep",
            )
        return np.array(attack(image, spec.key, values[0], scene.seed), np.float32), 0.0, None
    if spec.group == "ct":
        assert spec.effect is not None
        low, high = np.float32(image.values.min()), np.float32(image.values.max())
        windowed = spec.effect(image.values, values, scene)
        cut = np.clip(windowed, low, high)
        return cut, float((cut != windowed).mean()), None
    scaled = _scaled(image.values, scale)
    if spec.geometric:
        move = MOVES[spec.key](image.slice_shape, values, scene)
        return scale.back(moved(scaled, move)), 0.0, move
    assert spec.effect is not None
    kept, clipped = scale.cut(spec.effect(scaled, values, scene))
    return scale.back(kept), clipped, None


def _scene(shape: tuple[int, ...], geometry: Geometry, scale: Scale, draw: Draw, seed: int) -> Scene:
    side = min(shape)
    spacing = geometry.spacing_mm
    per_mm = (1.0 / spacing[1], 1.0 / spacing[2]) if spacing else (side * SIDE_PER_MM, side * SIDE_PER_MM)
    return Scene(scale.domain, side / REFERENCE_SIDE, per_mm, draw, seed)


def _damage(clean: Float32Array, worse: Float32Array, scale: Scale) -> float:
    """Mean absolute change in shares of the range; padding counts as black, whatever its value."""
    if clean is worse:
        return 0.0
    return float(np.abs(scale.scaled(worse) - _scaled(clean, scale)).mean(dtype=np.float64))


def _scaled(values: Float32Array, scale: Scale) -> Float32Array:
    """Values in shares of the range, kept for the next severity; read-only."""
    made_by, kept = shared(values, "scaled", lambda: (scale, read_only(scale.scaled(values))))
    return kept if made_by is scale else read_only(scale.scaled(values))
