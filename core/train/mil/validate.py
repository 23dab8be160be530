"""The validation table of a bag model: left-out training patients, and patients that no member ever saw."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.audit.attention import attention_summary, mean_summary
from core.config import EstimatorConfig, Frozen
from core.inference.bag_predictor import open_bag_predictor
from core.models.mil_records import BagRecord
from core.train.common.curve import Say
from core.train.common.judging import no_progress, plain_estimator
from core.train.mil.config import MilConfig
from core.train.mil.data import BagData
from core.train.mil.measure import (
    AttentionCheck,
    BagRow,
    ExtentRow,
    PositionPrior,
    Verdict,
    attention_check,
    auroc_difference,
    bag_row,
    extent_rows,
    position_prior,
    relative_places,
    verdict,
)
from core.train.mil.sources import load_source, source_spec
from core.train.mil.train import fold_task, out_of_fold_bags
from core.train.validate import Study, as_image, read_studies
from core.types import BagSamples, Estimate, Float64Array


class Spread(Frozen):
    """Mean over the left-out bags: entropy of the attention in nats and over its maximum, highest weight,
    effective slices exp(H) and 1 / sum of squares, slices of a bag."""

    entropy: float
    normalised_entropy: float | None
    top1: float
    effective_exp: float
    effective_inverse: float
    slices: float


class BagValidation(Frozen):
    """rows: how well bags are told apart; attention: against the marks, empty without masks; question: what
    was asked; minus_position: AUROC out of fold minus that of the position alone, None where no slabs are
    judged; by_extent: slabs out of fold by how many of their slices are marked; spread: of the attention out
    of fold."""

    model: str
    question: str
    rows: tuple[BagRow, ...]
    minus_position: Estimate | None
    by_extent: tuple[ExtentRow, ...]
    attention: tuple[AttentionCheck, ...]
    spread: Spread


def validate_bag_model(record: BagRecord, config: MilConfig, data: Path, say: Say = print) -> BagValidation:
    """Judge a bag model out of fold and, where it is made for slabs of TCGA-LGG, on the held-out patients.

    Nothing is chosen on either. The held-out patients go through the product's own inference.
    """
    bags = load_source(data, config)
    say(f"{record.id}: left-out training patients")
    verdicts, prior = left_out(record, config, bags)
    rows = [bag_row("out of fold: each member on the patients that it left out", verdicts)]
    checks = []
    minus = None
    if config.bag == "slab":
        minus = auroc_difference(verdicts, _by_position(prior))
        rows.append(bag_row("out of fold: position in the volume alone", verdicts, _by_position(prior)))
    if bags.holds is not None:
        checks.append(attention_check("out of fold", verdicts, prior))
    if config.source == "lgg-slab":
        say(f"{record.id}: held-out patients")
        found = held_out(record, tuple(read_studies(data)))
        own = [position_prior(bags, range(len(bags.volumes))).of(each.place) for each in found["ensemble"]]
        rows += [bag_row(f"held-out patients: {name}", each) for name, each in found.items()]
        rows.append(
            bag_row("held-out patients: position in the volume alone", found["ensemble"], _by_position(own))
        )
        checks.append(attention_check("held-out patients, ensemble", found["ensemble"], own))
    return BagValidation(
        model=record.id,
        question=source_spec(config.source).question,
        rows=tuple(rows),
        minus_position=minus,
        by_extent=extent_rows(verdicts) if config.bag == "slab" else (),
        attention=tuple(checks),
        spread=_spread(verdicts),
    )


def left_out(
    record: BagRecord, config: MilConfig, data: BagData
) -> tuple[tuple[Verdict, ...], tuple[Float64Array, ...]]:
    """Every bag of the training patients, judged by the member that never saw the patient, and the share of
    marked slices that the heights of its slices have among the patients that this member did see."""
    judged = out_of_fold_bags(record, data)
    seen: dict[int, PositionPrior] = {
        fold: position_prior(data, fold_task(config, data, fold).seen)
        for fold in {each.fold for each in judged}
    }
    verdicts = tuple(verdict(data, each) for each in judged)
    prior = tuple(seen[each.fold].of(own.place) for each, own in zip(judged, verdicts, strict=True))
    return verdicts, prior


def held_out(record: BagRecord, studies: Sequence[Study]) -> dict[str, tuple[Verdict, ...]]:
    """The bags of patients that no member saw: all members together, and with dropout samples of one."""
    estimators = {
        "ensemble": plain_estimator(record),
        "one member, 20 dropout samples": EstimatorConfig(kind="mc-dropout", samples=20),
    }
    return {
        name: tuple(each for study in studies for each in _study(record, study, estimator))
        for name, estimator in estimators.items()
    }


def _study(record: BagRecord, study: Study, estimator: EstimatorConfig) -> list[Verdict]:
    predictor = open_bag_predictor(record, device="cpu")
    image = as_image(study.image, record.channels)
    channels = tuple(range(len(record.channels)))
    samples = predictor.judge(image, channels, estimator, f"validation {study.patient}", no_progress)
    return [_of_samples(study, each) for each in samples]


def _of_samples(study: Study, found: BagSamples) -> Verdict:
    marked = np.asarray(study.mask_ref.any(axis=(1, 2)))[list(found.slices)]
    return Verdict(
        patient=study.patient,
        label=int(marked.any()),
        prob=found.mean_prob,
        attention=found.mean_attention,
        instance=found.mean_instance,
        place=relative_places(found.slices, len(study.mask_ref)),
        marked=marked,
    )


def _by_position(prior: Sequence[Float64Array]) -> Float64Array:
    """For each bag the highest share of marked slices that any of its heights has."""
    return np.array([float(each.max()) for each in prior])


def _spread(verdicts: Sequence[Verdict]) -> Spread:
    found = mean_summary([attention_summary(each.attention) for each in verdicts])
    assert found.entropy is not None and found.top1 is not None
    assert found.effective_exp is not None and found.effective_inverse is not None
    return Spread(
        entropy=found.entropy,
        normalised_entropy=found.normalised_entropy,
        top1=found.top1,
        effective_exp=found.effective_exp,
        effective_inverse=found.effective_inverse,
        slices=float(np.mean([len(each.attention) for each in verdicts])),
    )
