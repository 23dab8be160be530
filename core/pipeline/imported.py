"""Predictions made elsewhere: matched to the cases of a cohort, reduced, scored and kept as a run.

Several masks or probability volumes of a case (members, folds, epochs) are its samples: their agreement is
the confidence. One hard mask says nothing about its own confidence, and no score pretends that it does.
"""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Literal

import numpy as np

from core import __version__
from core.cohort.predictions import Matches, match_predictions, slice_groups
from core.config import AnalysisConfig, Frozen, digest
from core.detector import measure_slice
from core.errors import Cancelled, InputProblem, SecondLookError, StoreProblem, trace_of
from core.io.listing import open_listing
from core.io.predictions import Prediction, read_prediction
from core.pipeline.case import silent
from core.pipeline.cohorts import FOREGROUND, Source
from core.pipeline.prediction_tables import import_table, is_table
from core.pipeline.runs import find_cohort, keep_result
from core.types import (
    Analysis,
    Case,
    CohortItem,
    CohortRecord,
    FixedPoint,
    ItemResult,
    Listing,
    MadeBy,
    NamedBytes,
    Progress,
    Refusal,
    RunRecord,
    Score,
    SliceSamples,
    SliceSummary,
)

if TYPE_CHECKING:
    from core.store import Store
    from core.uncertainty import Reduced

Judge = Literal["mean", "majority", "last"]
"""Which mask is judged. mean: of the samples' probabilities; majority: most votes of the samples' masks;
last: the last sample in natural order (the last epoch). The agreement is always that of all samples."""

IMPORTED = "imported"
"""Model id and backend of an analysis that no model of ours made."""

IMPORT_SCHEMA = 1
ONE_MASK = "not available: one hard mask has no confidence"
NO_PREDICTION = "No prediction was given for this case."
_LABEL = re.compile(r"label (\d+)")
_STILL_KNOWN = ("neighbour_dice",)
"""Scores that one hard mask can have: how well a slice fits the slices beside it."""

logger = logging.getLogger("second_look.imported")


class PredictionPreview(Frozen):
    """How predictions would be matched, told from names.

    matched: cases with predictions; samples: fewest and most files of one. unmatched: cases without any.
    """

    matched: int
    samples: tuple[int, int]
    unmatched: tuple[str, ...]
    refused: tuple[Refusal, ...]


def preview_predictions(store: Store, cohort_id: str, source: Source) -> PredictionPreview:
    """Which cases the files would be matched to, and which files to none, and why."""
    cohort = find_cohort(store, cohort_id)
    listing = open_listing(source)
    matches = match_predictions(listing.names, [item.name for item in store.cohort_items(cohort.id)])
    counts = [len(files) for _, files in matches.files]
    return PredictionPreview(
        matched=len(matches.files),
        samples=(min(counts, default=0), max(counts, default=0)),
        unmatched=matches.unmatched,
        refused=(*listing.refused, *matches.refused),
    )


def import_predictions(
    store: Store,
    cohort_id: str,
    source: Source,
    title: str | None = None,
    judge: Judge = "mean",
    progress: Progress = silent,
) -> RunRecord:
    """Predictions of a folder, zip or table as a run over a cohort; the same files make the same run.

    A case without predictions, or whose predictions do not fit, is listed among the run's failures and the
    others go on. Raises InputProblem when no file belongs to any case, and Cancelled.
    """
    cohort = find_cohort(store, cohort_id)
    progress(0.0, "Looking at the file names")
    listing = open_listing(source)
    if cohort.task != "segmentation" or is_table(listing):
        return import_table(store, cohort, listing, title)
    items = store.cohort_items(cohort.id)
    matches = match_predictions(listing.names, [item.name for item in items])
    if not matches.files:
        raise _none_matched(listing, cohort, matches)
    files = dict(matches.files)
    shas = _digests(listing, files, progress)
    class_names = cohort.class_names or FOREGROUND
    what = [(name, [shas[each] for each in own]) for name, own in sorted(files.items())]
    run = RunRecord(
        id=digest([cohort.id, judge, what, IMPORT_SCHEMA]),
        cohort_id=cohort.id,
        title=title or f"{listing.label}, {judge}",
        source="imported",
        task="segmentation",
        class_names=class_names,
        config=None,
        items=cohort.items,
    )
    store.put_run(run)
    for number, item in enumerate(items):
        progress(0.2 + 0.8 * number / len(items), f"Case {number + 1} of {len(items)}")
        own = files.get(item.name, ())
        _import_item(store, run, item, listing, own, [shas[each] for each in own], judge)
    store.finish_run(run.id)
    return store.run(run.id) or run


