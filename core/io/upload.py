"""The files of one upload to one decoded image: sniffed by content, sent to the one reader of their kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import replace

from core.config import ReadOptions
from core.errors import InputProblem
from core.io.archive import is_junk, read_members, skipped_note
from core.io.decoded import Decoded, Decoder
from core.io.dicom import decode_dicom
from core.io.limits import Limits, check_upload
from core.io.names import display_name
from core.io.nifti import decode_gzip, decode_nifti
from core.io.pictures import decode_jpeg, decode_png
from core.io.sniff import Kind, refuse_other, sniff
from core.io.tiff import decode_tiff
from core.types import NamedBytes

DECODERS: dict[Kind, Decoder] = {
    "png": decode_png,
    "jpeg": decode_jpeg,
    "tiff": decode_tiff,
    "nifti": decode_nifti,
    "gzip": decode_gzip,
}
"""Readers of single files; DICOM and zip may take or hold several."""


def decode_upload(files: Sequence[NamedBytes], options: ReadOptions, limits: Limits) -> Decoded:
    """The image in one file, one zip, or the files of one DICOM series, decoded where DECODER says."""
    return DECODER.get()(files, options, limits)


def decode_here(files: Sequence[NamedBytes], options: ReadOptions, limits: Limits) -> Decoded:
    """`decode_upload` in this process.

    Pure: bytes in, one record out, so that it can run in another process. Raises InputProblem, or
    whatever a library throws (see core.io.boundary).
    """
    check_upload([len(file.data) for file in files], limits)
    if len(files) == 1 and sniff(files[0].data) == "zip":
        members, notes = read_members(files[0].data, limits)
        return _with_notes(_decode_members(members, options, limits), notes)
    if len(files) == 1:
        return _decode_single(files[0], options, limits)
    wanted = [file for file in files if not is_junk(file.name)]
    notes = skipped_note([file.name for file in files if is_junk(file.name)])
    return _with_notes(_decode_members(wanted, options, limits), notes)


DECODER: ContextVar[Callable[[Sequence[NamedBytes], ReadOptions, Limits], Decoded]] = ContextVar(
    "decoder", default=decode_here
)
"""Who decodes what this thread reads: this process, or `core.io.apart.DecodeWorker.used`."""


def dicom_members(files: Sequence[NamedBytes], limits: Limits) -> list[NamedBytes]:
    """The DICOM files of an upload, a zip opened; what is no DICOM file is left out."""
    check_upload([len(file.data) for file in files], limits)
    if len(files) == 1 and sniff(files[0].data) == "zip":
        files, _ = read_members(files[0].data, limits)
    several = len(files) > 1
    return [file for file in files if sniff(file.data) == "dicom" and not (several and is_junk(file.name))]


def _decode_single(file: NamedBytes, options: ReadOptions, limits: Limits) -> Decoded:
    kind = sniff(file.data)
    if kind == "dicom":
        return decode_dicom([file], options, limits)
    if kind in DECODERS:
        return DECODERS[kind](file.data, options, limits)
    raise refuse_other(file.data)


def _decode_members(files: Sequence[NamedBytes], options: ReadOptions, limits: Limits) -> Decoded:
    """All DICOM files, or the one other image, among several files."""
    kinds = [sniff(file.data) for file in files]
    dicom = [file for file, kind in zip(files, kinds, strict=True) if kind == "dicom"]
    others = [file for file, kind in zip(files, kinds, strict=True) if kind not in ("dicom", "other")]
    unknown = [file.name for file, kind in zip(files, kinds, strict=True) if kind == "other"]
    if dicom and not others:
        _check_none_lost(unknown)
        return _with_notes(decode_dicom(dicom, options, limits), skipped_note(unknown))
    if len(others) == 1 and not dicom:
        return _with_notes(_decode_single(others[0], options, limits), skipped_note(unknown))
    if not others:
        raise InputProblem(
            "There is no image that can be read",
            found=f"{len(files)} file(s) of other kinds",
            expected="the DICOM files of a series, or one NIfTI file or picture",
            fix="add the images",
        )
    raise InputProblem(
        "Several images at once",
        found=f"{len(dicom)} DICOM files and {len(others)} other images",
        expected="the DICOM files of one series, or one image",
        fix="upload one case at a time",
    )


def _check_none_lost(names: list[str]) -> None:
    """A damaged slice must not vanish among skipped files."""
    lost = [display_name(name) for name in names if name.lower().endswith((".dcm", ".ima", ".dicom"))]
    if lost:
        raise InputProblem(
            "A file of the series is not DICOM",
            found=f"{len(lost)} such file(s): {', '.join(lost[:3])}",
            expected="DICOM content in every .dcm file",
            fix="copy the series again, or leave that file out",
            file=lost[0],
        )


def _with_notes(decoded: Decoded, notes: tuple[str, ...]) -> Decoded:
    return replace(decoded, notes=(*decoded.notes, *notes)) if notes else decoded
