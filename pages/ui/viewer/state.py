"""What a reviewer chose to see of a case, as the browser reports it and as a page may ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, ValidationError

from core.config import Frozen

Finite = Annotated[float, Field(allow_inf_nan=False)]


class ViewState(Frozen):
    """Choices of the viewer; None = as it is. Slices count from 0, channel -1 = all three as colours.

    windows: (low, high) per channel as a share of the channel's first window. centre: (column, row) in
    voxels. layers and opacity by layer id (`core.view.layers`). pin: (row, column) of the read-out cross.
    """

    slice: int | None = Field(default=None, ge=0)
    channel: int | None = Field(default=None, ge=-1)
    windows: tuple[tuple[Finite, Finite], ...] | None = Field(default=None, max_length=1000)
    zoom: Finite | None = Field(default=None, gt=0)
    centre: tuple[Finite, Finite] | None = None
    layers: dict[str, bool] | None = Field(default=None, max_length=100)
    opacity: dict[str, Finite] | None = Field(default=None, max_length=100)
    map: int | None = Field(default=None, ge=0)
    focus: str | None = Field(default=None, max_length=40)
    smooth: bool | None = None
    pin: tuple[int, int] | None = None

    def starting_at(self, index: int) -> ViewState:
        """Itself, with this slice where none is known."""
        return self if self.slice is not None else self.model_copy(update={"slice": index})


@dataclass(frozen=True)
class Held:
    """What the session remembers of one viewer.

    view: as last reported. requested: as a page last asked for. seed: what the mounted component started
    from; it travels with the volume, so it only changes with `seq`, when the component must obey it.
    around: slice whose neighbourhood is loaded of a study too large for the browser.
    """

    case_id: str
    view: ViewState | None = None
    requested: ViewState | None = None
    seed: ViewState | None = None
    seq: int = 0
    around: int | None = None


def parse_view(reported: object) -> ViewState | None:
    """The browser's report as a ViewState; None where it is missing or malformed, for it is untrusted."""
    try:
        return ViewState.model_validate(reported)
    except ValidationError:
        return None


def next_held(held: Held | None, case_id: str, requested: ViewState | None, fresh: bool) -> Held:
    """What to remember for this run.

    fresh: the component is not in the page yet, so it must be told where the user was. A request counts
    once: it moves the view when it differs from the last request and from what is shown.
    """
    if held is None or held.case_id != case_id:
        return Held(case_id, requested, requested, requested, 1)
    if requested is not None and requested not in (held.requested, held.view):
        return Held(case_id, requested, requested, requested, held.seq + 1, held.around)
    if fresh:
        return Held(case_id, held.view, held.requested, held.view, held.seq + 1, held.around)
    return held
