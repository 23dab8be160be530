"""Untrusted strings (file names, tags, notes, messages of libraries) made safe to show."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 120
"""Characters shown of an untrusted string."""

WORD_JOINER = "\u2060"
"""Invisible; keeps a name from being taken for a link or an icon code after its markup is escaped."""

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_LINK_OR_ICON = re.compile(r"(?<=[:@])(?=\S)|(?<=www)(?=\.)", re.IGNORECASE)


def plain_text(value: object, longest: int = LONGEST) -> str:
    """`value` on one line without control, formatting and direction characters, cut to `longest`.

    For places that show text as it is: table cells, options of a select box, st.text.

    >>> plain_text("scan\\u202egnp.exe\\n")
    'scangnp.exe'
    """
    spaced = " ".join(str(value).split())
    kept = "".join(each for each in spaced if unicodedata.category(each)[0] != "C")
    return kept if len(kept) <= longest else kept[: longest - 1] + "…"


def safe_text(value: object, longest: int = LONGEST) -> str:
    """`plain_text` with Markdown and HTML escaped, for every place that renders Markdown.

    >>> safe_text("a*b")
    'a\\\\*b'
    """
    return _PUNCTUATION.sub(r"\\\1", _LINK_OR_ICON.sub(WORD_JOINER, plain_text(value, longest)))
