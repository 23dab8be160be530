"""Layout `manifest`: a CSV or Parquet table that names the files of every case.

Columns: case, image, and if wanted reference, label, group, prediction. Several findings or
predictions of a case are separated by semicolons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.cohort.names import folder_of, group_of, last_of, natural, relative_name
from core.cohort.plan import NoFit, Plan, PlannedItem, counted, unique_items
from core.types import Listing, Refusal, Task

REQUIRED = ("case", "image")
OPTIONAL = ("reference", "label", "group", "prediction")
NAMES = ("manifest.csv", "manifest.tsv", "manifest.parquet")
_TABLE = (".csv", ".tsv", ".parquet")
SEPARATOR = ";"
"""Between several findings or files of one case, as in tables of predictions."""


def find_manifest(listing: Listing) -> Plan:
    """One case per row; several rows of one case with other predictions add to it."""
    name = _table_name(listing)
    rows = listing.rows(name)
    columns = tuple(rows[0]) if rows else ()
    missing = [each for each in REQUIRED if each not in columns]
    if missing:
        raise NoFit(f"{last_of(name)} has no column {missing[0]}: expected case, image and, if wanted, "
                    f"{', '.join(OPTIONAL)}.")  # fmt: skip
    base, known = folder_of(name), frozenset(listing.names)
    items: list[PlannedItem] = []
    refused: list[Refusal] = []
    for number, row in enumerate(rows, 2):
        found = _item(row, number, base, known)
        if isinstance(found, Refusal):
            refused.append(found)
        else:
            items.append(found)
    unique, doubles = unique_items(items)
    task = _task(unique)
    classes = sorted({label for item in unique for label in item.labels or ()}, key=natural)
    groups = len({item.group for item in unique})
    kind = f"in the classes {', '.join(classes)}" if classes else "with references where the table names them"
    return Plan(
        layout="manifest",
        task=task,
        understood=f"{counted(len(unique), 'case')} of {last_of(name)} {kind}, {counted(groups, 'group')}.",
        items=unique,
        refused=(*refused, *doubles),
        class_names=tuple(classes) if task != "segmentation" else (),
    )


def _table_name(listing: Listing) -> str:
    """The table that was named, or the manifest of the folder."""
    first = listing.names[0] if listing.names else ""
    if first.lower().endswith(_TABLE) and "/" not in first:
        return first
    found = [name for name in listing.names if last_of(name).lower() in NAMES]
    if len(found) != 1:
        raise NoFit(f"{'No' if not found else 'More than one'} table called {' or '.join(NAMES)}.")
    return found[0]


def _item(row: Mapping[str, str], number: int, base: str, known: frozenset[str]) -> PlannedItem | Refusal:
    case = row["case"].strip()
    if not case:
        return Refusal(name=f"row {number}", sentence="The column case is empty.")
    files: dict[str, tuple[str, ...]] = {}
    for column in ("image", "reference", "prediction"):
        told = [each.strip() for each in row.get(column, "").split(SEPARATOR) if each.strip()]
        paths = [relative_name(each, base) for each in told]
        bad = next((each for each, path in zip(told, paths, strict=True) if path not in known), None)
        if bad is not None:
            why = "leads out of the folder" if relative_name(bad, base) is None else "is not in the folder"
            return Refusal(name=case, sentence=f"Its {column} {bad[:120]} {why}.")
        files[column] = tuple(path for path in paths if path is not None)
    if len(files["image"]) != 1 or len(files["reference"]) > 1:
        return Refusal(name=case, sentence="It needs one image and at most one reference.")
    labels = tuple(each.strip() for each in row.get("label", "").split(SEPARATOR) if each.strip())
    return PlannedItem(
        name=case,
        group=row.get("group", "").strip() or group_of(case),
        image=files["image"],
        reference=files["reference"],
        predictions=files["prediction"],
        labels=labels if "label" in row else None,
    )


def _task(items: Sequence[PlannedItem]) -> Task:
    """A reference makes a segmentation; else labels make a classification, several at once: multilabel."""
    if any(item.reference for item in items) or all(not item.labels for item in items):
        return "segmentation"
    return "multilabel" if any(len(item.labels or ()) > 1 for item in items) else "classification"
