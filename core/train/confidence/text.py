"""The document of a model's confidence: every score with intervals, what was tried, and what limits it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from string import Template

from core.models.records import ModelRecord
from core.train.common.card import write_documents
from core.train.common.numbers import number
from core.train.confidence.choice import EARLIER, Stress, Variant
from core.train.confidence.judged import PLACES, ScoreRow, Table
from core.train.confidence.measure import ConfidenceReport, Ranking
from core.uncertainty import SCORES, score_spec

TEMPLATE = Path(__file__).with_name("template.md")
REPORT, DOCUMENT = "confidence.json", "CONFIDENCE.md"
TARGET_OUT_OF_FOLD, TARGET_VALIDATION = 0.90, 0.91
"""Normalised AURC that the default was to reach on all slices, set before it was chosen."""


def write_confidence(record: ModelRecord, report: ConfidenceReport) -> Path:
    """Write `confidence.json` and `CONFIDENCE.md` into the model's folder and return the document's path."""
    text = confidence_text(record, report)
    return write_documents(record, report, text, names=(REPORT, DOCUMENT), indent=1)


def confidence_text(record: ModelRecord, report: ConfidenceReport) -> str:
    """The document in Markdown, made from the record and its report alone."""
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=record.title,
        id=record.id,
        summary=_summary(report),
        places=_places(report),
        out_of_fold=_ranking(report.out_of_fold),
        validation=_ranking(report.validation) if report.validation else "Not read yet.",
        variants=_variants(report.variants),
        stresses=_stresses(report.stresses),
        limits="\n".join(_limits(report)),
    )


def _summary(report: ConfidenceReport) -> str:
    lines = [_verdict("Out of fold", report.out_of_fold.slices, TARGET_OUT_OF_FOLD)]
    if report.validation:
        lines.append(_verdict("Validation", report.validation.slices, TARGET_VALIDATION))
    return "\n".join(lines)


def _verdict(where: str, found: Table, target: float) -> str:
    value = found.rows[0].normalised_aurc
    reached = value is not None and value.value is not None and value.value >= target
    said = "reached" if reached else "missed"
    earlier = next(row for row in found.rows if row.score == EARLIER)
    return (
        f"- {where}, {found.patients} patients, all {found.units:,} slices: normalised AURC "
        f"**{number(value, 3)}**; the aim of {target:.2f} is {said}. The rule before it has "
        f"{number(earlier.normalised_aurc, 3)} on the same slices."
    )


def _ranking(found: Ranking) -> str:
    slices, studies = found.slices, found.studies
    return (
        f"{_facts(slices, 'slices')}\n\n{_table(slices)}\n\n"
        f"Whole studies. {_facts(studies, 'studies')}\n\n{_table(studies)}"
    )


def _places(report: ConfidenceReport) -> str:
    sets = [("Out of fold", report.out_of_fold), ("Validation", report.validation)]
    read = [(where, found) for where, found in sets if found is not None]
    lines = [
        f"| {label} | "
        + " | ".join(f"{found.places[k].missed} of {found.places[k].slices:,}" for _, found in read)
        for k, label in enumerate(PLACES)
    ]
    head = "| Empty slice | " + " | ".join(f"{where}, missed" for where, _ in read) + " |\n"
    return head + "| --- |" + " --- |" * len(read) + "\n" + "\n".join(f"{line} |" for line in lines)


def _facts(found: Table, units: str) -> str:
    return (
        f"{found.units:,} {units} of {found.patients} patients; nothing was predicted on {found.empty:,}, "
        f"and {found.missed} of those were misses. Mean risk {found.mean_risk:.4f}, AURC of the perfect "
        f"order {found.oracle_aurc:.4f}."
    )


def _table(found: Table) -> str:
    head = (
        "| Score | Normalised AURC | without one patient | AURC | E-AURC | AUGRC | with a prediction only |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n"
    )
    return head + "\n".join(_line(row) for row in found.rows)


def _line(row: ScoreRow) -> str:
    label = score_spec(row.score).label
    name = f"**{label}** (default)" if row.score == SCORES[0].key else label
    found = number(row.found_only, 3)
    if row.found_undefined:
        found += f", {row.found_undefined} undefined"
    if row.normalised_aurc is None:
        return f"| {name} | undefined on {row.undefined:,} | | | | | {found} |"
    without = f"{row.without.value:.3f}" if row.without else ""
    numbers = " | ".join(number(each, 4) for each in (row.aurc, row.e_aurc, row.augrc))
    return f"| {name} | {number(row.normalised_aurc, 3)} | {without} | {numbers} | {found} |"


def _variants(found: Sequence[Variant]) -> str:
    lines = [f"| {each.label} | {number(each.normalised_aurc, 3)} |" for each in found]
    return "| Confidence of an empty slice | Normalised AURC |\n| --- | --- |\n" + "\n".join(lines)


def _stresses(found: Sequence[Stress]) -> str:
    lines = [
        f"| {each.label} | {number(each.default, 3)} | {number(each.earlier, 3)} | "
        f"{number(each.no_trace, 3)} |"
        for each in found
    ]
    head = "| Condition | Default | Earlier rule | Without the own trace |\n| --- | --- | --- | --- |\n"
    return head + "\n".join(lines)


def _limits(report: ConfidenceReport) -> Iterator[str]:
    for where, found in (("Out of fold", report.out_of_fold), ("Validation", report.validation)):
        if found is None:
            continue
        table = found.slices
        row = table.rows[0]
        yield f"- {where}: {_where_missed(found)}"
        yield (
            f"- {where}: ranked by the reference, the empty slices alone would bring the default to "
            f"{_number(table.perfect_empty)}, the slices with a prediction alone to "
            f"{_number(table.perfect_found)}."
        )
        if row.without:
            one = row.without
            yield f"- {where}: without {one.patient}, who matters most, it is {one.value:.3f}."


def _where_missed(found: Ranking) -> str:
    ends, alone, farther, elsewhere = (each.missed for each in found.places)
    return (
        f"of {found.slices.missed} missed slices {ends} are ends of a finding, {alone + farther} lie close "
        f"to one, and {elsewhere} farther from any."
    )


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"
