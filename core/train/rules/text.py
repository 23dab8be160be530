"""RULES.md and rules.json beside a model's card."""

from __future__ import annotations

from pathlib import Path

from core.detector import rule_spec
from core.metrics import Interval
from core.models.records import ModelRecord
from core.train.common.numbers import percent
from core.train.rules.report import (
    FAILED_SLICE,
    FAILED_STUDY,
    GOOD_SLICE,
    GOOD_STUDY,
    GROUPS,
    RuleRow,
    RulesReport,
)

TEMPLATE = Path(__file__).with_name("template.md")
FILE, JSON_FILE = "RULES.md", "rules.json"
SLICE_CELLS = ("references", "failed", "missed", "good", "empty")
STUDY_CELLS = ("reference_studies", "failed_studies", "good_studies")


def write_rules(record: ModelRecord, report: RulesReport) -> Path:
    """Write the report as numbers and in words into the model's folder and return the path of the words."""
    (record.folder / JSON_FILE).write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
    path = record.folder / FILE
    path.write_text(text_of(record.title, report), encoding="utf-8")
    return path


def text_of(title: str, report: RulesReport) -> str:
    """RULES.md."""
    every, rows = report.groups[-1], (*report.rows, *report.groups)
    counts = {f"$n_{key}": str(getattr(every, key).n) for key in (*SLICE_CELLS, *STUDY_CELLS)}
    fields = {
        **dict(sorted(counts.items(), key=lambda each: -len(each[0]))),
        "$failed_slice": f"{FAILED_SLICE:g}",
        "$good_slice": f"{GOOD_SLICE:g}",
        "$failed_study": f"{FAILED_STUDY:g}",
        "$good_study": f"{GOOD_STUDY:g}",
        "$slices": "\n".join(_line(row, SLICE_CELLS) for row in rows if row.failed.n),
        "$studies": "\n".join(_line(row, STUDY_CELLS) for row in rows),
        "$title": title,
        "$model": report.model,
        "$patients": str(report.patients),
    }
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, value in fields.items():
        text = text.replace(name, value)
    return text


def _line(row: RuleRow, cells: tuple[str, ...]) -> str:
    values: list[Interval] = [getattr(row, key) for key in cells]
    return "| " + " | ".join([_name(row), *(percent(each) for each in values)]) + " |"


def _name(row: RuleRow) -> str:
    if row.rule in dict(GROUPS):
        return f"**{row.rule}**"
    spec = rule_spec(row.rule)
    return f"{spec.letter} {spec.label}{'' if row.on else ' (off)'}"
