"""`export-mask`: a predicted mask as a file that other programs read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from core.commands.output import one_line
from core.errors import SettingsProblem

if TYPE_CHECKING:
    from core.pipeline import Outcome
    from core.store import Store
    from core.types import NamedBytes

FORMATS = ("input", "nifti", "dicom-seg")
PATH = click.Path(path_type=Path)


@click.command("export-mask")
@click.argument("what", metavar="ANALYSIS|INPUT")
@click.option(
    "--format", "kind", type=click.Choice(FORMATS), default="input", show_default=True,
    help="input: as the input's own kind of file, for DICOM NIfTI.",
)  # fmt: skip
@click.option(
    "--source", "sources", multiple=True, type=PATH,
    help="dicom-seg: the original DICOM files, folder or zip; default: INPUT.",
)  # fmt: skip
@click.option("--reference", type=PATH, help="Mask file that the case was opened with, if any.")
@click.option("--out", required=True, type=PATH, help="File to write.")
@click.option("--overlays", type=PATH, help="Folder for a PNG of every slice with an outline.")
@click.option("--json", "as_json", is_flag=True)
def export_mask(
    what: str,
    kind: str,
    sources: Sequence[Path],
    reference: Path | None,
    out: Path,
    overlays: Path | None,
    as_json: bool,
) -> None:
    """Write the mask of a kept result: its key (or the first digits of it), or the INPUT that was analysed.

    A DICOM segmentation names the patient as the original files do; the other formats hold nothing of them.
    """
    from core.io import read_paths
    from core.store import Store

    drawn = read_paths([reference]) if reference else ()
    if kind == "dicom-seg" and not sources and not Path(what).exists():
        raise click.UsageError("dicom-seg needs the original files: give --source")
    with Store.open() as store:
        outcome = _find(store, what, drawn)
    file = _mask(outcome, kind, sources or (Path(what),), drawn)
    _write(out, file.data)
    pictures = _write_overlays(outcome, overlays) if overlays else 0
    record = {"file": str(out), "format": kind, "key": outcome.analysis.key, "overlays": pictures}
    click.echo(json.dumps(record) if as_json else f"wrote {one_line(str(out))}")


def _find(store: Store, what: str, reference: Sequence[NamedBytes]) -> Outcome:
    """The kept segmentation that is meant; of an input's several the newest."""
    from core.pipeline import Outcome, key_like, results_of, stored_result

    if Path(what).exists():
        from core.io import read_case, read_path

        case = read_case(read_path(what), reference=reference)
        keys = tuple(each.key for each in results_of(store, case.id) if each.arrays_kept)
    else:
        key = key_like(store, what)
        keys = () if key is None else (key,)
    found = (stored_result(store, key) for key in keys)
    outcome = next((each for each in found if isinstance(each, Outcome)), None)
    if outcome is None:
        raise SettingsProblem(
            "There is no mask of this",
            found=f"no kept segmentation of {what!r}",
            expected="the key of a kept result, or a file that was analysed",
            fix="run `python -m core analyse INPUT` first",
        )
    return outcome


def _mask(
    outcome: Outcome, kind: str, sources: Sequence[Path], reference: Sequence[NamedBytes]
) -> NamedBytes:
    from core.io import read_paths
    from core.report import dicom_seg_file, mask_file, nifti_file

    if kind == "dicom-seg":
        return dicom_seg_file(outcome, read_paths(list(sources)), datetime.now(UTC), reference)
    return nifti_file(outcome) if kind == "nifti" else mask_file(outcome)


def _write_overlays(outcome: Outcome, folder: Path) -> int:
    from core.report import overlay_files

    count = 0
    for file in overlay_files(outcome):
        _write(folder / file.name, file.data)
        count += 1
    return count


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise SettingsProblem(
            "The file cannot be written",
            file=str(path),
            found=error.strerror or type(error).__name__,
            expected="a place that may be written",
            fix="give another place",
        ) from error
