"""The self-test: one table of checks, run one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from core import __version__
from core.pipeline.case import part_of, silent
from core.selftest import answers, files, installation, keeping, repeat
from core.selftest.records import Detail, Finding, SelfTest, State
from core.store import Store
from core.types import Progress


@dataclass(frozen=True)
class Context:
    """store: the user's own one where it is open already. quick: a part of the answers, and no repetition."""

    store: Store | None
    quick: bool


@dataclass(frozen=True)
class Check:
    """One check. share: of the whole time, for the progress bar. fix: what to do when it fails."""

    key: str
    title: str
    run: Callable[[Context, Progress], tuple[Detail, ...]]
    fix: str
    share: float = 1.0
    quick: bool = True


INSTALL = "install the versions of requirements.txt in a fresh environment"
DRIVER = "update the driver of the GPU, or choose the device “cpu”"
ROOM = "free some space, or set SECOND_LOOK_HOME to another disk"
COPY = "get a fresh copy of Second Look"
WRITE = "check disk and permissions of the store's directory, then restore a backup (`store restore`)"

CHECKS = (
    Check("libraries", "Libraries", lambda given, tell: installation.libraries(tell), INSTALL),
    Check("weights", "Weights of the models", lambda given, tell: installation.weights(tell), COPY),
    Check("files", "Reading files", lambda given, tell: files.read_files(tell), INSTALL, 2.0),
    Check("codecs", "DICOM decoders", lambda given, tell: files.codecs(tell), INSTALL),
    Check("device", "Device", lambda given, tell: installation.device(tell), DRIVER, 2.0),
    Check("answers", "Answers of the models",
          lambda given, tell: answers.compare_answers(given.quick, tell), INSTALL, 30.0),
    Check("repeat", "Same question, same answer",
          lambda given, tell: repeat.same_answers(tell), INSTALL, 10.0, quick=False),
    Check("trial", "A store for trial", lambda given, tell: keeping.trial(tell), WRITE, 3.0),
    Check("disk", "Room on the disk", lambda given, tell: installation.disk(tell), ROOM),
    Check("store", "Your own store", lambda given, tell: keeping.own_store(given.store, tell), WRITE, 3.0),
)  # fmt: skip


def run_selftest(store: Store | None = None, *, quick: bool = False, progress: Progress = silent) -> SelfTest:
    """Run every check on this installation. Nothing outside a temporary folder is written.

    store: the user's store where this process has it open; None opens the default one for reading it through.
    Raises Cancelled when `progress` says so; whatever else goes wrong is a finding.
    """
    chosen = [each for each in CHECKS if each.quick or not quick]
    context = Context(store, quick)
    findings = tuple(_finding(check, context, tell) for check, tell in _shares(chosen, progress))
    return SelfTest(
        app_version=__version__,
        machine=_machine(),
        created_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        quick=quick,
        findings=findings,
    )


def _shares(checks: Sequence[Check], progress: Progress) -> Iterator[tuple[Check, Progress]]:
    whole, done = sum(each.share for each in checks), 0.0
    for each in checks:
        yield each, part_of(progress, done / whole, (done + each.share) / whole)
        done += each.share


def _finding(check: Check, context: Context, progress: Progress) -> Finding:
    started = time.perf_counter()
    details = check.run(context, progress)
    wrong = sum(not each.ok for each in details)
    noted = sum(each.noted for each in details)
    state: State = "failed" if wrong else "noted" if noted else "passed"
    return Finding(
        key=check.key,
        title=check.title,
        state=state,
        said=_said(check.key, details, state),
        details=details,
        fix=check.fix if wrong else "",
        seconds=time.perf_counter() - started,
    )


def _said(key: str, details: Sequence[Detail], state: State) -> str:
    if state != "passed":
        telling = [each for each in details if not each.ok or (state == "noted" and each.noted)]
        how = "not as they should be" if state == "failed" else "worth knowing"
        first = telling[0]
        return f"{len(telling)} of {len(details)} {how}; first: {first.name}: {first.found}"
    if len(details) == 1:
        return f"{details[0].name}: {details[0].found}"
    if key == "answers":
        return f"{len(details)} as expected, {answers.exact(details)} of them equal to the last bit"
    return f"all {len(details)} as they should be"


def _machine() -> str:
    from core.inference.devices import machine_class

    return machine_class()
