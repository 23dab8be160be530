"""Log lines as JSON, with the frames of an error and never its words, which may hold names from the input."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from core.errors import trace_of

OURS = "second_look"


class JsonLines(logging.Formatter):
    """One line of JSON for each record: time (UTC), level, logger, message, and the trace of an error."""

    def format(self, record: logging.LogRecord) -> str:
        """As `logging.Formatter.format`."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["trace"] = trace_of(record.exc_info[1])
        return json.dumps(line, ensure_ascii=True)


def log_as_json() -> None:
    """From now on every logger that this process has writes such lines, libraries' included."""
    ours = logging.getLogger(OURS)
    if not ours.handlers:
        ours.addHandler(logging.StreamHandler(sys.stderr))
        ours.propagate = False
    known = [logging.getLogger(name) for name in list(logging.root.manager.loggerDict)]
    for handler in {each for logger in (logging.root, *known) for each in logger.handlers}:
        handler.setFormatter(JsonLines())
