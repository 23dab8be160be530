"""Two visitors with nearly the same pictures, in turns: what one gets must never be the other's."""

from __future__ import annotations

import random
import struct
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from core.store import Store
from tests.load.client import Session
from tests.load.twins import Study, make_upload, put_twins, sha
from tests.serving import Server, free_port

STUDIES, SLICES, SIZE = 6, 4, 128
"""More studies than stay loaded at a time, so that they are read again and again."""

AT_ONCE = 3
"""Pairs at a time."""


@dataclass
class Tally:
    """Mutable: what was compared, and every difference in words."""

    pairs: int = 0
    compared: int = 0
    analysed: int = 0
    wrong: list[str] = field(default_factory=list)

    def same(self, what: str, got: str, wanted: str) -> None:
        self.compared += 1
        if got != wanted:
            self.wrong.append(f"{what}: got {got}, expected {wanted}")

    def add(self, other: Tally) -> None:
        self.pairs += other.pairs
        self.compared += other.compared
        self.analysed += other.analysed
        self.wrong += other.wrong

    def lines(self) -> list[str]:
        head = (
            f"{self.pairs} pairs of sessions, {self.compared} comparisons by SHA-256 or id, "
            f"{self.analysed} of their pictures analysed: {len(self.wrong)} wrong"
        )
        return [head, *self.wrong[:20]]


@contextmanager
def server_with_twins() -> Iterator[tuple[Server, tuple[Study, ...]]]:
    """A server over a store with nearly identical results."""
    with tempfile.TemporaryDirectory(prefix="second-look-pairs-") as folder:
        home = Path(folder)
        with Store.open(home) as store:
            twins = put_twins(store, STUDIES, SLICES, SIZE)
        running = Server(home, free_port())
        try:
            yield running, twins
        finally:
            running.stop()


def run_pairs(
    server: Server, twins: tuple[Study, ...], count: int, seed: int, analyse_every: int = 0
) -> Tally:
    """`count` pairs, some at a time. analyse_every: in every how manieth pair both analyse theirs; 0 none."""
    total = Tally()

    def one(number: int) -> Tally:
        analyse = bool(analyse_every) and number % analyse_every == 0
        return run_pair(server, twins, number, random.Random(f"{seed}/{number}"), analyse)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for tally in pool.map(one, range(count)):
            total.add(tally)
    return total


def run_pair(
    server: Server, twins: tuple[Study, ...], number: int, rng: random.Random, analyse: bool
) -> Tally:
    """Both visitors' steps, each visitor's in order, whose turn it is by chance."""
    tally = Tally(pairs=1)
    studies = rng.sample(twins, 2)
    with Session(server.address) as one, Session(server.address) as two:
        turns = [
            visit(session, tally, study, rng.random() < 0.5, 2 * number + k, analyse)
            for k, (session, study) in enumerate(zip((one, two), studies, strict=True))
        ]
        while turns:
            chosen = rng.choice(turns)
            if next(chosen, "over") == "over":
                turns.remove(chosen)
    return tally


def visit(
    session: Session, tally: Tally, study: Study, upload_first: bool, number: int, analyse: bool
) -> Iterator[None]:
    """Upload a picture of one's own and open a stored study, in either order; yields between the steps."""
    session.run()
    yield
    parts = [_own_picture(session, tally, number, analyse), _stored_study(session, tally, study)]
    for part in parts if upload_first else reversed(parts):
        yield from part


def _own_picture(session: Session, tally: Tally, number: int, analyse: bool) -> Iterator[None]:
    own = make_upload(number)
    session.go("open_case")
    yield
    session.upload("upload", own.file.name, own.file.data)
    yield
    session.until(lambda: f"case={own.case_id}" in session.query and session.has("analyse"))
    pictures = session.of_kind("imgs")
    yield
    tally.same("preview", sha(session.fetch(pictures[0].imgs[0].url)), own.preview)  # type: ignore[attr-defined]
    if not analyse:
        return
    session.press("analyse")
    yield
    session.until(lambda: "analysis=" in session.query and session.has("downloads"))
    tally.analysed += 1
    yield
    tally.same("analysed case", _value(session, "case"), own.case_id)
    for _, data in _downloads(session):
        tally.same("its JSON names it", str(own.case_id in data.decode()), "True")
        yield


def _stored_study(session: Session, tally: Tally, study: Study) -> Iterator[None]:
    session.go("case", f"case={study.case_id}&analysis={study.key}")
    yield
    tally.same("selected case", _value(session, "case"), study.case_id)
    views = session.of_kind("bidi_component")
    data = next((each.bytes for each in views if each.bytes), b"")  # type: ignore[attr-defined]
    start = 4 + struct.unpack("<I", data[:4])[0] if data else 0
    tally.same("viewer", sha(data[start : start + study.volume_bytes]), study.volume)
    yield
    session.switch("downloads")
    offered = session.of_kind("download_button")
    tally.same("number of files", str(len(offered)), str(len(study.files)))
    for button, (name, digest) in zip(offered, study.files, strict=False):
        yield
        tally.same(name, sha(session.fetch(button.url)), digest)  # type: ignore[attr-defined]


def _downloads(session: Session) -> list[tuple[str, bytes]]:
    session.switch("downloads")
    buttons = [(each.label, each.url) for each in session.of_kind("download_button")]  # type: ignore[attr-defined]
    return [(label, session.fetch(url)) for label, url in buttons if "JSON" in label]


def _value(session: Session, name: str) -> str:
    fields = dict(each.partition("=")[::2] for each in session.query.split("&"))
    return fields.get(name, "")
