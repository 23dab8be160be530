"""The model card of a bag model, written from its record and its validation table alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from string import Template

from core.models.mil_records import BagRecord
from core.train.common.card import course, listed, members_fact, minutes, versions, write_documents
from core.train.common.numbers import number, percent
from core.train.mil.measure import AttentionCheck, BagRow, ExtentRow, FoundRow
from core.train.mil.validate import BagValidation
from core.types import Estimate

TEMPLATE = Path(__file__).with_name("card_template.md")
MANY = 100
"""A range up to more slices than this is open."""
FAILURES = {
    "slab": (
        "**Thin ends of a tumour.** A slab with one to three tumour slices has few and faint pixels to go by "
        "and is mostly called free of tumour (see the table by marked slices).",
        "**Height in the head.** Most tumours of the training patients lie at similar heights, so height "
        "alone says a good deal (see the table). A slab at an unusual height may be judged by where it lies.",
        "**Labels of slabs come from masks.** A network sees one label per slab and never a mask, but slabs "
        "overlap from epoch to epoch, so their labels together say more than one label per patient would.",
        "**Attention is not a finding.** It says what the bag stream's mean rests on; half of the logit is "
        "the score of one slice. Slice scores find tumour slices better than attention does.",
        "**Other scanners, diseases and views** are outside: five hospitals, adults, lower-grade glioma, "
        "axial slices.",
        "**Working resolution.** Slices of 64 x 64 pixels: small lesions are lost.",
    ),
    "volume": (
        "**Few patients.** One label per patient: an interval this wide holds very different networks.",
        "**Attention without an answer means nothing.** Where the classes cannot be told apart, attention "
        "shows what training happened to pick up.",
        "**Other scanners, diseases and views** are outside.",
    ),
}


def write_bag_card(record: BagRecord, validation: BagValidation) -> Path:
    """Write `validation.json` and `CARD.md` into the model's folder and return the card's path."""
    return write_documents(record, validation, bag_card(record, validation))


def bag_card(record: BagRecord, validation: BagValidation) -> str:
    """The card in Markdown; every number comes from the table or the record."""
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=record.title,
        description=record.description,
        facts=_facts(record),
        question=validation.question,
        table=_table(validation.rows) + _extents(validation.by_extent),
        verdict=honest_sentence(validation),
        attention=_attention(validation),
        failures=listed(FAILURES[record.bag]),
        recipe=_recipe(record),
    )


def honest_sentence(validation: BagValidation) -> str:
    """What the table allows one to say, in one or two sentences."""
    first, minus = validation.rows[0], validation.minus_position
    value, told = first.auroc, f"AUROC out of fold {number(first.auroc)}"
    if value.low is None or value.low <= 0.5:
        return (
            f"**It cannot tell.** {told}: the interval holds 0.5, so from these {first.patients} patients it "
            "is not known whether the answer is better than guessing."
        )
    if minus is None:
        return f"It tells the classes apart: {told}, all of the interval above 0.5."
    beats = minus.low is not None and minus.low > 0.0
    end = "interval lies above 0." if beats else "interval holds 0, so position may explain all of it."
    gain = number(minus, sign=True)
    return f"It tells the classes apart: {told}. Over the position alone that is {gain}; the {end}"


def _facts(record: BagRecord) -> str:
    what = record.architecture
    size = "all slices" if record.bag_size is None else f"{record.bag_size} neighbouring slices"
    lines = (
        f"Data: {sum(len(fold) for fold in record.folds)} patients. {record.source}",
        f"Classes: {', '.join(record.class_names)}",
        f"Licence: {record.licence}",
        f"Input: {', '.join(record.channels)}; scaled over the whole volume; in training a sequence is "
        "sometimes replaced by the second one, as if it were missing",
        f"Bags: at evaluation {size}, always the same ones",
        f"Working size: {record.working_size} x {record.working_size}",
        "Network: dual-stream multiple-instance network (Li et al. 2021, "
        f"doi:10.1109/CVPR46437.2021.01409) on timm {what.backbone}, blocks {what.depths}, channels "
        f"{what.dims}, from scratch; attention: {what.attention}; dropout {what.head_dropout} of whole "
        "features before both heads",
        members_fact(record),
        *_limit(record),
    )
    return listed(lines)


def _limit(record: BagRecord) -> tuple[str, ...]:
    if record.rule_limits is None:
        return ()
    rule, taken = record.rule_limits.rules[0], record.rule_limits
    return (
        f"Limit of the confidence: {rule.limit:g}; the likelier class of {100 * taken.share:.0f} % of the "
        f"{taken.slices} bags out of fold has a probability below it",
    )


def _table(rows: Sequence[BagRow]) -> str:
    lines = [
        "| Who judged | Patients | Bags (second class) | AUROC | Accuracy | Balanced accuracy | "
        "Found, first class | Found, second class |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        shares = (row.accuracy, row.balanced_accuracy, row.recall_negative, row.recall_positive)
        lines.append(
            f"| {row.title} | {row.patients} | {row.bags} ({row.positives}) | {number(row.auroc)} | "
            f"{' | '.join(percent(each) for each in shares)} |"
        )
    return "\n".join(lines)


def _extents(rows: Sequence[ExtentRow]) -> str:
    if not rows:
        return ""
    lines = ["\n", "| Marked slices of the slab | Slabs | Found, out of fold |", "| --- | --- | --- |"]
    for row in rows:
        span = f"{row.low} to {row.high}" if row.high < MANY else f"{row.low} or more"
        lines.append(f"| {span} | {row.bags} | {percent(row.found)} |")
    return "\n".join(lines)


def _attention(validation: BagValidation) -> str:
    spread, share = validation.spread, validation.spread.normalised_entropy
    normalised = "" if share is None else f" ({share:.2f} of its maximum)"
    text = (
        f"Out of fold the attention of a bag of {spread.slices:.1f} slices has an entropy of "
        f"{spread.entropy:.2f}{normalised}, a top weight of {spread.top1:.2f} and "
        f"{spread.effective_exp:.1f} effective slices, exp(H); {spread.effective_inverse:.1f} by 1 / sum of "
        "squares."
    )
    return "\n\n".join([text, *(_check(each) for each in validation.attention)])


def _check(check: AttentionCheck) -> str:
    head = (
        f"Against the reference, {check.title} ({check.positive_bags} bags with marked slices, "
        f"{check.mixed_bags} of them with others too, {check.patients} patients). *AUROC*: in a bag, that "
        "a marked slice scores above another. *Top slice*: share of bags whose highest slice is marked."
    )
    gaps = (check.minus_uniform, check.minus_slice_scores)
    lines = ["| Score of slices | AUROC | Top slice, all | Top slice, mixed bags |", "|---|---|---|---|"]
    lines += [_found(each, False) for each in check.rows] + [_found(each, True) for each in gaps]
    return "\n\n".join([head, "\n".join(lines)])


def _found(row: FoundRow, sign: bool) -> str:
    values: tuple[Estimate, ...] = (row.auroc, row.top_hit, row.top_hit_mixed)
    return f"| {row.title} | {' | '.join(number(each, sign=sign) for each in values)} |"


def _recipe(record: BagRecord) -> str:
    made = record.training
    if made is None:
        return "Trained elsewhere."
    return (
        f"`python -m core train mil --data DATA --config {made.config}`\n"
        f"{course(made)}\n"
        f"minutes per member on one shared CPU core: {minutes(made, 1)}. Curves: `fold_*/metrics.csv`.\n"
        f"Made with {versions(made)}.\n"
        f"Settings {made.config_digest[:12]}, data {made.data_digest[:12]}."
    )
