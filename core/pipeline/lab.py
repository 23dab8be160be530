"""The stress lab: one case along the severities of a corruption, kept in memory, and when the alarm came.

Nothing of it is written to the store: it is made when somebody looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from core.config import AnalysisConfig, CorruptionConfig, CorruptionStep, Frozen, digest
from core.corruptions import CorruptionSpec, applicable, corrupt
from core.pipeline.case import Outcome
from core.pipeline.stress import Stressed, stressed_item
from core.types import Case, CohortItem, Float32Array, Geometry, Image, UnitTable

SEVERITIES = tuple(step / 2 for step in range(11))
"""0 to 5 in half steps."""
PREVIEW_SEVERITY = 3.0
MOST_SLICES = 32
"""Studies with more slices are looked at in part, unless asked for as a whole."""
WINDOW_SLICES = 24
DEFAULT_LOSS = 0.1
"""A quality is lost when Dice has fallen by more than this below that of the clean picture."""


class Reading(Frozen):
    """What a case said at one severity; None = not available.

    confidence: the default score. answer, rules, reasons: of the verdict. dice … boundary_f1: None without a
    reference. predicted, prob: of a classification, None for a mask. lost_share: of the reference, by a move.
    """

    severity: float
    key: str
    confidence: float | None
    answer: Literal["consistent", "review"]
    rules: tuple[str, ...]
    reasons: tuple[str, ...]
    empty: bool = False
    dice: float | None = None
    jaccard: float | None = None
    boundary_f1: float | None = None
    predicted: tuple[str, ...] | None = None
    prob: float | None = None
    damage: float = 0.0
    clipped_share: float = 0.0
    lost_share: float | None = None
    seconds: float = 0.0


AlarmState = Literal["already", "in time", "gaps", "late", "none", "early", "steady", "unknown"]


class Alarm(Frozen):
    """Whether the warning came before the quality was lost, as far as severities are known.

    state: "already" = the clean picture is to be reviewed; "in time" = the warning came at or before the loss
    and stays; "gaps" = it came, but at some severity the quality is lost and the verdict is consistent;
    "late" = after the loss; "none" = lost without a warning; "early" = a warning, and nothing lost; "steady"
    = neither; "unknown" = no reference, so a loss cannot be told. lost_at, warned_at: first such severities.
    silent: severities at which the quality is lost and the verdict looks consistent. known: how many
    severities it rests on, of `of`.
    """

    state: AlarmState
    lost_at: float | None
    warned_at: float | None
    silent: tuple[float, ...] = ()
    known: int
    of: int = len(SEVERITIES)

    @property
    def failure(self) -> bool:
        """Whether the model failed without saying so in time."""
        return self.state in {"gaps", "late", "none"}


def step_config(
    config: AnalysisConfig, key: str, severity: float, *, seed: int = 0, second: CorruptionStep | None = None
) -> AnalysisConfig:
    """The settings with one corruption, and a second one after it if that is given."""
    first = CorruptionStep(key=key, severity=severity)
    steps = (first,) if second is None else (first, second)
    return config.model_copy(update={"corruption": CorruptionConfig(steps=steps, seed=seed)})


def place_of(case: Case, config: AnalysisConfig, point_id: str | None) -> str:
    """Where the answer for a case under these settings is kept in memory: nobody else's lies there.

    point_id: of the operating point in force, which judges the confidence.
    """
    return digest([case.id, config, point_id])


def weight_of(stressed: Stressed) -> int:
    """Bytes that a kept answer takes beside the clean case."""
    arrays = [stressed.shown.image.values]
    if isinstance(stressed.result, Outcome):
        maps = stressed.result.analysis.maps
        coded = (
            stressed.result.analysis.prob, maps.predictive_entropy, maps.expected_entropy,
            maps.mutual_information, maps.variance,
        )  # fmt: skip
        return sum(each.nbytes for each in arrays) + sum(each.codes.nbytes for each in coded if each)
    return sum(each.nbytes for each in arrays)


def reading_of(severity: float, stressed: Stressed) -> Reading:
    """The numbers of an answer, without its arrays."""
    result, corrupted = stressed.result, stressed.corrupted
    fields: dict[str, object] = {
        "severity": severity,
        "answer": result.verdict.answer,
        "rules": tuple(dict.fromkeys(each.rule for each in result.verdict.flags)),
        "reasons": tuple(dict.fromkeys(each.sentence for each in result.verdict.flags)),
        "damage": corrupted.damage,
        "clipped_share": max((each.clipped_share for each in corrupted.steps), default=0.0),
        "lost_share": stressed.lost_share,
        "seconds": stressed.seconds,
    }
    if isinstance(result, Outcome):
        fields |= {
            "key": result.analysis.key,
            "confidence": result.analysis.scores[0].value,
            "empty": result.analysis.empty,
        }
        if result.overlap is not None:
            whole = result.overlap.whole
            fields |= {
                "dice": whole.dice, "jaccard": whole.jaccard, "boundary_f1": whole.boundary_f1_2px,
            }  # fmt: skip
    else:
        found = result.classification
        fields |= {
            "key": found.key,
            "confidence": found.scores[0].value,
            "predicted": found.predicted,
            "prob": float(found.prob.max()),
        }
    return Reading.model_validate(fields)


def alarm_of(readings: Iterable[Reading], loss: float = DEFAULT_LOSS) -> Alarm:
    """When the quality was lost and when the verdict warned, from the severities known so far.

    loss: how far Dice may fall below that at severity 0, in (0, 1]; for a class, a change of the predicted
    one is a loss. Without severity 0 nothing is told.
    """
    known = sorted(readings, key=lambda each: each.severity)
    clean = known[0] if known and known[0].severity == 0.0 else None
    if clean is None:
        return Alarm(state="unknown", lost_at=None, warned_at=None, known=len(known))
    lost_at = next((each.severity for each in known if _lost(each, clean, loss)), None)
    warned_at = next((each.severity for each in known if each.answer == "review"), None)
    judged = clean.dice is not None or clean.predicted is not None
    silent = tuple(
        each.severity for each in known if _lost(each, clean, loss) and each.answer == "consistent"
    )
    return Alarm(
        state=_state(clean, lost_at, warned_at, silent, judged), lost_at=lost_at, warned_at=warned_at,
        silent=silent, known=len(known),
    )  # fmt: skip


def window_of(case: Case, centre: int, slices: int = WINDOW_SLICES) -> Case:
    """Some neighbouring slices of a study as a case of its own, with its own id and scale.

    centre: slice in the middle of the window where the ends of the study allow it.
    """
    total = case.image.slices
    if slices >= total:
        return case
    first = min(max(0, centre - slices // 2), total - slices)
    span = slice(first, first + slices)
    image, reference = case.image, case.reference
    cut = None
    if reference is not None:
        labels = None if reference.labels is None else reference.labels[span]
        cut = replace(reference, mask_ref=reference.mask_ref[span], labels=labels)
    own = replace(
        image, values=_own(image.values[:, span]), geometry=_geometry_of(image.geometry, first, slices)
    )
    return replace(case, id=digest([case.id, first, slices]), image=own, reference=cut)


def previews(case: Case, index: int, modality: str | None) -> dict[str, Image]:
    """A slice under every physical corruption that makes sense for it at severity 3, by key; "" is clean."""
    single = window_of(case, index, 1).image
    found = {"": single}
    for spec in applicable(single, modality):
        if not spec.adversarial:
            step = CorruptionStep(key=spec.key, severity=PREVIEW_SEVERITY)
            made = corrupt(single, CorruptionConfig(steps=(step,)), case.id, modality=modality)
            found[spec.key] = made.image
    return found


def around(severity: float, specs: Sequence[float] = SEVERITIES) -> tuple[float, ...]:
    """All severities, 0 first as everything is compared with it, then the nearest to the one given.

    >>> around(2.0)[:4]
    (0.0, 2.0, 1.5, 2.5)
    """
    return tuple(sorted(specs, key=lambda each: (each != 0.0, abs(each - severity), each)))


def unit_of(stressed: Stressed) -> UnitTable | None:
    """The case as a table of one unit, for the diagrams that tables have; None without a reference."""
    result = stressed.result
    if not isinstance(result, Outcome) or result.case.reference is None:
        return None
    item = CohortItem(position=0, case_id=None, name=stressed.case.name, group="case")
    found = stressed_item(item, stressed)
    unit = found.units[0]
    return UnitTable(
        title="this case", task="segmentation", level="case", class_names=result.analysis.class_names,
        name=(item.name,), group=(item.group,), case_id=(None,), analysis_key=(None,),
        slice=np.array([-1]), pred_empty=np.array([unit.pred_empty]), ref_empty=np.array([unit.ref_empty]),
        has_ref=np.array([unit.has_ref]),
        confidence={key: np.array([value]) for key, value in unit.confidence},
        default_confidence=unit.confidence[0][0],
        metrics={key: np.array([value]) for key, value in unit.metrics},
        histograms=found.histograms,
    )  # fmt: skip


def default_corruption(specs: Sequence[CorruptionSpec]) -> str:
    """The corruption to begin with: the first one of the picture's own kind, else the first of all."""
    own = [spec.key for spec in specs if spec.group in {"mri", "x-ray", "ct"}]
    return (own or [spec.key for spec in specs])[0]


