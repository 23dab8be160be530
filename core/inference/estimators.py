"""The ways to draw samples, in one table, and the passes through the network that each needs. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.config import EstimatorConfig, EstimatorKind
from core.errors import ModelProblem
from core.inference.tta import SYMMETRIES
from core.models import ModelRecord, weights_digest


@dataclass(frozen=True)
class EstimatorSpec:
    """One row of the table. requirement: what the model must have, in words ("" = nothing).

    dropout: its samples differ by dropout. members: it uses every network. symmetries: it turns the picture.
    """

    key: EstimatorKind
    label: str
    help: str
    requirement: str = ""
    dropout: bool = False
    members: bool = False
    symmetries: bool = False


ESTIMATORS: tuple[EstimatorSpec, ...] = (
    EstimatorSpec(
        "ensemble",
        "Ensemble",
        "Several networks, trained on different patients, each give their own mask. Where they disagree, the "
        "answer depends on who was asked. The most reliable choice.",
        requirement="a model with at least two members",
        members=True,
    ),
    EstimatorSpec(
        "mc-dropout",
        "Monte-Carlo dropout",
        "One network, asked repeatedly while a random part of its last features is switched off. Costs "
        "hardly more than asking once.",
        requirement="a model with active dropout",
        dropout=True,
    ),
    EstimatorSpec(
        "ensemble-mc-dropout",
        "Ensemble with Monte-Carlo dropout",
        "Every network of the ensemble, each asked repeatedly with dropout.",
        requirement="a model with at least two members and active dropout",
        dropout=True,
        members=True,
    ),
    EstimatorSpec(
        "tta",
        "Turned and mirrored",
        "One network sees the slice in eight orientations. Where its answer turns with the picture only in "
        "part, it is unsure.",
        symmetries=True,
    ),
    EstimatorSpec(
        "point",
        "Single answer",
        "One network, asked once. Fastest; it cannot say how much a second answer would differ.",
    ),
)

CLASS_WORDING: dict[EstimatorKind, tuple[str, str]] = {
    "ensemble": (
        "Ensemble",
        "Several networks, trained on different patients, each give their own answer. Where they disagree, "
        "it depends on who was asked. The most reliable choice.",
    ),
    "mc-dropout": (
        "Monte-Carlo dropout",
        "One network, asked repeatedly while a random part of its last features is switched off. Costs "
        "hardly more than asking once.",
    ),
    "ensemble-mc-dropout": (
        "Ensemble with Monte-Carlo dropout",
        "Every network of the ensemble, each asked repeatedly with dropout.",
    ),
    "tta": (
        "Shifted and scaled",
        "One network sees the picture several times, slightly shifted or scaled, never mirrored. Where its "
        "answer changes, it is unsure.",
    ),
    "point": (
        "Single answer",
        "One network, asked once. Fastest; it cannot say how much a second answer would differ.",
    ),
}
"""Label and help of each estimator for a model that names classes."""


@dataclass(frozen=True)
class Pass:
    """One way through a network's first part: which member, which symmetry, how many dropout samples.

    symmetry: of the square, or index of a classifier's moves; 0 leaves the picture as it is. samples 0:
    dropout is off and there is one answer.
    """

    member: int
    symmetry: int = 0
    samples: int = 0


@dataclass(frozen=True)
class SamplePlan:
    """What an estimator will do with a model, before anything is run.

    weights: SHA-256 of each weight file used; members: their names; samples: draws per slice.
    """

    passes: tuple[Pass, ...]
    weights: tuple[str, ...]
    members: tuple[str, ...]
    samples: int
    notes: tuple[str, ...]

    @property
    def member_indices(self) -> tuple[int, ...]:
        """The members that it asks, in order."""
        return tuple(sorted({each.member for each in self.passes}))


def estimator_spec(key: str) -> EstimatorSpec:
    """The row with this key. Raises KeyError that lists the known keys."""
    known: dict[str, EstimatorSpec] = {spec.key: spec for spec in ESTIMATORS}
    if key not in known:
        raise KeyError(f"unknown estimator {key!r}; known: {', '.join(known)}")
    return known[key]


def possible_estimators(record: ModelRecord) -> tuple[EstimatorSpec, ...]:
    """The rows that this model can be asked for, the one to prefer first."""
    several, dropout = len(record.members) > 1, record.architecture.head_dropout > 0.0
    possible = (
        spec
        for spec in ESTIMATORS
        if (several or not spec.members)
        and (dropout or not spec.dropout)
        and (_variants(record) > 1 or not spec.symmetries)
    )
    return tuple(possible if record.task == "segmentation" else map(_for_classes, possible))


def _for_classes(spec: EstimatorSpec) -> EstimatorSpec:
    label, text = CLASS_WORDING[spec.key]
    return replace(spec, label=label, help=text)


def _variants(record: ModelRecord) -> int:
    return SYMMETRIES if record.task == "segmentation" else len(record.moves)


def plan_samples(
    record: ModelRecord, estimator: EstimatorConfig, members: Sequence[int] | None = None
) -> SamplePlan:
    """The passes for one slice, the first member alone unless the estimator uses all.

    members: indices of the networks that may be asked, None: all. Where only one of several may be, an
    ensemble falls back to it alone and says so in the notes.
    Raises ModelProblem when an ensemble is asked of a single network, or of members that do not exist.
    """
    spec = estimator_spec(estimator.kind)
    count = len(record.members)
    if spec.members and count < 2:
        raise _single_network(record, spec)
    if spec.symmetries and _variants(record) < 2:
        raise _no_moves(record, spec)
    allowed = _allowed(record, members)
    used = allowed if spec.members else allowed[:1]
    turns = range(_variants(record)) if spec.symmetries else range(1)
    draws = estimator.samples if spec.dropout else 0
    passes = tuple(Pass(member, turn, draws) for member in used for turn in turns)
    return SamplePlan(
        passes=passes,
        weights=tuple(weights_digest(record, member) for member in used),
        members=tuple(record.members[member].file for member in used),
        samples=sum(max(each.samples, 1) for each in passes),
        notes=_notes(spec, used, allowed, count),
    )


def _allowed(record: ModelRecord, members: Sequence[int] | None) -> tuple[int, ...]:
    every = range(len(record.members))
    chosen = tuple(sorted(set(every if members is None else members)))
    if chosen and set(chosen) <= set(every):
        return chosen
    raise ModelProblem(
        "These networks of the model cannot be asked",
        file=record.id,
        found=", ".join(map(str, chosen)) or "none",
        expected=f"at least one of 0 to {len(every) - 1}",
        fix="leave the choice of networks out, or name existing ones",
    )


def _notes(spec: EstimatorSpec, used: Sequence[int], allowed: Sequence[int], count: int) -> tuple[str, ...]:
    if count == 1 or (spec.members and len(used) == count):
        return ()
    if not spec.members:
        first = "first" if len(allowed) == count else "first permitted"
        return (f"{first} of {count} networks alone",)
    if len(used) == 1:
        return (f"only one of {count} networks may be asked, so no disagreement among networks is known",)
    return (f"{len(used)} of {count} networks",)


def _no_moves(record: ModelRecord, spec: EstimatorSpec) -> ModelProblem:
    return ModelProblem(
        f"{spec.label}: this model names no moves that leave its classes as they are",
        file=record.id,
        found="no moves in its record",
        expected="at least two, the first of which moves nothing",
        fix="choose another estimator",
    )


def _single_network(record: ModelRecord, spec: EstimatorSpec) -> ModelProblem:
    return ModelProblem(
        f"{spec.label} needs several networks",
        file=record.id,
        found="a model with one network",
        expected=spec.requirement,
        fix="choose another model, or Monte-Carlo dropout or the turned and mirrored estimator",
    )
