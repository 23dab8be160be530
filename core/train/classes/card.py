"""The model card of a classifier, written from its record and its validation table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from string import Template

from core.metrics.evaluation_records import EvaluationReport
from core.models.records import ClassifierArchitecture, ModelRecord
from core.train.classes.validate import ClassValidation, store_limit, validate_classifier
from core.types import Estimate

TEMPLATE = Path(__file__).with_name("card_template.md")
TABLE_FILE, CARD_FILE = "validation.json", "CARD.md"
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

Say = Callable[[str], None]


def validate_and_write(record: ModelRecord, data: Path, say: Say = print) -> ClassValidation:
    """Judge a classifier, store the limit of its confidence, and write its table and card."""
    validation = validate_classifier(record, data, say)
    write_class_card(store_limit(record, validation), validation)
    return validation


def write_class_card(record: ModelRecord, validation: ClassValidation) -> None:
    """Write `validation.json` and `CARD.md` into the model's folder."""
    folder = record.folder
    (folder / TABLE_FILE).write_text(validation.model_dump_json(indent=1) + "\n", encoding="utf-8")
    (folder / CARD_FILE).write_text(class_card(record, validation), encoding="utf-8")


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
    size = sum((record.folder / each.file).stat().st_size for each in record.members) / 1e6
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
        f"Members: {len(record.members)}, {size:.1f} MB in half precision",
        f"Test-time variants: {len(record.moves)}, small shifts and scales. Never mirrored: the heart would "
        "change sides.",
    )
    return "\n".join(f"- {line}" for line in lines)


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
    minutes = ", ".join(f"{seconds / 60:.0f}" for seconds in made.seconds)
    versions = ", ".join(f"{name} {number}" for name, number in made.versions)
    return (
        f"`python -m core train classifier --data DATA --config {made.config}`, then\n"
        f"`python -m core train validate {record.id} --data DATA`.\n"
        f"{made.epochs} epochs, moving average after the last one, no checkpoint picked; seed {made.seed};\n"
        f"minutes per member, all at once on a busy two-core machine: {minutes}. Curves: `log_*.csv`.\n"
        f"Made with {versions}.\nSettings {made.config_digest[:12]}, data {made.data_digest[:12]}."
    )


def number(value: Estimate, *, sign: bool = False) -> str:
    """A value to three digits with its interval.

    >>> number(Estimate(value=0.5, low=0.25, high=0.75))
    '0.500 [0.250, 0.750]'
    """
    if value.value is None:
        return "undefined"
    form = "+.3f" if sign else ".3f"
    if value.low is None or value.high is None:
        return f"{value.value:{form}}"
    return f"{value.value:{form}} [{value.low:{form}}, {value.high:{form}}]"
