"""Predictions made elsewhere: matched to the cases of a cohort, reduced, scored and kept as a run.

Several masks or probability volumes of a case (members, folds, epochs) are its samples: their agreement is
the confidence. One hard mask says nothing about its own confidence, and no score pretends that it does.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from core.cohort.names import MASK_FOLDERS, split_mask_ending, stem_of
from core.cohort.plan import NoFit
from core.cohort.predictions import Matches, listed_predictions, match_predictions, slice_groups
from core.config import Frozen, digest
from core.errors import Cancelled, InputProblem, SecondLookError, StoreProblem, trace_of
from core.io.listing import open_listing
from core.io.predictions import Prediction, read_prediction
from core.pipeline.case import silent
from core.pipeline.cohorts import FOREGROUND, Source
from core.pipeline.imported_analysis import IMPORT_SCHEMA, Judge, analysis_of, class_levels_of
from core.pipeline.prediction_tables import import_table, is_table
from core.pipeline.runs import find_cohort, keep_result
from core.types import (
    Case,
    CohortItem,
    CohortRecord,
    ItemResult,
    Listing,
    NamedBytes,
    Progress,
    Refusal,
    RunRecord,
)

if TYPE_CHECKING:
    from core.store import Store

NO_PREDICTION = "No prediction was given for this case."

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
    matches = _matches(listing, [item.name for item in store.cohort_items(cohort.id)])
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
    if cohort.task != "segmentation":
        return import_table(store, cohort, listing, title)
    items = store.cohort_items(cohort.id)
    matches = _matches(listing, [item.name for item in items])
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


def _matches(listing: Listing, cases: Sequence[str]) -> Matches:
    """By the table where one is given, else by name."""
    if not is_table(listing):
        return match_predictions(listing.names, cases)
    try:
        return listed_predictions(listing.rows(listing.names[0]), "", listing.names, cases)
    except NoFit as no:
        raise InputProblem(
            "The table names no predictions",
            found=no.sentence.rstrip("."),
            expected="the columns case and prediction (files, relative to the table), or a folder of files",
            fix="add the columns, or give the folder",
            file=listing.label,
        ) from None


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
        _refuse_the_reference(f"{listing.label}/{part[0]}", sample, case)
    if len({sample.hard for sample in samples}) > 1:
        raise InputProblem(
            "The predictions of one case are of two kinds",
            found="hard masks beside probabilities",
            expected="only masks, or only probabilities",
            fix="import them one after the other",
            file=item.name,
        )
    return tuple(samples)


def _digests(listing: Listing, files: dict[str, tuple[str, ...]], progress: Progress) -> dict[str, str]:
    names = [name for own in files.values() for name in own]
    found = {}
    for number, name in enumerate(names):
        progress(0.2 * number / len(names), f"Hashing {number + 1} of {len(names)}")
        found[name] = hashlib.sha256(listing.read(name)).hexdigest()
    return found


def _refuse_the_reference(name: str, sample: Prediction, case: Case) -> None:
    """A folder of pairs given as predictions would be judged perfect against itself.

    The same mask under the same name is enough only where the name says that it is a reference: predictions
    are often called like the image, and a right one, above all an empty one, may equal the reference.
    """
    reference = case.reference
    folder, _, last = name.rpartition("/")
    named = split_mask_ending(stem_of(last)) is not None
    if reference is None or last != reference.name or not (named or _holds_references(folder)):
        return
    if reference.mask_ref.any() and np.array_equal(sample.mask() > 0, reference.mask_ref):
        raise InputProblem(
            "The reference itself was given as the prediction",
            found="the same name and the same mask",
            expected="a mask that a network made",
            fix="give the folder of the predictions alone",
            file=last,
        )


def _holds_references(folder: str) -> bool:
    return any(each.lower() in (*MASK_FOLDERS, "labelstr", "labelsts") for each in folder.split("/"))


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
