"""The check for foreign images on its way through the pipeline: views in, familiarity out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from core.detector import familiarity_of_slices, familiarity_of_study, measure_view, read_familiarity
from core.types import Score, SliceSamples, SliceView

if TYPE_CHECKING:
    from core.detector.familiarity import Familiarity, SliceSteps
    from core.models import ModelRecord

UNCHECKED = "foreign images cannot be told: the model came without a description of its training pictures"


def known_pictures(record: ModelRecord) -> Familiarity | None:
    """What the model keeps of its training pictures. Raises ModelProblem when the file was changed."""
    kept = record.familiarity
    return None if kept is None else read_familiarity(record.folder / kept.file, kept.sha256)


def unchecked_note(record: ModelRecord) -> tuple[str, ...]:
    """Says that the check is missing, for what made a result."""
    return (UNCHECKED,) if record.familiarity is None else ()


class Watch:
    """Looks at each slice of a stream after its samples were read, and scores what it saw."""

    def __init__(self, record: ModelRecord) -> None:
        self.known = known_pictures(record)
        self._steps: list[SliceSteps] = []

    def over(self, stream: Iterator[SliceSamples]) -> Iterator[SliceSamples]:
        """The same stream; nothing is computed for a model without a description."""
        for each in stream:
            yield each
            if self.known is not None and each.view is not None:
                same = each.same_as
                seen = self._steps[same] if same is not None else measure_view(self.known, each.view())
                self._steps.append(seen)

    def slices(self, count: int) -> tuple[Score, ...]:
        """The familiarity of each slice."""
        return familiarity_of_slices(self.known, self._steps, count)

    def study(self) -> Score:
        """The familiarity of the study."""
        return familiarity_of_study(self.known, self._steps)


def familiarity_of_picture(record: ModelRecord, view: SliceView) -> Score:
    """The familiarity of a single picture, such as a classifier judges."""
    known = known_pictures(record)
    return familiarity_of_study(known, () if known is None else (measure_view(known, view),))
