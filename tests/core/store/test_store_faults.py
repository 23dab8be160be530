"""Killed processes, full disks: nothing acknowledged is lost, and reading goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from stored_examples import bits, make_analysis, make_case, open_store

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).resolve().parent

WRITER = f"""
import sys, threading
from pathlib import Path
sys.path[:0] = [{str(ROOT)!r}, {str(HERE)!r}]
from stored_examples import make_analysis, make_case, open_store
store = open_store(Path(sys.argv[1]))
said = threading.Lock()
def write(number):
    for step in range(10_000):
        case = make_case(f"{{number}}-{{step}}")
        store.put_case(case)
        store.put_analysis(make_analysis(case))
        with said:
            print(case.name, flush=True)
for number in range(3):
    threading.Thread(target=write, args=(number,)).start()
"""

FULL_DISK = f"""
import resource, signal, sys
from pathlib import Path
sys.path[:0] = [{str(ROOT)!r}, {str(HERE)!r}]
from core.errors import StoreProblem
from stored_examples import make_analysis, make_case, open_store
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = open_store(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))
kept = 0
try:
    for step in range(10_000):
        store.put_case(make_case(str(step)))
        kept += 1
except StoreProblem as problem:
    print(problem.sentence)
info = store.info()
print(info.mode, info.reason)
print(kept, sum(store.case(make_case(str(n)).id) is not None for n in range(kept)))
try:
    store.put_case(make_case("after"))
except StoreProblem as problem:
    print(problem.what)
store.close()
"""


@pytest.mark.parametrize("acknowledged", [1, 4, 7])
def test_kill_in_the_middle_of_writing_loses_nothing_acknowledged(tmp_path: Path, acknowledged: int) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        first = [writer.stdout.readline().strip() for _ in range(acknowledged)]
        writer.kill()
        names = [*first, *(line.strip() for line in writer.stdout if line.endswith("\n"))]
    assert all(first)
    with open_store(tmp_path) as store:
        for case in map(make_case, names):
            assert bits(store.case(case.id)) == bits(case)
            analysis = make_analysis(case)
            assert bits(store.analysis(analysis.key)) == bits(analysis)
        assert store.verify().ok
        assert not list(tmp_path.rglob("*.writing"))


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
def test_full_disk_turns_the_store_read_only_and_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    said, state, counted, refusal = done.stdout.splitlines()
    assert "The store could not be read or written" in said and "make room" in said
    assert state.startswith("read-only a write failed")
    kept, readable = map(int, counted.split())
    assert kept == readable > 0
    assert refusal == "The store is read-only"
    with open_store(tmp_path) as store:
        assert len(store.case_summaries()) >= kept
        assert store.verify().ok


def test_process_started_meanwhile_does_not_keep_the_store_locked(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    command = [sys.executable, "-c", "import sys; sys.stdin.readline()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as other:
        store.close()
        open_store(tmp_path).close()
        assert other.poll() is None
        other.communicate("\n")
