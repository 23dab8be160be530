"""Waves of visitors on the main pages: memory of the process, and how long a rerun takes."""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from core.store import Store
from tests.load.client import Session
from tests.load.twins import make_upload
from tests.review_runs import put_run
from tests.serving import Server, free_port

CASES = 30
READING_AT_ONCE = 4
"""Of the visitors on a page, those whose reruns overlap: two cores draw no more at a time."""

TITLES = {
    "open_case": "Which case should we look at?",
    "worklist": "Which case first?",
    "case": "May I trust this one?",
}
"""What each page that is measured is called."""

SETTLE_SECONDS = 2.0
MIB_PER_SESSION, THIRD_TO_SECOND, P95_SECONDS = 1.0, 1.1, 0.5


@dataclass(frozen=True)
class Line:
    """One page under load: memory before and after each wave in MiB, reruns in seconds.

    waves: () where the memory is not the visitors': an analysis keeps its network and its result.
    broken: visitors who were shown another page or an incident.
    """

    page: str
    sessions: int
    base: float
    waves: tuple[float, ...]
    reruns: tuple[float, ...]
    broken: int

    @property
    def p95(self) -> float:
        return statistics.quantiles(self.reruns, n=20, method="inclusive")[-1]

    @property
    def per_session(self) -> float:
        """MiB above the base per session, of the largest wave."""
        return (max(self.waves, default=self.base) - self.base) / self.sessions

    def missed(self) -> list[str]:
        """The targets that this page did not meet."""
        found = [f"{self.page}: {self.broken} visitors saw something else"] if self.broken else []
        if self.per_session > MIB_PER_SESSION:
            found.append(f"{self.page}: {self.per_session:.2f} MiB per session")
        if len(self.waves) > 2 and self.waves[2] > THIRD_TO_SECOND * self.waves[1]:
            found.append(
                f"{self.page}: the third wave is {self.waves[2] / self.waves[1]:.2f} times the second"
            )
        if self.p95 > P95_SECONDS:
            found.append(f"{self.page}: 95 of 100 reruns within {self.p95:.2f} s")
        return found

    def words(self) -> str:
        waves = ", ".join(f"{each:.0f}" for each in self.waves)
        held = f"waves {waves} MiB ({self.per_session:+.2f} MiB per session), " if self.waves else ""
        return (
            f"{self.page:<28} base {self.base:.0f} MiB, {held}{len(self.reruns)} reruns: "
            f"median {statistics.median(self.reruns):.3f} s, 95 % {self.p95:.3f} s"
        )


@dataclass
class Report:
    """Mutable: one line per page."""

    pages: list[Line] = field(default_factory=list)

    def missed(self) -> list[str]:
        return [each for page in self.pages for each in page.missed()]

    def lines(self) -> list[str]:
        return [*(each.words() for each in self.pages), *(f"missed: {each}" for each in self.missed())]


def measure(sessions: int, waves: int, settle: float = SETTLE_SECONDS) -> Report:
    """The main pages in turn on one server that is warm, then one of them beside an analysis.

    settle: seconds of quiet before memory is read.
    """
    report = Report()
    with tempfile.TemporaryDirectory(prefix="second-look-load-") as folder:
        home = Path(folder)
        with Store.open(home) as store:
            run = put_run(store, CASES)
            cases = [each.id for each in store.case_summaries()]
        server = Server(home, free_port())
        try:
            queries = {"open_case": "", "worklist": f"run={run.id}", "case": f"case={cases[0]}"}
            _warm(server, queries)
            for page, query in queries.items():
                report.pages.append(_page(server, page, query, sessions, waves, settle))
            report.pages.append(_beside_analysis(server, queries["worklist"], settle))
        finally:
            server.stop()
    return report


def memory_mib(server: Server) -> float:
    """Resident memory of the server's process."""
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    return next(int(each.split()[1]) / 1024 for each in status.splitlines() if each.startswith("VmRSS"))


def enter(session: Session) -> Session:
    """Past the form that asks who reads, where a page has it."""
    if session.has("reader_typed"):
        session.fill("reader_typed", "Ada")
        session.press_form("Start reading")
    return session


def _warm(server: Server, queries: dict[str, str]) -> None:
    """Everything that happens once in a process: imports, networks, the first drawing of every page."""
    with Session(server.address) as first:
        _analyse(first.run(), 10**6)
        for page, query in queries.items():
            enter(first.go(page, query))


def _page(server: Server, page: str, query: str, sessions: int, waves: int, settle: float) -> Line:
    base = _settled(server, settle)
    held, reruns, broken = [], [], 0
    for _ in range(waves):
        with ExitStack() as open_now, ThreadPoolExecutor(READING_AT_ONCE) as pool:
            visitors = [open_now.enter_context(Session(server.address, page, query)) for _ in range(sessions)]
            list(pool.map(lambda each: enter(each.run()), visitors))
            reruns += list(pool.map(_timed, visitors))
            held.append(_settled(server, settle))
            broken += sum(not _whole(each) for each in visitors)
    return Line(page, sessions, base, tuple(held), tuple(reruns), broken)


def _beside_analysis(server: Server, query: str, settle: float, visitors: int = 4) -> Line:
    """Reruns of others while one visitor's picture is analysed."""
    base, over = _settled(server, settle), threading.Event()
    with Session(server.address) as busy, ThreadPoolExecutor(1) as pool, ExitStack() as open_now:
        others = [open_now.enter_context(Session(server.address, "worklist", query)) for _ in range(visitors)]
        for each in others:
            enter(each.run())
        work = pool.submit(_analyse, busy.run(), 10**6 + 1)
        work.add_done_callback(lambda _: over.set())
        reruns = _timed_until(others, over.is_set)
        work.result()
        broken = sum(not _whole(each) for each in others)
    return Line("worklist beside an analysis", visitors, base, (), tuple(reruns), broken)


def _timed_until(visitors: list[Session], over: Callable[[], bool]) -> list[float]:
    reruns: list[float] = []
    while not over() or len(reruns) < 2 * len(visitors):
        reruns.append(_timed(visitors[len(reruns) % len(visitors)]))
        time.sleep(0.05)
    return reruns


def _analyse(session: Session, seed: int) -> None:
    own = make_upload(seed)
    session.upload("upload", own.file.name, own.file.data)
    session.until(lambda: session.has("analyse"))
    session.press("analyse").until(lambda: session.has("downloads"))


def _timed(session: Session) -> float:
    started = time.perf_counter()
    session.run()
    return time.perf_counter() - started


def _whole(session: Session) -> bool:
    titles = [each.body for each in session.of_kind("heading")]  # type: ignore[attr-defined]
    return TITLES[session.path] in titles and "Something went wrong" not in session.words()


def _settled(server: Server, settle: float) -> float:
    time.sleep(settle)
    return memory_mib(server)
