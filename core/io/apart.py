"""Decoding in a process of its own: a file that crashes, hangs or floods its decoder costs one upload."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO

from core.config import ReadOptions
from core.errors import InputProblem
from core.io.boundary import at_boundary
from core.io.decoded import Decoded
from core.io.limits import Limits
from core.io.upload import DECODER, decode_here
from core.io.wire import read_answer, read_request, send_decoded, send_problem, send_request
from core.types import NamedBytes

ROOT = Path(__file__).resolve().parents[2]
MAIN = "from core.io.apart import serve; serve()"


class DecodeWorker:
    """Decodes one upload at a time in another process, which is started when first needed and after a crash.

    Started as a new program, never by fork: a fork would share the store's lock. Close it, or use it as a
    context, so that no process stays behind.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> DecodeWorker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __call__(self, files: Sequence[NamedBytes], options: ReadOptions, limits: Limits) -> Decoded:
        """`decode_here` over there. Raises InputProblem, also for a crash, a hang or too much memory."""
        with self._lock:
            process = self._running()
            expired = threading.Event()
            timer = threading.Timer(limits.seconds, _stop, (process, expired))
            timer.start()
            try:
                assert process.stdin is not None
                assert process.stdout is not None
                send_request(process.stdin, files, options, limits)
                return read_answer(process.stdout)
            except (OSError, EOFError, ValueError, KeyError, TypeError):
                # None of these is an answer: the process ended, or what it says cannot be trusted any more.
                code = self._end()
            finally:
                timer.cancel()
            raise _lost(expired.is_set(), code, limits)

    @contextmanager
    def used(self) -> Iterator[None]:
        """Everything that this thread reads inside the `with` block is decoded over there."""
        token = DECODER.set(self)
        try:
            yield
        finally:
            DECODER.reset(token)

    def start(self) -> None:
        """Start the process now, so that the first upload need not wait for it."""
        with self._lock:
            self._running()

    @property
    def alive(self) -> bool:
        """Whether its process runs; one that does not is started by the next use."""
        process = self._process
        return process is not None and process.poll() is None

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            paths = os.pathsep.join(each for each in (str(ROOT), os.environ.get("PYTHONPATH")) if each)
            self._process = subprocess.Popen(
                [sys.executable, "-c", MAIN],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # what libraries print can quote the data set
                env={**os.environ, "PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1"},
            )
        return self._process

    def _end(self) -> int | None:
        """End the process, if there is one; how it had ended before, None when it had not."""
        process, self._process = self._process, None
        if process is None:
            return None
        # A crash closes the pipe a moment before the process is gone.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.5 if process.stdout is not None and process.poll() is None else 0)
        code = process.poll()
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):  # what was not sent any more
                    stream.close()
        return code


def serve() -> None:
    """The other process: answer requests on standard input until it is closed."""
    import core.io.dicom_pixels
    import core.io.nifti
    import core.io.tiff  # noqa: F401 - what decoding needs is loaded before memory is measured

    reading, writing = sys.stdin.buffer, _only_answers()
    base = _data_bytes()
    while (request := read_request(reading)) is not None:
        files, options, limits = request
        _allow(base + limits.memory)
        try:
            answer: Decoded | InputProblem = at_boundary("", partial(decode_here, files, options, limits))
        except InputProblem as problem:
            answer = problem
        # Limited is the decoding, not the next request.
        _allow(None)
        if isinstance(answer, InputProblem):
            send_problem(writing, answer)
        else:
            send_decoded(writing, answer)


def _only_answers() -> IO[bytes]:
    """The way back; whatever a library prints goes nowhere, also from C."""
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    return answers


def _stop(process: subprocess.Popen[bytes], expired: threading.Event) -> None:
    expired.set()
    process.kill()


def _lost(expired: bool, code: int | None, limits: Limits) -> InputProblem:
    if expired:
        return InputProblem(
            "Reading the file takes too long",
            found=f"no result after {limits.seconds:g} s",
            expected="a file that is read within that time",
            fix="export it without compression, or crop it",
        )
    how = "no valid answer" if code is None else f"signal {-code}" if code < 0 else f"code {code}"
    return InputProblem(
        "The file brought its decoder down",
        found=f"the process that decodes it ended ({how})",
        expected="a complete, valid file",
        fix="export or upload the file again, in another format if need be",
    )


def _data_bytes() -> int:
    """Memory that this process has asked for, 0 where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    found = [line.split()[1] for line in lines if line.startswith("VmData:")]
    return int(found[0]) * 1024 if found else 0


def _allow(size: int | None) -> None:
    """Let this process have so many bytes, None: as many as there are."""
    if sys.platform == "win32":
        return  # there is no such limit
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = most if size is None else size if most == resource.RLIM_INFINITY else min(size, most)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, most))
