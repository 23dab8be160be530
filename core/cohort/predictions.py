"""Which file predicts which case of a cohort, told from names alone."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.cohort.folders import IMAGE_NAMES, REFERENCE_NAMES
from core.cohort.manifest import SEPARATOR
from core.cohort.names import PICTURES, SUFFIXES, folder_of, last_of, natural, relative_name
from core.cohort.plan import NoFit, counted
from core.types import Refusal, Rows

ARRAYS = (".npz", ".npy")
"""NumPy files: arrays of probabilities or labels."""

_NUMBER = re.compile(r"\d+")
_AFTER_NAME = "_-. /"


@dataclass(frozen=True)
class Matches:
    """files: (case name, its files in natural order). unmatched: cases without any. refused: other files."""

    files: tuple[tuple[str, tuple[str, ...]], ...]
    unmatched: tuple[str, ...]
    refused: tuple[Refusal, ...]


def match_predictions(names: Sequence[str], cases: Sequence[str]) -> Matches:
    """Each file goes to the one case whose name its path holds; the longest name wins.

    A file belongs to a case when its path without the ending is the case's name or starts with it, when one
    of its folders is called like the case, or when its own name is the last part of the case's name or
    starts with it. What follows the name (a fold, an epoch, `_pred`) makes it another sample of that case.

    >>> match_predictions(["fold0/a_1.png", "fold1/a_1.png", "a_10.png"], ["x/a_1", "x/a_10"]).files
    (('x/a_1', ('fold0/a_1.png', 'fold1/a_1.png')), ('x/a_10', ('a_10.png',)))
    """
    by_last: dict[str, list[str]] = defaultdict(list)
    for case in cases:
        by_last[last_of(case)].append(case)
    known = frozenset(cases)
    found: dict[str, list[str]] = {case: [] for case in cases}
    refused: list[Refusal] = []
    probabilities = {_stem(name) for name in names if name.lower().endswith(ARRAYS)}
    for name in names:
        problem = _unusable(name, probabilities)
        owners = [] if problem else _owners(_stem(name), known, by_last)
        if not problem and len(owners) == 1 and _is_part_of_case(name, owners[0]):
            problem = "It is the image or the reference of the case, not a prediction."
        if problem:
            refused.append(Refusal(name=name, sentence=problem))
        elif len(owners) != 1:
            refused.append(Refusal(name=name, sentence=_why_not(owners)))
        else:
            found[owners[0]].append(name)
    files = [(case, tuple(sorted(each, key=natural))) for case, each in found.items() if each]
    return Matches(tuple(files), tuple(case for case, each in found.items() if not each), tuple(refused))


def listed_predictions(rows: Rows, base: str, names: Sequence[str], cases: Sequence[str]) -> Matches:
    """Files that a table names in its columns case and prediction; several of a case in rows or by `;`.

    base: folder of the table; names: files there are. Raises NoFit where a column is missing.
    """
    if not rows or not {"case", "prediction"} <= set(rows[0]):
        raise NoFit("The table has no columns case and prediction.")
    known, found = frozenset(names), {case: list[str]() for case in cases}
    refused: list[Refusal] = []
    for row in rows:
        for told in (each.strip() for each in row["prediction"].split(SEPARATOR) if each.strip()):
            path = relative_name(told, base)
            if row["case"] not in found:
                refused.append(Refusal(name=row["case"], sentence="The cohort has no such case."))
            elif path is None or path not in known:
                refused.append(Refusal(name=told, sentence="It is not in the folder of the table."))
            elif path not in found[row["case"]]:
                found[row["case"]].append(path)
    files = tuple((case, tuple(each)) for case, each in found.items() if each)
    return Matches(files, tuple(case for case, each in found.items() if not each), tuple(refused))


def slice_groups(files: Iterable[str], case: str, slices: int) -> tuple[tuple[str, ...], ...] | None:
    """Pictures of single slices put together: one tuple of `slices` files per sample, None where they do not.

    The slice is the number in which the names of one sample differ.

    >>> slice_groups(["e1/p_1.png", "e1/p_2.png", "e2/p_1.png", "e2/p_2.png"], "p", 2)
    (('e1/p_1.png', 'e1/p_2.png'), ('e2/p_1.png', 'e2/p_2.png'))
    """
    groups: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
    for name in files:
        stem = last_of(_stem(name))
        rest = stem[len(last_of(case)) :] if stem.startswith(last_of(case)) else stem
        number = _NUMBER.search(rest)
        if not name.lower().endswith(PICTURES) or number is None:
            return None
        pattern = rest[: number.start()] + "#" + rest[number.end() :]
        groups[folder_of(name), pattern].append((int(number.group()), name))
    for each in groups.values():
        numbers = sorted(number for number, _ in each)
        if len(each) != slices or numbers != list(range(numbers[0], numbers[0] + slices)):
            return None
    ordered = sorted(groups.items(), key=lambda pair: natural("/".join(pair[0])))
    return tuple(tuple(name for _, name in sorted(each)) for _, each in ordered)


def _owners(stem: str, known: frozenset[str], by_last: dict[str, list[str]]) -> list[str]:
    """Cases that a path names: by the whole name, else by its last part; the longest only."""
    for end in (len(stem), *(at for at in range(len(stem) - 1, 0, -1) if stem[at] in _AFTER_NAME)):
        if stem[:end] in known:
            return [stem[:end]]
    own = last_of(stem)
    for end in (len(own), *(at for at in range(len(own) - 1, 0, -1) if own[at] in _AFTER_NAME)):
        if own[:end] in by_last:
            return by_last[own[:end]]
    for folder in reversed(folder_of(stem).split("/")):
        if folder in by_last:
            return by_last[folder]
    return []


def _unusable(name: str, probabilities: set[str]) -> str:
    lower = name.lower()
    if not lower.endswith((*SUFFIXES, *ARRAYS)) or lower.endswith(".dcm"):
        return "It is no mask, volume or NumPy file."
    if not lower.endswith(ARRAYS) and _stem(name) in probabilities:
        return "The NumPy file of the same name holds the probabilities that this mask was made from."
    return ""


def _is_part_of_case(name: str, case: str) -> bool:
    """Whether a file in the case's own folder is called like its image or reference."""
    own = last_of(_stem(name)).lower()
    return last_of(folder_of(name)) == last_of(case) and (
        own in IMAGE_NAMES or any(own == each or own.startswith(f"{each}_") for each in REFERENCE_NAMES)
    )


def _why_not(owners: Sequence[str]) -> str:
    if not owners:
        return "Its name holds the name of no case."
    return f"Its name fits {counted(len(owners), 'case')}, such as {owners[0]} and {owners[1]}."


def _stem(name: str) -> str:
    lower = name.lower()
    ending = next((each for each in (*SUFFIXES, *ARRAYS) if lower.endswith(each)), "")
    return name[: len(name) - len(ending)] if ending else name
