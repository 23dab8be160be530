"""The table of corruptions in words."""

from __future__ import annotations

from core.corruptions.spec import CorruptionSpec
from core.corruptions.table import CORRUPTIONS, GROUPS, SUITE

_INTRODUCTION = (
    "Severity 0 is the clean picture to the last bit; between the levels 1 to 5 parameters are linear. "
    "One draw (field, place, angle, times) serves all severities of a case. Values hold for a picture scaled "
    "to 0 … 1: by its stored range, or in a magnetic resonance image by its own 0.5th and 99.5th "
    "percentile, with a floor and no upper limit. Levels of different corruptions are not comparable."
)
_COLUMNS = (
    "key", "imitates", "parameter at 0 → at 1 … 5", "levels from", "at severity 3", "black stays black",
)  # fmt: skip


def table_markdown() -> str:
    """The table as a Markdown document: what each imitates, its levels and where they come from."""
    lines = [f"# Corruptions of the suite `{SUITE}`", "", _INTRODUCTION]
    for group, title in GROUPS.items():
        lines += ["", f"## {title}", "", _line(_COLUMNS), _line(("---",) * len(_COLUMNS))]
        lines += [_line(_cells(spec)) for spec in CORRUPTIONS if spec.group == group]
    return "\n".join(lines) + "\n"


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(spec: CorruptionSpec) -> tuple[str, ...]:
    levels = "; ".join(
        f"{each.name} {each.identity:.3g} → {' '.join(f'{level:.3g}' for level in each.levels)} "
        f"{each.unit}".rstrip()
        for each in spec.parameters
    )
    kept = "yes" if spec.background_kept else "no"
    return f"`{spec.key}`", spec.imitates, levels, spec.source, spec.example, kept
