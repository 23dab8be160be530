"""The app in a process of its own, as browsers and other clients meet it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 60


class Server:
    """A running app of its own. app: the script, relative to the root. options: more of Streamlit's.

    command, environment, folder: all of it, in place of what these make.
    """

    def __init__(
        self,
        home: Path,
        port: int,
        app: str = "app.py",
        *,
        mode: str = "local",
        options: Sequence[str] = (),
        command: Sequence[str] | None = None,
        environment: Mapping[str, str] | None = None,
        folder: Path = ROOT,
    ) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.home = home
        self.log = home / "server.log"
        usual = {"SECOND_LOOK_HOME": str(home), "OMP_NUM_THREADS": "1", "SECOND_LOOK_MODE": mode}
        given = [sys.executable, "-m", "streamlit", "run", app, "--server.port", str(port), *options]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command or given, cwd=folder, env=environment or {**os.environ, **usual}, stdout=log,
                stderr=subprocess.STDOUT,
            )  # fmt: skip
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with urlopen(f"{self.address}/_stcore/health", timeout=2) as answer:
                    if answer.read() == b"ok":
                        return
            except (URLError, OSError):
                time.sleep(0.2)
        self.stop()
        raise RuntimeError(f"the server did not start:\n{self.log.read_text(errors='replace')[-3000:]}")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
