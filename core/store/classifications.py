"""Classifications as rows and arrays."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from duckdb import DuckDBPyConnection as Cursor

from core.config import canonical_json
from core.store.arrays import AnyArray, ArrayStore
from core.store.cases import iso
from core.store.codec import strings, to_json
from core.store.records import AnalysisSummary
from core.store.uses import Part, Use, delete_uses, insert_uses
from core.types import BagSamples, Classification, FixedPoint, MadeBy, Score

SAMPLES = "samples"
SALIENCY = "saliency"
BAG_SLICES, BAG_PROB, BAG_ATTENTION, BAG_INSTANCE = "bag slices", "bag prob", "bag attention", "bag instance"
TISSUE = "tissue"
BAG_ROLES = (BAG_SLICES, BAG_PROB, BAG_ATTENTION, BAG_INSTANCE)
"""Of the bags of a volume, one after another: (bag, 2) first slice and end, (bag, sample, class), and twice
(sample, slice of a bag)."""


@dataclass(frozen=True)
class ClassificationRow:
    """The part of a classification that is kept in its row."""

    case_id: str
    class_names: tuple[str, ...]
    multilabel: bool
    scores: tuple[Score, ...]
    made_by: MadeBy


def classification_parts(found: Classification, arrays: ArrayStore) -> tuple[Part, ...]:
    """The arrays of a classification, named but not yet kept."""
    kept = {SAMPLES: found.samples, **(_bag_arrays(found.bags) if found.bags else {})}
    if found.tissue is not None:
        kept[TISSUE] = found.tissue
    parts = tuple(Part(role, arrays.describe(each), each) for role, each in kept.items())
    if found.saliency is None:
        return parts
    codes = found.saliency.codes
    return *parts, Part(SALIENCY, arrays.describe(codes), codes, found.saliency.upper)


def insert_classification(
    cursor: Cursor, found: Classification, parts: tuple[Part, ...], now: datetime
) -> None:
    """Keep a classification whose key is not there yet."""
    made_by = found.made_by
    cursor.execute(
        "INSERT INTO classifications VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            found.key,
            found.case_id,
            canonical_json(made_by.config),
            made_by.model_dump_json(exclude={"config"}),
            to_json(found.class_names),
            found.multilabel,
            json.dumps([each.model_dump(mode="json") for each in found.scores]),
            now,
        ],
    )
    insert_uses(cursor, found.key, "classification", parts)


def read_classification(cursor: Cursor, key: str) -> ClassificationRow | None:
    """The row of a classification, None when it is not kept."""
    found = cursor.execute(
        """SELECT case_id, class_names, multilabel, scores, config, made_by FROM classifications
           WHERE key = ?""",
        [key],
    ).fetchall()
    if not found:
        return None
    case_id, class_names, multilabel, scores, config, made_by = found[0]
    return ClassificationRow(
        case_id=case_id,
        class_names=strings(class_names),
        multilabel=multilabel,
        scores=tuple(Score.model_validate(each) for each in json.loads(scores)),
        made_by=_made_by(config, made_by),
    )


def build_classification(
    row: ClassificationRow, uses: Mapping[str, Use], arrays: Mapping[str, AnyArray]
) -> Classification:
    """The classification that `insert_classification` was given."""
    codes = arrays.get(SALIENCY)
    return Classification(
        case_id=row.case_id,
        class_names=row.class_names,
        multilabel=row.multilabel,
        samples=arrays[SAMPLES],
        saliency=None if codes is None else FixedPoint(codes, uses[SALIENCY].upper or 0.0),
        scores=row.scores,
        made_by=row.made_by,
        bags=_bags(arrays) if BAG_SLICES in arrays else (),
        tissue=arrays.get(TISSUE),
    )


def classification_summaries(cursor: Cursor, case_id: str) -> tuple[AnalysisSummary, ...]:
    """The classifications of a case, newest first."""
    found = cursor.execute(
        """SELECT key, config, made_by, created, (
               SELECT count(*) > 0 AND count(*) = count(arrays.sha256)
               FROM array_uses LEFT JOIN arrays USING (sha256)
               WHERE owner = key AND owner_kind = 'classification')
           FROM classifications WHERE case_id = ? ORDER BY created DESC, key""",
        [case_id],
    ).fetchall()
    return tuple(
        AnalysisSummary(
            key=key,
            case_id=case_id,
            made_by=_made_by(config, made_by),
            arrays_kept=kept,
            created_utc=iso(created),
        )
        for key, config, made_by, created, kept in found
    )


def delete_classification_rows(cursor: Cursor, key: str) -> None:
    """Remove a classification; its arrays are left to `delete_unused`."""
    cursor.execute("DELETE FROM classifications WHERE key = ?", [key])
    delete_uses(cursor, key, "classification")


def classification_keys(cursor: Cursor, case_id: str) -> tuple[str, ...]:
    """Keys of the classifications of a case."""
    found = cursor.execute("SELECT key FROM classifications WHERE case_id = ?", [case_id]).fetchall()
    return tuple(key for (key,) in found)


def _made_by(config: str, made_by: str) -> MadeBy:
    return MadeBy.model_validate({**json.loads(made_by), "config": json.loads(config)})


def _bag_arrays(bags: Sequence[BagSamples]) -> dict[str, AnyArray]:
    ends = [(each.slices[0], each.slices[-1] + 1) for each in bags]
    joined = (
        np.array(ends, np.int64),
        np.stack([each.prob for each in bags]),
        np.concatenate([each.attention for each in bags], axis=1),
        np.concatenate([each.instance for each in bags], axis=1),
    )
    return dict(zip(BAG_ROLES, joined, strict=True))


def _bags(arrays: Mapping[str, AnyArray]) -> tuple[BagSamples, ...]:
    ends, prob, attention, instance = (arrays[role] for role in BAG_ROLES)
    slices = [tuple(range(first, stop)) for first, stop in ends.tolist()]
    cuts = np.cumsum([len(each) for each in slices])[:-1]
    parts = (prob, np.split(attention, cuts, axis=1), np.split(instance, cuts, axis=1))
    return tuple(BagSamples(*each) for each in zip(slices, *parts, strict=True))
