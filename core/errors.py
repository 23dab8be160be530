"""Errors that a user can act on: one base, one subclass per stage, the same four facts in each."""

from __future__ import annotations

import traceback


class SecondLookError(Exception):
    """Base of every error this project raises on purpose.

    `what` went wrong, what was `found`, what was `expected`, and how to `fix` it; `file` names the
    upload, weight file or store that is meant ("" when there is none). All five are plain text and
    may hold untrusted file names: escape them before showing them as Markdown or HTML.
    """

    def __init__(self, what: str, *, found: str, expected: str, fix: str, file: str = "") -> None:
        self.file = file
        self.what = what
        self.found = found
        self.expected = expected
        self.fix = fix
        super().__init__(self.sentence)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.found, self.expected, self.fix, self.file)

    @property
    def sentence(self) -> str:
        """The whole message in one line: file, what, found, expected, fix."""
        prefix = f"{self.file}: " if self.file else ""
        facts = f"Found: {self.found.rstrip('.')}. Expected: {self.expected.rstrip('.')}"
        return f"{prefix}{self.what}. {facts}. To fix: {self.fix.rstrip('.')}."


class InputProblem(SecondLookError):
    """An upload, reference mask or table cannot be read, or does not fit."""


class ModelProblem(SecondLookError):
    """A model is unknown, its weights do not fit, or it cannot do what was asked of it."""


class InferenceProblem(SecondLookError):
    """A network could not be run on this device with these settings."""


class StoreProblem(SecondLookError):
    """The store cannot be opened, is owned by another process, or holds damaged data."""


class JobProblem(SecondLookError):
    """Background work cannot be taken on."""


class SettingsProblem(SecondLookError):
    """A setting, limit or option has a value that is not allowed."""


class AccessProblem(SecondLookError):
    """Whoever is signed in may not do what was asked, or nobody is."""


class Cancelled(SecondLookError):
    """Work was stopped because the user asked for it."""

    def __init__(self, what: str = "Cancelled") -> None:
        super().__init__(what, found="a cancel request", expected="no cancel", fix="start it again")

    def __reduce__(self) -> tuple[object, ...]:
        return Cancelled, (self.what,)


def trace_of(error: BaseException) -> str:
    """Type and frames (file, line, function) of an error and of what caused it, for a log.

    The errors' own words are left out: they may hold names from the input.
    """
    lines: list[str] = []
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        lines.append(f"{'caused by ' if lines else ''}{type(cause).__module__}.{type(cause).__qualname__}")
        frames = traceback.extract_tb(cause.__traceback__)
        lines += [f"  {frame.filename}, line {frame.lineno}, in {frame.name}" for frame in frames]
        cause = cause.__cause__ or cause.__context__
    return "\n".join(lines)


def _rebuild(
    kind: type[SecondLookError], what: str, found: str, expected: str, fix: str, file: str
) -> SecondLookError:
    return kind(what, found=found, expected=expected, fix=fix, file=file)
