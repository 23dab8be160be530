"""Options of a select box. The browser sends back the words of the chosen one, so no two may share them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

SHOWN_OF_ID = 8


def distinct(words: Mapping[str, str]) -> dict[str, str]:
    """Words by id; where several ids share them, the beginning of the id is added.

    >>> distinct({"a1": "Mean", "b2": "Mean", "c3": "Other"})
    {'a1': 'Mean (a1)', 'b2': 'Mean (b2)', 'c3': 'Other'}
    """
    shared = Counter(words.values())
    return {key: f"{text} ({key[:SHOWN_OF_ID]})" if shared[text] > 1 else text for key, text in words.items()}
