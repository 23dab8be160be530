"""Accepted masks and overlay pictures of many cases as one zip."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.report.csv_table import csv_text
from core.report.export import NOTICE, mask_file, named, overlay_file
from core.types import NamedBytes, Progress

if TYPE_CHECKING:
    from core.store import Store


def accepted_files(store: Store, keys: Sequence[str], progress: Progress) -> NamedBytes:
    """A zip with mask and overlay of each analysis that is still kept, and `cases.csv` that lists them.

    Files are named by the case id, not by the upload. An analysis whose arrays were dropped to save room is
    listed without files. Names carry a hash of the content.
    """
    from core.pipeline import Outcome, stored_result
    from core.view.payload import outline_slice

    rows: list[dict[str, object]] = []
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for place, key in enumerate(keys):
            progress(place / len(keys), f"Case {place + 1} of {len(keys)}")
            found = stored_result(store, key)
            row: dict[str, object] = {"analysis": key, "case_id": "", "case": "", "mask": "", "overlay": ""}
            if isinstance(found, Outcome):
                folder = found.case.id[:16]
                mask = mask_file(found)
                overlay = overlay_file(found, outline_slice(found.analysis))
                for file in (mask, overlay):
                    archive.writestr(_entry(f"{folder}/{file.name}"), file.data)
                row |= {
                    "case_id": found.case.id, "case": found.case.name,
                    "mask": f"{folder}/{mask.name}", "overlay": f"{folder}/{overlay.name}",
                }  # fmt: skip
            rows.append(row)
        archive.writestr(_entry("cases.csv"), csv_text(rows), zipfile.ZIP_DEFLATED)
        archive.writestr(_entry("NOTICE.txt"), f"{NOTICE}\n")
    data = stream.getvalue()
    return named("second-look-accepted", ".zip", data)


def _entry(name: str) -> zipfile.ZipInfo:
    """An entry without the time of packing, so that the same cases give the same bytes."""
    return zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
