"""What helps on bad pictures: every mitigation on every case of a cohort under one corruption.

The baseline is one network without dropout, so that what several predictions bring can be seen. Nothing is
kept in the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.config import AnalysisConfig, Contrast, CorruptionConfig, CorruptionStep, EstimatorConfig, Frozen
from core.errors import SettingsProblem
from core.metrics.agreement.overlap import dice
from core.metrics.reliability.recalibration import HOTTEST
from core.metrics.robustness.gains import (
    Verdict,
    deferral_gain,
    paired_gain,
    temperature_gain,
    verdict_of,
)
from core.metrics.robustness.statistics import REGION
from core.mitigation import (
    MITIGATIONS,
    MitigationSpec,
    clean_up,
    fill_holes,
    largest_component,
    largest_per_side,
    mitigation_spec,
    remove_small,
)
from core.mitigation.table import COVERAGE
from core.pipeline.case import Outcome, part_of, silent
from core.pipeline.runs import case_of, find_cohort, members_for, require_task
from core.pipeline.stress import Stressed, stress, stressed_item
from core.types import (
    CALIBRATION_REGIONS,
    BoolArray,
    CohortItem,
    Estimate,
    Float64Array,
    Progress,
)

if TYPE_CHECKING:
    from core.models import ModelRecord
    from core.store import Store

BASELINE = "point"


class GainRow(Frozen):
    """One mitigation under one corruption. gain: above 0 is better; before, after: of `better`.

    time_ratio: seconds over those of the baseline, None where no network is asked. coverage: share of the
    units that are still decided without a reviewer. note: what else was found, such as the temperature.
    """

    corruption: str
    severity: float
    mitigation: str
    better: str
    before: Estimate
    after: Estimate
    gain: Estimate
    time_ratio: float | None
    coverage: float | None
    verdict: Verdict
    units: int
    patients: int
    note: str = ""


@dataclass(frozen=True, eq=False)
class _Measured:
    """One case: Dice of the baseline and of every mitigation of masks, seconds, and what the others need."""

    group: str
    dice: dict[str, float]
    seconds: dict[str, float]
    histogram: Float64Array | None
    slice_confidence: Float64Array
    slice_dice: Float64Array


def mitigate(
    store: Store,
    cohort_id: str,
    model_id: str,
    step: CorruptionStep | None,
    keys: Sequence[str] | None = None,
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> tuple[GainRow, ...]:
    """What every mitigation (default: all that the model can do) brings under a corruption, None: clean.

    Cases without a reference are left out. Training patients are judged only by networks that never saw
    them. Raises SettingsProblem for an unknown cohort or mitigation, a classifier, or a cohort without any
    reference, and Cancelled when `progress` says so.
    """
    from core.models import get_model

    cohort, record = store.cohort(cohort_id) or find_cohort(store, cohort_id), get_model(model_id)
    require_task(cohort, record)
    if record.task != "segmentation":
        raise SettingsProblem(
            "Mitigations are judged on outlines", found=f"a model for {record.task}",
            expected="a model for segmentation", fix="choose another model",
        )  # fmt: skip
    specs = [mitigation_spec(key) for key in keys] if keys is not None else list(MITIGATIONS)
    specs = [spec for spec in specs if _possible(spec, record)]
    measured = []
    items = store.cohort_items(cohort.id)
    for place, item in enumerate(items):
        share = part_of(progress, place / len(items), (place + 1) / len(items))
        found = _measure(store, record, item, step, specs, seed, share)
        if found is not None:
            measured.append(found)
    if not measured:
        raise SettingsProblem(
            "There is nothing to compare with", found="no case with a reference", expected="reference masks",
            fix="add a cohort with references",
        )  # fmt: skip
    return tuple(_row(spec, step, measured, seed) for spec in specs)


def _possible(spec: MitigationSpec, record: ModelRecord) -> bool:
    from core.inference import possible_estimators

    kinds = {each.key for each in possible_estimators(record)}
    if spec.kind == "estimator":
        return spec.choice in kinds
    return spec.kind != "deferral" or "mc-dropout" in kinds


def _measure(
    store: Store,
    record: ModelRecord,
    item: CohortItem,
    step: CorruptionStep | None,
    specs: Sequence[MitigationSpec],
    seed: int,
    progress: Progress,
) -> _Measured | None:
    case = case_of(store, item)
    if case.reference is None:
        return None
    members, _ = members_for(record, item.group, None)
    corruption = CorruptionConfig(steps=() if step is None else (step,), seed=seed)

    def asked(kind: str = BASELINE, contrast: Contrast | None = None) -> Stressed:
        config = AnalysisConfig(
            model_id=record.id, estimator=EstimatorConfig(kind=kind, seed=seed), members=members,
            contrast=contrast, corruption=corruption,
        )  # fmt: skip
        return stress(store, case, config)

    progress(0.0, f"{item.position + 1}: baseline")
    base = asked()
    ref, pred = _ref(base), _pred(base)
    scores, seconds = {BASELINE: dice(pred, ref)}, {BASELINE: base.seconds}
    sampled: Stressed | None = None
    for place, spec in enumerate(specs):
        progress(place / len(specs), f"Case {item.position + 1}: {spec.label}")
        if spec.kind == "mask":
            scores[spec.key] = dice(_masked(spec.key, pred, base), ref)
        elif spec.kind in {"estimator", "contrast"}:
            other = asked(spec.choice) if spec.kind == "estimator" else asked(contrast=spec.choice)  # type: ignore[arg-type]
            scores[spec.key], seconds[spec.key] = dice(_pred(other), ref), other.seconds
            sampled = other if spec.key == "mc_dropout" else sampled
        elif spec.kind == "deferral":
            sampled = asked("mc-dropout") if sampled is None else sampled
            seconds[spec.key] = sampled.seconds
    told = base if sampled is None else sampled
    return _Measured(
        item.group,
        scores,
        seconds,
        _histogram(item, base),
        *_by_slice(told),
    )


def _row(
    spec: MitigationSpec, step: CorruptionStep | None, measured: Sequence[_Measured], seed: int
) -> GainRow:
    groups = [each.group for each in measured]
    units, coverage, note = len(measured), None, ""
    if spec.kind == "deferral":
        names = [each.group for each in measured for _ in each.slice_dice]
        confidence = np.concatenate([each.slice_confidence for each in measured])
        quality = np.concatenate([each.slice_dice for each in measured])
        before, after, gain, reached = deferral_gain(confidence, quality, names, COVERAGE, seed=seed)
        units, coverage, note = quality.size, reached.value, "counted by slice"
    elif spec.kind == "calibration":
        kept = [each for each in measured if each.histogram is not None]
        stacked = np.stack([each.histogram for each in kept if each.histogram is not None])
        before, after, gain, temperature = temperature_gain(stacked, [each.group for each in kept], seed=seed)
        note = (
            ""
            if temperature is None
            else f"T = {temperature:.3g}{', the end of its range' * (temperature >= HOTTEST)}"
        )
    else:
        old, new = (np.array([each.dice[key] for each in measured]) for key in (BASELINE, spec.key))
        before, after, gain = paired_gain(old, new, groups, seed=seed)
    spent = [each.seconds.get(spec.key, np.nan) / each.seconds[BASELINE] for each in measured]
    return GainRow(
        corruption="" if step is None else step.key, severity=0.0 if step is None else step.severity,
        mitigation=spec.key, better=spec.better, before=before, after=after, gain=gain,
        time_ratio=None if np.isnan(spent).all() else float(np.nanmedian(spent)), coverage=coverage,
        verdict=verdict_of(gain), units=units, patients=len(set(groups)), note=note,
    )  # fmt: skip


def _masked(key: str, pred: BoolArray, base: Stressed) -> BoolArray:
    image = base.shown.image
    spacing = image.geometry.spacing_mm
    if key == "largest_component":
        return largest_component(pred)
    if key == "largest_per_side":
        return largest_per_side(pred, image.values[0])
    if key == "remove_small":
        return remove_small(pred, spacing)
    return fill_holes(pred) if key == "fill_holes" else clean_up(pred, spacing)


def _pred(stressed: Stressed) -> BoolArray:
    assert isinstance(stressed.result, Outcome)
    return stressed.result.analysis.mask_pred > 0


def _ref(stressed: Stressed) -> BoolArray:
    assert stressed.shown.reference is not None
    return stressed.shown.reference.mask_ref


def _by_slice(stressed: Stressed) -> tuple[Float64Array, Float64Array]:
    """Confidence and Dice of every slice, NaN where undefined."""
    assert isinstance(stressed.result, Outcome) and stressed.result.overlap is not None
    slices = stressed.result.analysis.slices
    confidence = [np.nan if each.confidence is None else each.confidence for each in slices]
    return np.array(confidence), np.array([each.dice for each in stressed.result.overlap.slices])


def _histogram(item: CohortItem, base: Stressed) -> Float64Array | None:
    """(3, level) of the foreground within prediction or reference, all classes together."""
    found = stressed_item(item, base).histograms
    if found is None:
        return None
    return np.asarray(found[0, CALIBRATION_REGIONS.index(REGION)].sum(axis=0), np.float64)
