"""The files of one or more DICOM series to one volume."""

from __future__ import annotations

from collections.abc import Sequence

from core.config import ReadOptions
from core.errors import InputProblem
from core.io.decoded import Choices, Decoded, SeriesChoice
from core.io.dicom_file import DicomFile, NoImage, number, open_dicom
from core.io.dicom_frames import Frame, frames_of
from core.io.dicom_pixels import decode_frames
from core.io.dicom_stack import Stack, stack_frames
from core.io.dicom_tags import modality, technical_tags
from core.io.limits import Limits
from core.io.names import display_name
from core.types import NamedBytes


def decode_dicom(files: Sequence[NamedBytes], options: ReadOptions, limits: Limits) -> Decoded:
    """One volume of one series; the largest series and its first time point when none is chosen.

    Raises InputProblem naming the file where one cannot be read: a series with a bad slice is refused
    rather than shown with a silent gap.
    """
    groups, notes = _all_series(files, limits)
    chosen = _chosen(groups, options)
    if len(groups) > 1:
        how = "was chosen" if options.series is not None else "is shown because it is the largest"
        notes = [
            *notes,
            f"The upload holds {len(groups)} series; number {chosen + 1} {how}. Series are never mixed.",
        ]
    return _decode_series(groups[chosen], options, limits, notes, _choices(groups), chosen)


def chosen_stack(files: Sequence[NamedBytes], options: ReadOptions, limits: Limits) -> Stack:
    """The frames that `decode_dicom` reads, in the order of its slices, with their headers."""
    groups, _ = _all_series(files, limits)
    series = groups[_chosen(groups, options)]
    return stack_frames([frame for file in series for frame in frames_of(file)], options)


def _all_series(files: Sequence[NamedBytes], limits: Limits) -> tuple[list[list[DicomFile]], list[str]]:
    """All series of an upload, the largest first, and notes on what was left out."""
    opened, notes = _open_images(files, limits)
    kept, more = _without_duplicates(opened)
    return _series(kept), [*notes, *more]


def _chosen(groups: list[list[DicomFile]], options: ReadOptions) -> int:
    chosen = options.series or 0
    if chosen >= len(groups):
        raise InputProblem(
            "There is no such series",
            found=f"series {chosen} of {len(groups)}",
            expected=f"0 to {len(groups) - 1}",
            fix="choose another series",
        )
    return chosen


def _decode_series(
    files: list[DicomFile],
    options: ReadOptions,
    limits: Limits,
    notes: list[str],
    series: tuple[SeriesChoice, ...],
    chosen: int,
) -> Decoded:
    frames = [frame for file in files for frame in frames_of(file)]
    stack = stack_frames(frames, options)
    values, names, stored_type, more = decode_frames(stack.frames, limits)
    if any(frame.box for frame in stack.frames):
        more = (*more, f"A Siemens mosaic: its {len(stack.frames)} tiles were taken apart into slices.")
    if any(file.without_preamble for file in files):
        more = (*more, "The DICOM preamble is missing; the byte order was told from the content.")
    return Decoded(
        values=values,
        format="dicom",
        natural_axes=(0, 1, 2),
        source_shape=values.shape[1:],
        channel_names=names,
        affine_ras=stack.affine_ras,
        measurable=stack.measurable,
        spacing_mm=stack.spacing_mm,
        modality=modality(files[0].dataset),
        original_dtype=stored_type,
        notes=(*notes, *stack.notes, *more, *_cine_note(stack, files)),
        tags=technical_tags(files[0]),
        choices=Choices(volumes=stack.volumes, volume=stack.volume, series=series, chosen_series=chosen),
    )


def _open_images(files: Sequence[NamedBytes], limits: Limits) -> tuple[list[DicomFile], list[str]]:
    """The image objects; reports, presentation states and the like beside them are left out and noted."""
    opened, problems = [], []
    for file in files:
        try:
            opened.append(_open_named(file, limits))
        except NoImage as problem:
            problems.append(problem)
    if not opened:
        raise problems[0]
    notes = [f"Left out, not an image: {problem.found}." for problem in problems]
    return opened, list(dict.fromkeys(notes))


def _open_named(file: NamedBytes, limits: Limits) -> DicomFile:
    """`open_dicom`, with the name of the one bad file of many in the refusal."""
    try:
        return open_dicom(file.name, file.data, limits)
    except InputProblem as problem:
        raise type(problem)(
            problem.what,
            found=problem.found,
            expected=problem.expected,
            fix=problem.fix,
            file=problem.file or display_name(file.name),
        ) from None


def _without_duplicates(files: list[DicomFile]) -> tuple[list[DicomFile], list[str]]:
    """Files with an instance number of their own; a second copy of an instance is left out and noted."""
    kept: dict[object, DicomFile] = {}
    for index, file in enumerate(files):
        kept.setdefault(file.dataset.get("SOPInstanceUID") or index, file)
    left_out = len(files) - len(kept)
    return list(kept.values()), [f"{left_out} repeated image(s) were left out."] if left_out else []


def _series(files: list[DicomFile]) -> list[list[DicomFile]]:
    """Files by series, most frames first, then by series number and identifier."""
    groups: dict[str, list[DicomFile]] = {}
    for file in files:
        groups.setdefault(file.series, []).append(file)
    return sorted(groups.values(), key=_series_order)


def _series_order(files: list[DicomFile]) -> tuple[float, float, str]:
    first = files[0]
    return -sum(file.frames for file in files), number(first.dataset, "SeriesNumber") or 0.0, first.series


def _choices(groups: list[list[DicomFile]]) -> tuple[SeriesChoice, ...]:
    return tuple(
        SeriesChoice(
            index=index,
            modality=modality(files[0].dataset),
            images=sum(file.frames for file in files),
            rows=files[0].rows,
            columns=files[0].columns,
        )
        for index, files in enumerate(groups)
    )


def _cine_note(stack: Stack, files: list[DicomFile]) -> tuple[str, ...]:
    first: Frame = stack.frames[0]
    if files[0].frames > 1 and first.position is None:
        return (f"The {len(stack.frames)} frames of the object are shown as slices.",)
    return ()