def _import_item(
    store: Store,
    run: RunRecord,
    item: CohortItem,
    listing: Listing,
    files: Sequence[str],
    shas: Sequence[str],
    judge: Judge,
) -> None:
    try:
        case = None if item.case_id is None else store.case(item.case_id)
        problem = NO_PREDICTION if not files else "" if case is not None else "The image is not kept."
        if problem or case is None:
            store.put_item(run.id, item.position, ItemResult(problem=problem, origin="imported"))
            return
        samples = _read_samples(listing, item, files, case, run.class_names)
        analysis = analysis_of(case, samples, shas, run.class_names, judge)
        store.put_analysis(analysis)
        keep_result(store, run, item, case, analysis, origin="imported")
    except (Cancelled, StoreProblem):
        raise
    except SecondLookError as error:
        store.put_item(run.id, item.position, ItemResult(problem=error.sentence, origin="imported"))
    except Exception as error:  # noqa: BLE001 - the outermost boundary of one item
        incident = secrets.token_hex(4)
        logger.error("incident %s in an import: %s", incident, trace_of(error))
        sentence = f"Something unforeseen went wrong (incident {incident})."
        store.put_item(run.id, item.position, ItemResult(problem=sentence, origin="imported"))


def _read_samples(
    listing: Listing, item: CohortItem, files: Sequence[str], case: Case, class_names: tuple[str, ...]
) -> tuple[Prediction, ...]:
    levels = class_levels_of(class_names)
    parts: Sequence[tuple[str, ...]] = [(name,) for name in files]
    if case.image.slices > 1 and len(files) > 1:
        parts = slice_groups(files, item.name, case.image.slices) or parts
    samples = [
        read_prediction([NamedBytes(name, listing.read(name)) for name in part], case, levels)
        for part in parts
    ]
    for part, sample in zip(parts, samples, strict=True):
        _refuse_the_reference(part[0], sample, case)
    if len({sample.hard for sample in samples}) > 1:
        raise InputProblem(
            "The predictions of one case are of two kinds",
            found="hard masks beside probabilities",
            expected="only masks, or only probabilities",
            fix="import them one after the other",
            file=item.name,
        )
    return tuple(samples)


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
        slices=_slices(reduced, lone),
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


def _slices(reduced: Reduced, lone: bool) -> tuple[SliceSummary, ...]:
    from core.uncertainty import score_slices

    found = []
    for index, (mask, scores) in enumerate(zip(reduced.mask_pred, score_slices(reduced), strict=True)):
        measures, components = measure_slice(mask > 0)
        found.append(
            SliceSummary(
                index=index,
                empty=not bool(mask.any()),
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


def _digests(listing: Listing, files: dict[str, tuple[str, ...]], progress: Progress) -> dict[str, str]:
    names = [name for own in files.values() for name in own]
    found = {}
    for number, name in enumerate(names):
        progress(0.2 * number / len(names), f"Hashing {number + 1} of {len(names)}")
        found[name] = hashlib.sha256(listing.read(name)).hexdigest()
    return found


def _refuse_the_reference(name: str, sample: Prediction, case: Case) -> None:
    """A folder of pairs given as predictions would be judged perfect against itself."""
    reference = case.reference
    if reference is None or name.rpartition("/")[2] != reference.name:
        return
    if np.array_equal(sample.mask() > 0, reference.mask_ref):
        raise InputProblem(
            "The reference itself was given as the prediction",
            found="the same name and the same mask",
            expected="a mask that a network made",
            fix="give the folder of the predictions alone",
            file=name,
        )


def _none_matched(listing: Listing, cohort: CohortRecord, matches: Matches) -> InputProblem:
    first = matches.refused[0] if matches.refused else None
    return InputProblem(
        "No file belongs to a case of the cohort",
        found=f"{first.name}: {first.sentence}" if first else "no files",
        expected=f"file or folder names that hold the names of the cases of {cohort.name}, such as "
        f"{matches.unmatched[0] if matches.unmatched else 'its cases'}",
        fix="rename the files after the cases",
        file=listing.label,
    )
