"""What an upload is, as one record and its JSON; nothing in it names a patient."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.config import Frozen, ReadOptions, canonical_json
from core.errors import InputProblem
from core.io.decoded import Choices
from core.io.limits import Limits, limits_in_force
from core.io.orient import axis_codes
from core.io.paths import read_path
from core.io.reader import Opened, open_case
from core.types import NamedBytes


class Shape(Frozen):
    """Size of the shown array."""

    channel: int
    slice: int
    row: int
    column: int


class Edges(Frozen):
    """Body side at each edge of a shown slice, letters R L A P S I."""

    top: str
    bottom: str
    left: str
    right: str


class Orientation(Frozen):
    """edges, axes: None when the file does not say. axes: letters (slice, row, column) run towards."""

    plane: str
    plane_source: str
    edges: Edges | None
    axes: tuple[str, str, str] | None


class Tag(Frozen):
    """One technical tag from the allow-list."""

    keyword: str
    value: str


class CaseSummary(Frozen):
    """A case without its arrays. spacing_mm: (slice, row, column); range: of the original values."""

    id: str
    name: str
    format: str
    shape: Shape
    dtype: str
    range: tuple[float, float]
    spacing_mm: tuple[float, float, float] | None
    orientation: Orientation
    channels: tuple[str, ...]
    modality: str | None
    choices: Choices
    tags: tuple[Tag, ...]
    notes: tuple[str, ...]
    sha256: tuple[str, ...]


class Problem(Frozen):
    """Why an upload was refused."""

    what: str
    found: str
    expected: str
    fix: str


class Inspection(Frozen):
    """Exactly one of `case` and `problem` is there."""

    file: str
    case: CaseSummary | None = None
    problem: Problem | None = None

    @property
    def ok(self) -> bool:
        return self.case is not None


def inspect_files(
    files: Sequence[NamedBytes],
    options: ReadOptions = ReadOptions(),  # noqa: B008 - frozen
    limits: Limits | None = None,
) -> CaseSummary:
    """Summary of the case in `files`; raises InputProblem as `read_case` does."""
    limits = limits or limits_in_force()
    return _summary(open_case(files, options, (), limits))


def inspect_path(
    path: str | Path,
    options: ReadOptions = ReadOptions(),  # noqa: B008 - frozen
    limits: Limits | None = None,
) -> Inspection:
    """Summary of the file or folder at `path`, or the problem with it; never raises for bad content."""
    limits = limits or limits_in_force()
    try:
        return Inspection(file=str(path), case=inspect_files(read_path(path, limits), options, limits))
    except InputProblem as problem:
        facts = Problem(what=problem.what, found=problem.found, expected=problem.expected, fix=problem.fix)
        return Inspection(file=str(path), problem=facts)


def inspection_json(inspection: Inspection) -> str:
    """One line: {"file", "ok": true, "case": {...}} or {"file", "ok": false, "problem": {...}}."""
    part = "case" if inspection.ok else "problem"
    return canonical_json({"file": inspection.file, "ok": inspection.ok, part: getattr(inspection, part)})


def _summary(opened: Opened) -> CaseSummary:
    case = opened.case
    image, geometry = case.image, case.image.geometry
    channel, slices, rows, columns = image.values.shape
    return CaseSummary(
        id=case.id,
        name=case.name,
        format=case.format,
        shape=Shape(channel=channel, slice=slices, row=rows, column=columns),
        dtype=image.original_dtype,
        range=image.original_range,
        spacing_mm=geometry.spacing_mm,
        orientation=_orientation(opened),
        channels=image.channel_names,
        modality=image.modality,
        choices=opened.choices,
        tags=tuple(Tag(keyword=key, value=value) for key, value in opened.tags),
        notes=case.notes,
        sha256=opened.input_sha256,
    )


def _orientation(opened: Opened) -> Orientation:
    geometry = opened.case.image.geometry
    edges = None
    if geometry.edges is not None:
        top, bottom, left, right = geometry.edges
        edges = Edges(top=top, bottom=bottom, left=left, right=right)
    return Orientation(
        plane=geometry.plane, plane_source=geometry.plane_source, edges=edges, axes=axis_codes(geometry)
    )
