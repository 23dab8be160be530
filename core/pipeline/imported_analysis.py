"""Samples that were made elsewhere, as an analysis like those of our own models."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Literal

import numpy as np

from core import __version__
from core.config import AnalysisConfig, digest
from core.detector import measure_slices, stack_space
from core.io.predictions import Prediction
from core.types import Analysis, Case, FixedPoint, Image, MadeBy, Score, SliceSamples, SliceSummary

if TYPE_CHECKING:
    from core.uncertainty import Reduced

Judge = Literal["mean", "majority", "last"]
"""Which mask is judged. mean: of the samples' probabilities; majority: most votes of the samples' masks;
last: the last sample in natural order (the last epoch). The agreement is always that of all samples."""

IMPORTED = "imported"
"""Model id and backend of an analysis that no model of ours made."""

IMPORT_SCHEMA = 2
ONE_MASK = "not available: one hard mask has no confidence"
_LABEL = re.compile(r"label (\d+)")
_STILL_KNOWN = ("neighbour_dice",)
"""Scores that one hard mask can have: how well a slice fits the slices beside it."""


def analysis_of(
    case: Case, samples: Sequence[Prediction], shas: Sequence[str], class_names: tuple[str, ...], judge: Judge
) -> Analysis:
    """Samples made elsewhere as an analysis: maps, agreement and scores as for a model of ours.

    shas: SHA-256 of the files, in their order; part of the key.
    """
    from core.uncertainty import reduce, score_case

    stream = _stream(samples, case.image.slices, votes=judge == "majority")
    reduced = reduce(stream, case.image.slices, case.image.slice_shape, len(class_names))
    if judge == "last":
        reduced = _judging_last(reduced, samples)
    lone = len(samples) == 1 and samples[0].hard
    return Analysis(
        case_id=case.id,
        prob=reduced.prob,
        class_names=class_names,
        maps=reduced.maps,
        slices=_slices(case.image, reduced, lone),
        scores=_without_confidence(score_case(reduced)) if lone else score_case(reduced),
        made_by=_made_by(case, samples, shas, class_names, judge, lone),
    )


def class_levels_of(class_names: tuple[str, ...]) -> tuple[int, ...]:
    """Mask value of each class: as its name "label N" says, else 1, 2, ...; () for a single class.

    >>> class_levels_of(("label 128", "label 255")), class_levels_of(("myocardium", "ventricle"))
    ((128, 255), (1, 2))
    """
    if len(class_names) < 2:
        return ()
    told = [_LABEL.fullmatch(name) for name in class_names]
    if all(told):
        return tuple(int(found.group(1)) for found in told if found)
    return tuple(range(1, len(class_names) + 1))


def _stream(samples: Sequence[Prediction], slices: int, *, votes: bool) -> Iterator[SliceSamples]:
    drawn = [replace(each, labels=each.mask(), prob=None) for each in samples] if votes else samples
    for index in range(slices):
        yield SliceSamples(index, iter([each.plane(index) for each in drawn]))


def _judging_last(reduced: Reduced, samples: Sequence[Prediction]) -> Reduced:
    """The same agreement, with the last sample in place of the mean as what is judged."""
    from core.uncertainty.agreement import component_agreement, member_mask

    last = samples[-1]
    planes = [last.plane(index) for index in range(len(reduced.agreement))]
    prob = FixedPoint.of(np.stack(planes, axis=1), 1.0)
    judged = replace(reduced, prob=prob)
    agreement = []
    for index, each in enumerate(reduced.agreement):
        masks = np.stack([member_mask(sample.plane(index)) for sample in samples])
        iou, spread, count = component_agreement(judged.mask_pred[index], masks)
        agreement.append(replace(each, component_iou=iou, component_cv=spread, components=count))
    return replace(judged, agreement=tuple(agreement))


def _slices(image: Image, reduced: Reduced, lone: bool) -> tuple[SliceSummary, ...]:
    from core.uncertainty import score_slices

    found = []
    measured = measure_slices(reduced.mask_pred > 0, stack_space(image))
    for index, ((measures, components), scores) in enumerate(
        zip(measured, score_slices(reduced), strict=True)
    ):
        found.append(
            SliceSummary(
                index=index,
                empty=not components,
                scores=_without_confidence(scores) if lone else scores,
                measures=measures,
                components=components,
            )
        )
    return tuple(found)


def _without_confidence(scores: Sequence[Score]) -> tuple[Score, ...]:
    return tuple(
        each if each.key in _STILL_KNOWN else Score(key=each.key, value=None, note=ONE_MASK)
        for each in scores
    )


def _made_by(
    case: Case,
    samples: Sequence[Prediction],
    shas: Sequence[str],
    class_names: tuple[str, ...],
    judge: Judge,
    lone: bool,
) -> MadeBy:
    versions = tuple(
        (name, version(name)) for name in ("numpy", "scipy", "opencv-python-headless", "nibabel")
    )
    kind = "masks" if samples[0].hard else "probabilities"
    notes = [note for sample in samples for note in sample.notes]
    notes.append(f"Made elsewhere: {len(samples)} {kind}; the {judge} is judged.")
    if lone:
        notes.append("One hard mask has no confidence: nothing says how sure its maker was.")
    return MadeBy(
        key=digest([case.id, list(shas), class_names, judge, versions, IMPORT_SCHEMA]),
        config=AnalysisConfig(model_id=IMPORTED),
        app_version=__version__,
        weights=(digest(list(shas)),),
        members=tuple(f"sample {number}" for number in range(1, len(samples) + 1)),
        device="elsewhere",
        backend=IMPORTED,
        precision="float32",
        threads=1,
        chunk=1,
        samples=len(samples),
        channels=(),
        self_check=None,
        versions=versions,
        created_utc="",
        notes=tuple(dict.fromkeys(notes)),
    )
