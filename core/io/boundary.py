"""The one place where decoding is called, so that nothing a library throws gets past it."""

from __future__ import annotations

import errno
import logging
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from core.errors import InputProblem, SecondLookError

LOG = logging.getLogger(__name__)
T = TypeVar("T")

_QUOTING_LOGGERS = (
    "pydicom", "nibabel.global", "highdicom.base", "highdicom.frame", "highdicom.image", "highdicom.seg.sop",
)  # fmt: skip

# One upload is decoded at a time: it bounds memory, and the settings below belong to the process.
_ONE_AT_A_TIME = threading.Lock()


def at_boundary(file: str, decode: Callable[[], T]) -> T:
    """Result of `decode()`; whatever it throws becomes an InputProblem about `file`.

    Only the type of a foreign error is logged and shown: its text, its chain and the libraries'
    warnings can quote the data set, and with it the patient's name.
    """
    with _ONE_AT_A_TIME, _silent_libraries():
        problem: SecondLookError
        try:
            return decode()
        except SecondLookError as error:
            problem = error
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - decoders written in Rust raise beside Exception
            memory = isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM
            problem = _unexpected("MemoryError" if memory else type(error).__name__)
    if isinstance(problem, InputProblem) and not problem.file:
        problem = InputProblem(
            problem.what, found=problem.found, expected=problem.expected, fix=problem.fix, file=file
        )
    problem.__cause__ = problem.__context__ = None
    raise problem


@contextmanager
def _silent_libraries() -> Iterator[None]:
    """Keep warnings and log lines of the decoding libraries, which quote the data set, from going out."""
    loggers = [logging.getLogger(name) for name in _QUOTING_LOGGERS]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, disabled in zip(loggers, before, strict=True):
            logger.disabled = disabled


def _unexpected(kind: str) -> InputProblem:
    LOG.warning("decoder failed with %s", kind)
    if kind == "RecursionError":
        what, found = "The file is nested too deeply", "sequences inside sequences without end"
    elif kind == "MemoryError":
        what, found = "The file needs more memory than there is", "a very large image"
    elif kind == "SystemError":  # C code that failed without saying why: mostly, it got no memory
        what, found = "The file is damaged or needs more memory than there is", f"decoding stops ({kind})"
    else:
        what, found = (
            "The file is damaged or not built as its format says",
            f"content on which decoding stops ({kind})",
        )
    return InputProblem(
        what, found=found, expected="a complete, valid file", fix="export or upload the file again"
    )
