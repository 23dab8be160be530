"""One picture on its way through opened classifiers: passes, moves, samples, evidence."""

from __future__ import annotations

import numpy as np

from core.config import EstimatorConfig
from core.errors import InferenceProblem
from core.inference.class_samples import ClassSamples
from core.inference.estimators import Pass, SamplePlan
from core.inference.moves import apply_move
from core.inference.network import Network, groups_of
from core.inference.pictures import Pictures
from core.types import Float32Array, Float64Array, Progress, SliceView


def class_samples(
    pictures: Pictures,
    plan: SamplePlan,
    members: dict[int, Network],
    estimator: EstimatorConfig,
    seed_key: str,
    progress: Progress,
) -> ClassSamples:
    """All draws of a plan for the first slice of an image, in the order of its passes."""
    picture = pictures.picture(0)
    drawn: list[Float32Array] = []
    evidence: list[Float32Array] = []
    features: dict[int, Float32Array] = {}
    for place, each in enumerate(plan.passes):
        progress(place / len(plan.passes), f"Pass {place + 1} of {len(plan.passes)}")
        member = members[each.member]
        kept = member.keep(_moved(picture, each, pictures)[None])
        masks = member.masks(seed_key, estimator.seed) if each.samples else member.no_masks()
        for group in groups_of(max(each.samples, 1)):
            drawn += member.probabilities(kept, masks, group)
        if each.symmetry == 0:
            evidence += _evidence(member, kept)
            if (averaged := member.features(kept)) is not None:
                features[each.member] = averaged[0]
    progress(1.0, f"{len(plan.passes)} of {len(plan.passes)} passes")
    prob = np.stack(drawn).astype(np.float64)
    if pictures.record.task == "classification":
        prob /= prob.sum(axis=1, keepdims=True)
    maps = np.mean(evidence, axis=0) if len(evidence) == len(members) else None
    saliency = None if maps is None else _saliency(maps, prob, pictures)
    return ClassSamples(prob, saliency, SliceView(picture, features))


def _moved(picture: Float32Array, each: Pass, pictures: Pictures) -> Float32Array:
    moves = pictures.record.moves
    return apply_move(picture, moves[each.symmetry]) if each.symmetry else picture


def _evidence(member: Network, kept: tuple[object, ...]) -> list[Float32Array]:
    try:
        return [member.evidence(kept)]
    except InferenceProblem:
        return []


def _saliency(evidence: Float32Array, prob: Float64Array, pictures: Pictures) -> Float32Array:
    """(row, column) at the picture's own size, 0 … 1; see ClassSamples."""
    best = int(prob.mean(axis=0).argmax())
    # Softmax ignores what all classes share; findings of a multilabel model stand each for itself.
    common = evidence.mean(axis=0) if pictures.record.task == "classification" else 0.0
    found = np.maximum(evidence[best] - common, 0.0).astype(np.float32)
    native = pictures.map_back(found[None] / max(float(found.max()), np.finfo(np.float32).tiny))[0]
    return np.asarray(native, dtype=np.float32)
