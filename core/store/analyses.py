"""Analyses as rows that can be filtered and queried, and arrays."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, NamedTuple

from duckdb import DuckDBPyConnection as Cursor

from core.config import canonical_json
from core.store.arrays import AnyArray, ArrayStore
from core.store.cases import iso
from core.store.codec import strings, to_json
from core.store.records import AnalysisSummary
from core.store.rows import insert_rows
from core.store.uses import Part, Use, delete_uses, insert_uses
from core.types import Analysis, Component, FixedPoint, MadeBy, Maps, Measure, Score, SliceSummary

MAP_ROLES = tuple(each.name for each in fields(Maps))
DETAIL_TABLES = ("slices", "scores", "measures", "components", "timings")
_NAMED_VALUE = ("VARCHAR", "INTEGER", "INTEGER", "VARCHAR", "DOUBLE", "VARCHAR")


@dataclass(frozen=True)
class AnalysisRows:
    """The part of an analysis that is kept in tables."""

    case_id: str
    class_names: tuple[str, ...]
    slices: tuple[SliceSummary, ...]
    scores: tuple[Score, ...]
    made_by: MadeBy


class JudgedParts(NamedTuple):
    """What a verdict rests on: slices in order without the places of their blobs, scores of the study."""

    slices: tuple[SliceSummary, ...]
    scores: tuple[Score, ...]


def analysis_parts(analysis: Analysis, arrays: ArrayStore) -> tuple[Part, ...]:
    """The arrays of an analysis, named but not yet kept; maps that are not available are left out."""
    found = {"prob": analysis.prob, **{role: getattr(analysis.maps, role) for role in MAP_ROLES}}
    return tuple(
        Part(role, arrays.describe(each.codes), each.codes, each.upper)
        for role, each in found.items()
        if each is not None
    )


def insert_analysis(cursor: Cursor, analysis: Analysis, parts: tuple[Part, ...], now: datetime) -> None:
    """Keep an analysis whose key is not there yet."""
    made_by, key = analysis.made_by, analysis.key
    cursor.execute(
        "INSERT INTO analyses VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            key,
            analysis.case_id,
            canonical_json(made_by.config),
            made_by.model_dump_json(exclude={"config", "timings"}),
            to_json(analysis.class_names),
            now,
            now,
        ],
    )
    insert_uses(cursor, key, "analysis", parts)
    _insert_details(cursor, analysis)


def _insert_details(cursor: Cursor, analysis: Analysis) -> None:
    key, slices = analysis.key, analysis.slices
    insert_rows(
        cursor, "slices", ("VARCHAR", "INTEGER", "BOOLEAN"), [(key, s.index, s.empty) for s in slices]
    )
    insert_rows(cursor, "scores", (*_NAMED_VALUE, "INTEGER", "INTEGER[]"), _score_rows(analysis))
    insert_rows(cursor, "measures", _NAMED_VALUE, _measure_rows(analysis))
    insert_rows(
        cursor,
        "components",
        ("VARCHAR", "INTEGER", "INTEGER", "BIGINT", "INTEGER", "INTEGER", "INTEGER", "INTEGER"),
        [(key, s.index, n, c.area_px, *c.box) for s in slices for n, c in enumerate(s.components)],
    )
    insert_rows(
        cursor,
        "timings",
        ("VARCHAR", "INTEGER", "VARCHAR", "DOUBLE"),
        [(key, n, each.stage, each.seconds) for n, each in enumerate(analysis.made_by.timings)],
    )


def _score_rows(analysis: Analysis) -> Iterator[tuple[Any, ...]]:
    owners: list[tuple[int | None, tuple[Score, ...]]] = [(None, analysis.scores)]
    owners += [(each.index, each.scores) for each in analysis.slices]
    for index, scores in owners:
        for position, score in enumerate(scores):
            named = (analysis.key, index, position, score.key, score.value, score.note)
            yield *named, score.slice, score.box


def _measure_rows(analysis: Analysis) -> Iterator[tuple[Any, ...]]:
    for each in analysis.slices:
        for position, measure in enumerate(each.measures):
            yield analysis.key, each.index, position, measure.key, measure.value, measure.note


def read_analysis(cursor: Cursor, key: str) -> AnalysisRows | None:
    """The rows of an analysis, None when it is not kept."""
    found = cursor.execute(
        "SELECT case_id, config, made_by, class_names FROM analyses WHERE key = ?", [key]
    ).fetchall()
    if not found:
        return None
    case_id, config, made_by, class_names = found[0]
    scores = _scores(cursor, key)
    return AnalysisRows(
        case_id=case_id,
        class_names=strings(class_names),
        slices=_slices(cursor, key, scores),
        scores=tuple(scores[None]),
        made_by=_made_by(config, made_by, _timings(cursor, key)),
    )


def build_analysis(rows: AnalysisRows, uses: Mapping[str, Use], arrays: Mapping[str, AnyArray]) -> Analysis:
    """The analysis that `insert_analysis` was given."""
    coded = {role: FixedPoint(arrays[role], use.upper or 0.0) for role, use in uses.items()}
    return Analysis(
        case_id=rows.case_id,
        prob=coded["prob"],
        class_names=rows.class_names,
        maps=Maps(
            predictive_entropy=coded["predictive_entropy"],
            expected_entropy=coded.get("expected_entropy"),
            mutual_information=coded.get("mutual_information"),
            variance=coded.get("variance"),
        ),
        slices=rows.slices,
        scores=rows.scores,
        made_by=rows.made_by,
    )


def read_judged(cursor: Cursor, keys: Sequence[str]) -> Mapping[str, JudgedParts]:
    """What verdicts over many analyses rest on, by key; without arrays and the places of blobs."""
    wanted = "analysis_key IN (SELECT unnest(?::VARCHAR[]))"
    scores: dict[tuple[str, int | None], list[Score]] = defaultdict(list)
    found = cursor.execute(
        f"""SELECT analysis_key, slice, key, value, note FROM scores WHERE {wanted}
            ORDER BY analysis_key, slice, position""",
        [list(keys)],
    )
    for key, index, name, value, note in found.fetchall():
        scores[key, index].append(
            Score.model_construct(key=name, value=value, note=note, slice=None, box=None)
        )
    measures: dict[tuple[str, int], list[Measure]] = defaultdict(list)
    found = cursor.execute(
        f"""SELECT analysis_key, slice, key, value, note FROM measures WHERE {wanted}
            ORDER BY analysis_key, slice, position""",
        [list(keys)],
    )
    for key, index, name, value, note in found.fetchall():
        measures[key, index].append(Measure.model_construct(key=name, value=value, note=note))
    slices: dict[str, list[SliceSummary]] = {key: [] for key in keys}
    found = cursor.execute(
        f"SELECT analysis_key, slice, empty FROM slices WHERE {wanted} ORDER BY analysis_key, slice",
        [list(keys)],
    )
    for key, index, empty in found.fetchall():
        slices[key].append(
            SliceSummary.model_construct(
                index=index, empty=empty, scores=tuple(scores[key, index]),
                measures=tuple(measures[key, index]), components=(),
            )
        )  # fmt: skip
    return {key: JudgedParts(tuple(own), tuple(scores[key, None])) for key, own in slices.items()}


def analysis_keys(cursor: Cursor, case_id: str) -> tuple[str, ...]:
    """Keys of the analyses of a case."""
    found = cursor.execute("SELECT key FROM analyses WHERE case_id = ?", [case_id]).fetchall()
    return tuple(key for (key,) in found)


def analysis_summaries(cursor: Cursor, case_id: str) -> tuple[AnalysisSummary, ...]:
    """The analyses of a case, newest first."""
    found = cursor.execute(
        """SELECT key, case_id, config, made_by, created, (
               SELECT count(*) > 0 AND count(*) = count(arrays.sha256)
               FROM array_uses LEFT JOIN arrays USING (sha256)
               WHERE owner = key AND owner_kind = 'analysis')
           FROM analyses WHERE case_id = ? ORDER BY created DESC, key""",
        [case_id],
    ).fetchall()
    return tuple(
        AnalysisSummary(
            key=key,
            case_id=case,
            made_by=_made_by(config, made_by, _timings(cursor, key)),
            arrays_kept=kept,
            created_utc=iso(created),
        )
        for key, case, config, made_by, created, kept in found
    )


def delete_analysis_rows(cursor: Cursor, key: str) -> None:
    """Remove every row of an analysis; its arrays are left to `delete_unused`."""
    for table in DETAIL_TABLES:
        cursor.execute(f"DELETE FROM {table} WHERE analysis_key = ?", [key])
    cursor.execute("DELETE FROM analyses WHERE key = ?", [key])
    delete_uses(cursor, key, "analysis")


def _scores(cursor: Cursor, key: str) -> dict[int | None, list[Score]]:
    found = cursor.execute(
        """SELECT slice, key, value, note, place_slice, place_box FROM scores
           WHERE analysis_key = ? ORDER BY slice, position""",
        [key],
    ).fetchall()
    grouped: dict[int | None, list[Score]] = defaultdict(list)
    for index, name, value, note, where, box in found:
        place = tuple(box) if box else None
        grouped[index].append(Score(key=name, value=value, note=note, slice=where, box=place))
    return grouped


def _measures(cursor: Cursor, key: str) -> dict[int, list[Measure]]:
    found = cursor.execute(
        "SELECT slice, key, value, note FROM measures WHERE analysis_key = ? ORDER BY slice, position", [key]
    ).fetchall()
    grouped: dict[int, list[Measure]] = defaultdict(list)
    for index, name, value, note in found:
        grouped[index].append(Measure(key=name, value=value, note=note))
    return grouped


def _components(cursor: Cursor, key: str) -> dict[int, list[Component]]:
    found = cursor.execute(
        """SELECT slice, area_px, box_top, box_left, box_bottom, box_right FROM components
           WHERE analysis_key = ? ORDER BY slice, position""",
        [key],
    ).fetchall()
    grouped: dict[int, list[Component]] = defaultdict(list)
    for index, area_px, *box in found:
        grouped[index].append(Component(area_px=area_px, box=tuple(box)))
    return grouped


def _slices(cursor: Cursor, key: str, scores: dict[int | None, list[Score]]) -> tuple[SliceSummary, ...]:
    measures, components = _measures(cursor, key), _components(cursor, key)
    found = cursor.execute(
        "SELECT slice, empty FROM slices WHERE analysis_key = ? ORDER BY slice", [key]
    ).fetchall()
    return tuple(
        SliceSummary(
            index=index,
            empty=empty,
            scores=tuple(scores[index]),
            measures=tuple(measures[index]),
            components=tuple(components[index]),
        )
        for index, empty in found
    )


def _timings(cursor: Cursor, key: str) -> list[dict[str, Any]]:
    found = cursor.execute(
        "SELECT stage, seconds FROM timings WHERE analysis_key = ? ORDER BY position", [key]
    ).fetchall()
    return [{"stage": stage, "seconds": seconds} for stage, seconds in found]


def _made_by(config: str, made_by: str, timings: list[dict[str, Any]]) -> MadeBy:
    return MadeBy.model_validate({**json.loads(made_by), "config": json.loads(config), "timings": timings})
