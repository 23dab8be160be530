"""Does the confidence of a shipped model rank? Every score, out of fold and on the validation patients.

The default score was chosen on the out-of-fold slices, so they are no independent test of it. The validation
patients were read once, when the choice was made and committed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from core.config import Frozen
from core.inference import open_predictor
from core.models.records import ModelRecord
from core.train.common.curve import Say
from core.train.common.judging import no_progress, plain_estimator
from core.train.confidence.choice import Stress, Variant, stresses, variants
from core.train.confidence.judged import PatientRow, Place, Table, Units, judge, patient_rows, places, table
from core.train.data import load_training_set
from core.train.segmenter import find_packed
from core.train.unseen import JudgedStudy, studies_of, unseen_samples
from core.train.validate import as_image, read_studies
from core.uncertainty import reduce


class Ranking(Frozen):
    """One set of patients: tables over slices and over whole studies, where misses lie, and each patient."""

    slices: Table
    studies: Table
    places: tuple[Place, ...]
    patients: tuple[PatientRow, ...]


class ConfidenceReport(Frozen):
    """variants, stresses: what the default was chosen among, out of fold. validation: None until read."""

    model: str
    out_of_fold: Ranking
    variants: tuple[Variant, ...]
    stresses: tuple[Stress, ...]
    validation: Ranking | None


def confidence_report(
    record: ModelRecord, data: Path, validation: bool, say: Say = print
) -> ConfidenceReport:
    """Judge the training patients by the members that left them out, and the validation patients by all.

    validation: whether to read the validation patients at all.
    """
    training_set = load_training_set(find_packed(data))
    say("Out of fold: networks")
    samples = unseen_samples(record, training_set)
    say("Out of fold: scores")
    studies = tuple(studies_of(samples, training_set))
    slices, wholes = judge(studies)
    say("Variants of the default")
    return ConfidenceReport(
        model=record.id,
        out_of_fold=_ranking(studies, slices, wholes),
        variants=variants(studies, slices, record),
        stresses=stresses(samples, training_set),
        validation=_validation(record, data, say) if validation else None,
    )


def validation_studies(record: ModelRecord, data: Path) -> Iterator[JudgedStudy]:
    """The patients in `lgg/tif`, through the product's inference with all members, at native size."""
    predictor = open_predictor(record, device="cpu")
    for study in read_studies(data):
        image = as_image(study.image, record.channels)
        channels = tuple(range(len(record.channels)))
        stream = predictor.stream(image, channels, plain_estimator(record), "validation", no_progress)
        yield JudgedStudy(study.patient, reduce(stream, image.slices, image.slice_shape), study.mask_ref)


def _validation(record: ModelRecord, data: Path, say: Say) -> Ranking:
    say("Validation patients")
    studies = tuple(validation_studies(record, data))
    return _ranking(studies, *judge(studies))


def _ranking(studies: Sequence[JudgedStudy], slices: Units, wholes: Units) -> Ranking:
    return Ranking(
        slices=table(slices),
        studies=table(wholes),
        places=places(studies),
        patients=patient_rows(slices, wholes),
    )
