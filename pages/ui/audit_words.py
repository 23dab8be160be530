"""Words and signs of a training audit, the same in every part of its page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from core.audit import Audit, Finding, Severity
from core.view.words import count
from pages.ui.options import distinct
from pages.ui.text import plain_text


@dataclass(frozen=True)
class Sign:
    """How a severity looks: a word, an icon and a colour together."""

    word: str
    icon: str
    colour: str

    def badge(self, amount: int | None = None) -> str:
        """The sign as Markdown, with how many there are."""
        words = self.word.capitalize() if amount is None else count(amount, self.word)
        return f":{self.colour}-badge[:material/{self.icon}: {words}]"


SIGNS: dict[Severity, Sign] = {
    "error": Sign("error", "error", "red"),
    "warning": Sign("warning", "warning", "orange"),
    "info": Sign("note", "info", "blue"),
}


def fold_words(audit: Audit) -> dict[str, str]:
    """What each fold is called on screen, by its name; no two alike."""
    return distinct({each.fold: f"Fold {plain_text(each.fold, 40)}" for each in audit.folds})


def files_words(sources: Iterable[str]) -> str:
    """Names of files, each once with how often it came.

    >>> files_words(["metrics.csv", "metrics.csv", "predictions.csv"])
    '2 × metrics.csv, predictions.csv'
    """
    return ", ".join(f"{n} × {name}" if n > 1 else name for name, n in Counter(sources).items())


def speaks_of(finding: Finding, fold: str) -> bool:
    """Whether a finding is about that fold; those that name no fold are about all."""
    return not finding.folds or fold in finding.folds