def _lost(reading: Reading, clean: Reading, loss: float) -> bool:
    if clean.predicted is not None:
        return reading.predicted != clean.predicted
    # Rounding must not make a loss of what was allowed.
    return clean.dice is not None and reading.dice is not None and reading.dice < clean.dice - loss - 1e-9


def _state(
    clean: Reading, lost_at: float | None, warned_at: float | None, silent: tuple[float, ...], judged: bool
) -> AlarmState:
    if clean.answer == "review":
        return "already"
    if not judged:
        return "unknown"
    if lost_at is None:
        return "steady" if warned_at is None else "early"
    if warned_at is None:
        return "none"
    if warned_at > lost_at:
        return "late"
    return "gaps" if silent else "in time"


def _geometry_of(geometry: Geometry, first: int, slices: int) -> Geometry:
    affine = geometry.affine_ras
    if affine is not None:
        affine = affine.copy()
        affine[:, 3] = affine @ np.array([first, 0.0, 0.0, 1.0])
    shape = geometry.source_shape
    return replace(
        geometry, affine_ras=affine, source_shape=(slices, *shape[1:]) if len(shape) == 3 else shape
    )


def _own(values: Float32Array) -> Float32Array:
    own = np.ascontiguousarray(values)
    own.flags.writeable = False
    return own
