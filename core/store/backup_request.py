"""A backup while the app runs: another process asks by a file, and the owner of the store makes it."""

from __future__ import annotations

import logging
import secrets
import time
from pathlib import Path

from pydantic import ValidationError

from core.config import Frozen
from core.errors import SecondLookError, StoreProblem
from core.store.store import Store
from core.store.whole_file import put_record

REQUEST_NAME = "backup.request"
ANSWER_NAME = "backup.answer"
LOOK_SECONDS = 1.0
PATIENCE_SECONDS = 10.0
"""How long a running app may take to notice a request."""

_log = logging.getLogger("second_look.store")


class Request(Frozen):
    """Where the backup shall be written."""

    id: str
    folder: str


class Answer(Frozen):
    """How it went. state: "working" while it is being made. path: of the backup. problem: a sentence."""

    id: str
    state: str
    path: str = ""
    problem: str = ""


def ask_owner(home: Path, folder: Path) -> Path:
    """Let the process that owns the store write a backup into `folder`; the backup's directory.

    Raises StoreProblem: nobody takes notice, or the owner could not do it.
    """
    request = Request(id=secrets.token_hex(8), folder=str(folder.absolute()))
    put_record(home / REQUEST_NAME, request)
    noticed = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = _read_answer(home, request.id)
        if answer is not None and answer.state != "working":
            break
        if answer is None and time.monotonic() > noticed:
            (home / REQUEST_NAME).unlink(missing_ok=True)
            raise _unheard(home)
        time.sleep(0.2)
    (home / ANSWER_NAME).unlink(missing_ok=True)
    if answer.state == "done":
        return Path(answer.path)
    raise StoreProblem(
        "The running app could not write the backup",
        file=str(folder),
        found=answer.problem,
        expected="a new directory that the app may write",
        fix="name another folder",
    )


def serve_backups(store: Store) -> None:
    """Look for requests until the store is closed. For a thread of the process that owns it."""
    home = store.home
    while home is not None and not store.closed.wait(LOOK_SECONDS):
        request = _taken(home)
        if request is not None:
            _serve(store, home, request)


def _serve(store: Store, home: Path, request: Request) -> None:
    put_record(home / ANSWER_NAME, Answer(id=request.id, state="working"))
    try:
        path, _ = store.backup(Path(request.folder), lambda share, sentence: None)
    except SecondLookError as problem:
        _log.warning("a backup that was asked for failed: %s", type(problem).__name__)
        put_record(home / ANSWER_NAME, Answer(id=request.id, state="failed", problem=problem.sentence))
        return
    put_record(home / ANSWER_NAME, Answer(id=request.id, state="done", path=str(path)))


def _taken(home: Path) -> Request | None:
    path = home / REQUEST_NAME
    try:
        body = path.read_bytes()
    except OSError:
        return None
    path.unlink(missing_ok=True)
    try:
        return Request.model_validate_json(body)
    except ValidationError:
        _log.warning("a request for a backup could not be read")
        return None


def _read_answer(home: Path, request_id: str) -> Answer | None:
    try:
        answer = Answer.model_validate_json((home / ANSWER_NAME).read_bytes())
    except (OSError, ValidationError):
        return None
    return answer if answer.id == request_id else None


def _unheard(home: Path) -> StoreProblem:
    return StoreProblem(
        "The store is in use by a process that does not answer",
        file=str(home),
        found=f"no answer within {PATIENCE_SECONDS:.0f} s",
        expected="the running app, or nobody",
        fix="stop the other process, or make the backup on the app's page “What is kept”",
    )
