"""QUALITY.md beside a model's card: every detector in one table, and what none of them sees."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from string import Template

from core.models.records import ModelRecord
from core.train.common.card import write_documents
from core.train.common.numbers import number, percent
from core.train.quality.detectors import DEFAULT_SCORE, LEARNED, LEARNED_ALL
from core.train.quality.numbers import DetectorRow, Difference
from core.train.quality.real import LISTED, RealFailure
from core.train.quality.records import Evaluation, LimitRow, QualityReport
from core.train.quality.synthetic import FailureRow
from core.train.quality.whole import StudyRow
from core.types import Estimate
from core.uncertainty import SCORES

TEMPLATE = Path(__file__).with_name("template.md")
REPORT, DOCUMENT = "quality.json", "QUALITY.md"
PERCENT = 100.0
NOT_AVAILABLE = "–"


def write_quality_text(record: ModelRecord, report: QualityReport) -> Path:
    """Write `quality.json` and `QUALITY.md` into the model's folder and return the document's path."""
    return write_documents(record, report, quality_text(record, report), names=(REPORT, DOCUMENT), indent=1)


def quality_text(record: ModelRecord, report: QualityReport) -> str:
    """The document in Markdown, made from the record and its report alone."""
    held = report.validation
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=record.title,
        id=record.id,
        networks=report.networks,
        parameters=f"{report.parameters:,}",
        megabytes=f"{report.file_bytes / 1e6:.1f}",
        limit=f"{PERCENT * report.limit:.0f}",
        summary=_summary(held),
        validation=_detectors(held),
        validation_facts=_facts(held),
        validation_differences=_differences(held),
        out_of_fold=_detectors(report.out_of_fold),
        out_of_fold_facts=_facts(report.out_of_fold),
        out_of_fold_differences=_differences(report.out_of_fold),
        network=_network(report),
        reliability=_reliability(held),
        limits="\n".join(_limit(each) for each in report.limits),
        studies=_studies(report),
        flagged_out_of_fold=_flagged(report.out_of_fold),
        flagged=_flagged(held),
        places=_places(report),
        synthetic="\n".join(_synthetic(each) for each in report.synthetic),
        reference_rules=percent(report.reference_rules),
        reference_network=percent(report.reference_network),
        kinds=_kinds(held),
        kinds_out_of_fold=_kinds(report.out_of_fold),
        unseen=_unseen(held),
    )


def _summary(held: Evaluation) -> str:
    """The questions that were asked beforehand, each with its answer from the validation patients."""
    by_key = {each.key: each for each in held.rows}
    scores = [by_key[spec.key] for spec in SCORES if spec.key in by_key]
    best_auroc = max(scores, key=lambda each: _value(each.auroc))
    best_aurc = min(scores, key=lambda each: _value(each.aurc))
    lines = []
    for key in ("network", "default", LEARNED, LEARNED_ALL):
        row = by_key[key]
        auroc = "no worse" if _value(row.auroc) >= _value(best_auroc.auroc) else "worse"
        aurc = "no worse" if _value(row.aurc) <= _value(best_aurc.aurc) else "worse"
        lines.append(
            f"- **{row.label}**: AUROC {number(row.auroc)}, {auroc} than the best single score "
            f"({best_auroc.label}, {number(best_auroc.auroc)}); AURC {number(row.aurc, 4)}, {aurc} than the "
            f"best ({best_aurc.label}, {number(best_aurc.aurc, 4)})."
        )
    rules, default = by_key["rules"], by_key["default"]
    lines.append(f"- The network is no substitute for the confidence: {_compared(held)}")
    lines.append(
        f"- **Rules alone** catch {percent(rules.caught)} of the failures with alarms on "
        f"{percent(rules.false_alarms)} of the good slices; **rules + network** catch "
        f"{percent(default.caught)} with alarms on {percent(default.false_alarms)}."
    )
    return "\n".join(lines)


def _compared(held: Evaluation) -> str:
    """Network and full combination against the default confidence, in words."""
    rows = {(each.key, each.other): each for each in held.differences}
    alone, joined = (rows[key, DEFAULT_SCORE] for key in ("network", LEARNED_ALL))
    return (
        f"alone its AUROC differs from that of the default confidence by {number(alone.auroc, sign=True)} "
        f"and its AURC by {number(alone.aurc, 4, sign=True)}; joined with it by "
        f"{number(joined.auroc, sign=True)} and {number(joined.aurc, 4, sign=True)}."
    )


def _value(estimate: Estimate) -> float:
    return float("nan") if estimate.value is None else estimate.value


def _facts(found: Evaluation) -> str:
    return (
        f"{found.patients} patients, {found.slices:,} slices, {found.failed} failed ({found.missed} of them "
        f"with nothing outlined); nothing was outlined on {found.empty} slices. {found.thin} slices are thin "
        f"ends of a stack, and {found.thin_failed} of them failed. Of {found.good_studies} studies with an "
        f"IoU above 0.7 as a whole, {found.good_studies - found.flawless} have failed slices."
    )


def _detectors(found: Evaluation) -> str:
    return "\n".join(_detector(each) for each in found.rows)


def _detector(row: DetectorRow) -> str:
    label = f"**{row.label}**" if row.key in ("default", DEFAULT_SCORE) else row.label
    shares = [percent(each) if each else "" for each in (row.caught, row.false_alarms)]
    areas = [number(row.auroc), number(row.auprc), number(row.aurc, 4), number(row.augrc, 4)]
    return _line([label, *shares, *areas])


def _differences(found: Evaluation) -> str:
    labels = {each.key: each.label for each in found.rows}
    return "\n".join(_difference(each, labels) for each in found.differences)


def _difference(row: Difference, labels: dict[str, str]) -> str:
    pair = f"{labels[row.key]} minus {labels[row.other]}"
    return _line([pair, number(row.auroc, sign=True), number(row.aurc, 4, sign=True)])


def _network(report: QualityReport) -> str:
    rows = []
    for label, found in (("out of fold", report.out_of_fold), ("validation", report.validation)):
        own = found.network
        rows.append(
            _line(
                [
                    label,
                    f"{PERCENT * own.base_rate:.0f} %",
                    number(own.ece),
                    number(own.brier),
                    number(own.spearman),
                    number(own.error),
                    number(own.spearman_found),
                    number(own.error_found),
                ]
            )
        )
    return "\n".join(rows)


def _reliability(found: Evaluation) -> str:
    return "\n".join(
        _line([str(count), f"{PERCENT * stated:.0f} %", f"{PERCENT * observed:.0f} %"])
        for count, stated, observed in found.network.bins
    )


def _limit(row: LimitRow) -> str:
    shares = (
        row.caught,
        row.caught_with_rules,
        row.false_alarms_with_rules,
        row.failed_studies,
        row.good_studies,
    )
    return _line(
        [
            _percent(row.share),
            _percent(row.limit),
            *map(_percent, shares),
        ]
    )


def _studies(report: QualityReport) -> str:
    held = {each.label: each for each in report.validation.studies.rows}
    return "\n".join(
        _line([each.label, *_ranks(each), *_ranks(held.get(each.label))])
        for each in report.out_of_fold.studies.rows
    )


def _ranks(row: StudyRow | None) -> list[str]:
    return ["", ""] if row is None else [number(row.normalised_aurc), number(row.auroc)]


def _flagged(found: Evaluation) -> str:
    table = found.studies
    good = table.studies - table.failed
    parts = [
        f"{label}: {bad} of {table.failed} failed and {fine} of {good} good studies"
        for label, bad, fine in table.flagged
    ]
    return "; ".join(parts) + "."


def _places(report: QualityReport) -> str:
    return "\n".join(
        _line([label, each.label, str(each.slices), number(each.auroc), percent(each.hit)])
        for label, found in (("out of fold", report.out_of_fold), ("validation", report.validation))
        for each in found.places
    )


def _synthetic(row: FailureRow) -> str:
    best = f"{row.best_rule} ({PERCENT * row.best_share:.0f} %)" if row.best_rule else "none"
    shares = [percent(each) for each in (row.rules, row.network, row.either)]
    return _line([row.label, str(row.slices), f"{row.mean_dice:.2f}", *shares, best, str(row.seen_by_none)])


def _kinds(found: Evaluation) -> str:
    return "\n".join(
        _line([each.label, *map(str, (each.failures, each.rules, each.network, each.either, each.neither))])
        for each in found.kinds
    )


def _unseen(found: Evaluation) -> str:
    hidden = [each for each in found.failures if not each.seen]
    lines = [
        f"{len(hidden)} of {len(found.failures)} failed slices raise no alarm. The largest "
        f"{min(LISTED, len(hidden))}, with areas as shares of the picture:",
        "",
        "| Patient | Slice | Kind | Dice | Reference | Outlined | Estimated quality | Confidence |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *(_hidden(each) for each in hidden[:LISTED]),
    ]
    return "\n".join(lines)


def _hidden(each: RealFailure) -> str:
    areas = [f"{PERCENT * area:.2f} %" for area in (each.area_ref, each.area_pred)]
    chances = [f"{each.quality:.2f}", f"{each.confidence:.2f}"]
    return _line([each.patient, str(each.number), each.kind, f"{each.dice:.2f}", *areas, *chances])


def _percent(share: float) -> str:
    """In whole per cent, below one in three digits."""
    form = ".0f" if share == 0.0 or share >= 0.01 else ".3g"
    return NOT_AVAILABLE if math.isnan(share) else f"{PERCENT * share:{form}} %"


def _line(cells: Iterable[str] | Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
