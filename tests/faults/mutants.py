"""Valid files with bytes flipped, cut, inserted and moved: loaded or refused in words, and nothing else."""

from __future__ import annotations

import io
import random
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save as save_safetensors

from core.errors import SecondLookError
from core.io import Limits, read_case
from core.io.apart import DecodeWorker
from core.io.packed import packed_index
from core.io.rows import read_rows
from core.models.formats import read_shapes, read_tensors
from core.models.onnx_file import check_graph
from core.selftest.expected import FILES_FOLDER
from core.types import NamedBytes
from tests.core.models.onnx_graphs import SIZE, graph
from tests.core.selftest_files import LOSSY, READ

Read = Callable[[bytes], object]
HEADER = 512
"""Half of all changes fall into the first so many bytes, where they do most harm."""
LOST = ("brought its decoder down", "takes too long")


@dataclass
class Kind:
    """What the mutants of one reader came to. growth: of the memory of the process that decodes, in bytes."""

    loaded: int = 0
    refused: int = 0
    slowest: float = 0.0
    growth: int = 0


@dataclass
class Mutants:
    """All readers; `wrong` has one sentence for each mutant that was neither loaded nor refused in words."""

    kinds: dict[str, Kind] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def lines(self) -> Iterable[str]:
        """For a terminal."""
        yield f"{'reader':14} {'loaded':>7} {'refused':>8} {'slowest':>9} {'growth':>9}"
        for name, each in sorted(self.kinds.items()):
            growth = f"{each.growth / 2**20:6.0f} MiB" if each.growth else "        -"
            yield f"{name:14} {each.loaded:7} {each.refused:8} {each.slowest:7.2f} s {growth}"
        total = sum(each.loaded + each.refused for each in self.kinds.values())
        yield f"{total} mutants, wrong: {len(self.wrong)}"
        yield from self.wrong[:20]


def mutate_everything(count: int, seed: int = 0) -> Mutants:
    """`count` mutants, as many of each file."""
    draw, found = random.Random(seed), Mutants()
    with _readers() as (readers, worker):
        for number in range(count):
            name, body, read = readers[number % len(readers)]
            mutant = mutated(body, draw)
            _try(name, mutant, read, worker, found, f"{name}, mutant {number} of seed {seed}")
    return found


def mutated(body: bytes, draw: random.Random) -> bytes:
    """One to three changes of one file."""
    for _ in range(draw.randint(1, 3)):
        body = draw.choice(CHANGES)(body, draw)
    return body


def _flip(body: bytes, draw: random.Random) -> bytes:
    if not body:
        return body
    changed = bytearray(body)
    for _ in range(draw.randint(1, 8)):
        changed[_place(changed, draw)] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _cut(body: bytes, draw: random.Random) -> bytes:
    return body[: draw.randint(0, len(body))]


def _insert(body: bytes, draw: random.Random) -> bytes:
    place = _place(body, draw)
    return body[:place] + draw.randbytes(draw.randint(1, 64)) + body[place:]


def _overwrite(body: bytes, draw: random.Random) -> bytes:
    place, block = _place(body, draw), draw.choice((b"\xff", b"\0", b"\x7f")) * draw.choice((1, 2, 4, 8))
    return body[:place] + block + body[place + len(block) :]


def _remove(body: bytes, draw: random.Random) -> bytes:
    place = _place(body, draw)
    return body[:place] + body[place + draw.randint(1, 64) :]


def _repeat(body: bytes, draw: random.Random) -> bytes:
    place = _place(body, draw)
    return body[:place] + body[place : place + 256] + body[place:]


CHANGES = (_flip, _flip, _cut, _insert, _overwrite, _overwrite, _remove, _repeat)


def _place(body: bytes | bytearray, draw: random.Random) -> int:
    within = min(len(body), HEADER) if draw.random() < 0.5 else len(body)
    return draw.randrange(max(1, within))


@contextmanager
def _readers() -> Iterator[tuple[list[tuple[str, bytes, Read]], DecodeWorker]]:
    limits = Limits()

    def image(name: str) -> Read:
        return lambda body: read_case([NamedBytes(name, body)])

    with tempfile.TemporaryDirectory() as folder, DecodeWorker() as worker, worker.used():
        images = [(name, (FILES_FOLDER / name).read_bytes(), image(name)) for name in (*READ, *LOSSY)]
        readers = [(_kind(name), body, read) for name, body, read in images]
        for name, body in _weights().items():
            readers.append((name, body, _weight_reader(Path(folder) / f"w.{name}")))
        table = "case;group;confidence;risk\n" + "".join(f"0{n};p{n % 3};0.{n};0.1\n" for n in range(9))
        readers.append(("csv", table.encode(), lambda body: read_rows(NamedBytes("t.csv", body), limits)))
        readers.append(("npz", _npz(), lambda body: packed_index(NamedBytes("p.npz", body), limits)))
        onnx = graph().SerializeToString()
        readers.append(("onnx", onnx, lambda body: check_graph(body, "m.onnx", SIZE, "segmentation")))
        yield readers, worker


def _kind(name: str) -> str:
    return f"{name.rpartition('.')[2]}" if "." in name else "png"


def _weights() -> dict[str, bytes]:
    state = {"encoder.weight": torch.ones(4, 3, 3, 3), "head.bias": torch.zeros(2)}
    out = io.BytesIO()
    torch.save(state, out)
    return {"safetensors": save_safetensors(state), "pt": out.getvalue()}


def _weight_reader(path: Path) -> Read:
    def read(body: bytes) -> object:
        path.write_bytes(body)
        return read_shapes(path), read_tensors(path)

    return read


def _npz() -> bytes:
    out = io.BytesIO()
    np.savez(out, p1=np.ones((2, 8, 8), np.float32), p2=np.zeros((2, 8, 8), np.float32))
    return out.getvalue()


def _try(name: str, body: bytes, read: Read, worker: DecodeWorker, found: Mutants, label: str) -> None:
    kind = found.kinds.setdefault(name, Kind())
    before, started = _peak(worker), time.monotonic()
    try:
        read(body)
        kind.loaded += 1
    except SecondLookError as problem:
        kind.refused += 1
        if not all((problem.what, problem.found, problem.expected, problem.fix)):
            found.wrong.append(f"{label}: an incomplete message: {problem.sentence}")
        if any(each in problem.what for each in LOST):
            found.wrong.append(f"{label}: {problem.sentence}")
    except Exception as error:  # noqa: BLE001 - what must not happen is counted
        found.wrong.append(f"{label}: {type(error).__name__}: {error}")
    kind.slowest = max(kind.slowest, time.monotonic() - started)
    kind.growth = max(kind.growth, _peak(worker) - before if before else 0)


def _peak(worker: DecodeWorker) -> int:
    """Largest memory that the other process has held so far, 0 where the system does not tell."""
    process = worker._process
    try:
        lines = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii") if process else ""
    except OSError:
        return 0
    return next((int(x.split()[1]) * 1024 for x in lines.splitlines() if x.startswith("VmHWM:")), 0)
