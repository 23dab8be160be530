"""The kinds of failure that a reader can name, to begin with; readers may edit them."""

from __future__ import annotations

from typing import get_args

from core.errors import SettingsProblem
from core.types.reviews import FailureGroup, FailureKind

BUILT_IN: tuple[FailureKind, ...] = (
    FailureKind(key="artefact", group="data", label="Artefact or noise in the picture"),
    FailureKind(key="resolution", group="data", label="Resolution or coverage too low"),
    FailureKind(key="wrong-input", group="data", label="Wrong sequence, view or organ"),
    FailureKind(key="unusual-anatomy", group="data", label="Unusual anatomy, surgery or implant"),
    FailureKind(key="missed", group="model", label="Finding missed"),
    FailureKind(key="invented", group="model", label="Finding invented"),
    FailureKind(key="too-small", group="model", label="Outline too small"),
    FailureKind(key="too-large", group="model", label="Outline too large"),
    FailureKind(key="fragments", group="model", label="In fragments, or merged"),
    FailureKind(key="wrong-class", group="model", label="Wrong class"),
    FailureKind(key="false-alarm", group="evaluation", label="Flagged without need"),
    FailureKind(key="reference-wrong", group="evaluation", label="Reference wrong or missing"),
    FailureKind(key="metric-misleads", group="evaluation", label="Score misleads here"),
    FailureKind(key="ambiguous", group="human factors", label="Readers would disagree"),
    FailureKind(key="display", group="human factors", label="Window or display misleads"),
    FailureKind(key="context-missing", group="human factors", label="Clinical context missing"),
)

GROUPS: tuple[FailureGroup, ...] = get_args(FailureGroup)
LONGEST_LABEL = 80


def checked_kinds(kinds: tuple[FailureKind, ...]) -> tuple[FailureKind, ...]:
    """The kinds as they are. Raises SettingsProblem when one is there twice, or none is in use."""
    keys = [each.key for each in kinds]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice or all(each.retired for each in kinds):
        raise SettingsProblem(
            "These kinds of failure cannot be used",
            found=f"{twice[0]!r} twice" if twice else "no kind in use",
            expected="at least one kind in use, and each of them once",
            fix="remove one of them, or add one",
        )
    return kinds


def edited_kinds(current: tuple[FailureKind, ...], rows: list[tuple[str, str]]) -> tuple[FailureKind, ...]:
    """The kinds after an edit: (group, label) of those in use; what is not among them any more is retired.

    A kind keeps its key while group and label stay; a new one gets a key from its label. Raises
    SettingsProblem for an unknown group, an empty label or one label twice.
    """
    by_words: dict[tuple[str, str], FailureKind] = {(each.group, each.label): each for each in current}
    taken = {each.key for each in current}
    used: list[FailureKind] = []
    for named, label in rows:
        words = (named, " ".join(label.split()))
        group = next((each for each in GROUPS if each == named), None)
        if group is None or not 0 < len(words[1]) <= LONGEST_LABEL:
            raise SettingsProblem(
                "A kind of failure is incomplete",
                found=f"group {named!r}, words {label[:100]!r}",
                expected=f"one of {', '.join(GROUPS)} and 1 to {LONGEST_LABEL} characters",
                fix="fill in both",
            )
        known = by_words.get(words)
        if known is None:
            known = by_words[words] = FailureKind(key=_key(words[1], taken), group=group, label=words[1])
            taken.add(known.key)
        used.append(known.model_copy(update={"retired": False}))
    gone = [
        each.model_copy(update={"retired": True}) for each in current if each.key not in {u.key for u in used}
    ]
    return checked_kinds((*used, *gone))


def _key(label: str, taken: set[str]) -> str:
    plain = (
        "".join(c if c.isascii() and c.isalnum() else "-" for c in label.lower()).strip("-")[:40] or "kind"
    )
    number = 1
    while (key := plain if number == 1 else f"{plain}-{number}") in taken:
        number += 1
    return key
