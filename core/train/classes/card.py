"""The model card of a classifier, written from its record and its validation table."""

from __future__ import annotations

from pathlib import Path
from string import Template

from core.metrics.evaluation_records import EvaluationReport
from core.models.records import ClassifierArchitecture, ModelRecord
from core.train.classes.validate import ClassValidation, store_limit, validate_classifier
from core.train.common.card import course, listed, members_fact, minutes, versions, write_documents
from core.train.common.curve import Say
from core.train.common.numbers import number

TEMPLATE = Path(__file__).with_name("card_template.md")
STRIDE = 32
"""Pixels of the working size per place of the evidence map."""

ROWS = (
    ("accuracy", "Accuracy"),
    ("auroc", "AUROC, mean of the classes"),
    ("auprc", "AUPRC, mean of the classes"),
    ("sensitivity_at_95_specificity", "Sensitivity at 95 % specificity, mean"),
    ("f1", "F1, mean of the classes"),
)
CLASS_ROWS = (
    ("auroc", "AUROC"),
    ("auprc", "AUPRC"),
    ("recall", "Recall"),
    ("f1", "F1"),
    ("sensitivity_at_95_specificity", "Sensitivity at 95 % specificity"),
)


def validate_and_write(record: ModelRecord, data: Path, say: Say = print) -> ClassValidation:
    """Judge a classifier, store the limit of its confidence, and write its table and card."""
    validation = validate_classifier(record, data, say)
    write_class_card(store_limit(record, validation), validation)
    return validation


def write_class_card(record: ModelRecord, validation: ClassValidation) -> None:
    """Write `validation.json` and `CARD.md` into the model's folder."""
    write_documents(record, validation, class_card(record, validation), indent=1)


def class_card(record: ModelRecord, validation: ClassValidation) -> str:
    """The card as Markdown; every number comes from the table or the record."""
    parts = {
        "title": record.title,
        "description": record.description,
        "facts": _facts(record, validation),
        "table": _table(record, validation),
        "confusion": _confusion(validation.network),
        "members": _members(validation),
        "limit": _limit(validation),
        "size": record.working_size,
        "places": record.working_size // STRIDE,
        "recipe": _recipe(record),
    }
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(parts)


def _facts(record: ModelRecord, validation: ClassValidation) -> str:
    what = record.architecture
    assert isinstance(what, ClassifierArchitecture)
    shape = f", blocks {what.depths}, channels {what.dims}" if what.dims else ""
    lines = (
        f"Data: {validation.network.units} pictures of {validation.network.patients} children. "
        f"{record.source}",
        f"Classes: {', '.join(record.class_names)}. Children only, one hospital, frontal view only: for a "
        "picture of anything else these names mean nothing.",
        f"Licence: {record.licence}",
        f"Input: one grey picture, scaled between percentiles (contrast: {record.preprocessing.contrast}). "
        "Other contrasts can be chosen; the networks never learned from such pictures.",
        f"Working size: {record.working_size} x {record.working_size} pixels",
        f"Network: timm {what.backbone}{shape}, no pretrained weights; dropout {what.head_dropout} of whole "
        "channels before the linear head",
        members_fact(record),
        f"Test-time variants: {len(record.moves)}, small shifts and scales. Never mirrored: the heart would "
        "change sides.",
    )
    return listed(lines)


def _table(record: ModelRecord, validation: ClassValidation) -> str:
    differences = {each.metric: each.value for each in validation.differences}
    lines = ["| | ensemble, out of fold | baseline | difference |", "|---|---|---|---|"]
    rows = [(key, label) for key, label in ROWS]
    rows += [
        (f"{key}:{name}", f"{label}, {name}") for name in record.class_names for key, label in CLASS_ROWS
    ]
    for key, label in rows:
        network, baseline = validation.network.row(key).value, validation.baseline.row(key).value
        gap = number(differences[key], sign=True) if key in differences else ""
        lines.append(f"| {label} | {number(network)} | {number(baseline)} | {gap} |")
    return "\n".join(lines)


def _confusion(report: EvaluationReport) -> str:
    found = report.confusion[0]
    head = ["| | " + " | ".join(found.class_names) + " |", "|---" * (len(found.class_names) + 1) + "|"]
    rows = [
        f"| {name} | " + " | ".join(str(count) for count in counts) + " |"
        for name, counts in zip(found.class_names, found.counts, strict=True)
    ]
    return "\n".join(head + rows)


def _members(validation: ClassValidation) -> str:
    lines = ["| network | children | accuracy | AUROC, mean |", "|---|---|---|---|"]
    lines += [
        f"| {each.title} | {each.patients} | {number(each.row('accuracy').value)} | "
        f"{number(each.row('auroc').value)} |"
        for each in validation.members
    ]
    return "\n".join(lines)


def _limit(validation: ClassValidation) -> str:
    check = validation.limit
    below, right_below, right_above = (
        f"{100 * share:.0f} %" for share in (check.share_below, check.accuracy_below, check.accuracy_above)
    )
    return (
        f"A picture whose likeliest class has a probability below {check.limit:.2f} is flagged. Out of fold "
        f"that is {below} of the pictures;\n{right_below} of them got the right class, against {right_above} "
        "of the others. In sample: the limit was read off the\nsame pictures. All five members together are "
        "a little less certain than the two that were asked here."
    )


def _recipe(record: ModelRecord) -> str:
    made = record.training
    if made is None:
        return "Trained elsewhere."
    return (
        f"`python -m core train classifier --data DATA --config {made.config}`, then\n"
        f"`python -m core train validate {record.id} --data DATA`.\n"
        f"{course(made)}\n"
        f"minutes per member, all at once on a busy two-core machine: {minutes(made)}. Curves: `log_*.csv`.\n"
        f"Made with {versions(made)}.\nSettings {made.config_digest[:12]}, data {made.data_digest[:12]}."
    )
