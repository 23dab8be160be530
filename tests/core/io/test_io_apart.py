"""Decoding in another process gives the same image, and what happens there stays there."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from io_files import nifti, pillow, series, zipped

from core.errors import InputProblem
from core.io import Limits, apart, read_case
from core.io.apart import DecodeWorker
from core.selftest.expected import FILES_FOLDER, file_list
from core.types import Case, NamedBytes

RAMP = np.arange(80, dtype=np.uint8).reshape(8, 10)
PICTURE = [NamedBytes("a.png", pillow(RAMP))]
REQUEST = "import os, sys, time; from core.io.wire import *; read_request(sys.stdin.buffer); "


@pytest.fixture(scope="module")
def worker() -> Iterator[DecodeWorker]:
    with DecodeWorker() as made:
        yield made


def facts(case: Case) -> tuple[object, ...]:
    image = case.image
    return (
        case.id, case.name, case.format, case.notes, image.values.tobytes(), image.values.shape,
        repr(image.geometry), image.channel_names, image.modality, image.original_dtype,
        image.original_range, image.values.flags.writeable,
    )  # fmt: skip


def read(files: list[NamedBytes]) -> object:
    try:
        return facts(read_case(files))
    except InputProblem as problem:
        return problem.sentence


@pytest.mark.parametrize("name", [each.name for each in file_list().files])
def test_every_file_is_read_or_refused_as_in_this_process(worker: DecodeWorker, name: str) -> None:
    files = [NamedBytes(name, (FILES_FOLDER / name).read_bytes())]
    with worker.used():
        over_there = read(files)
    assert over_there == read(files)


def test_series_and_reference_are_read_as_in_this_process(worker: DecodeWorker) -> None:
    files = [NamedBytes(f"{n}.dcm", each) for n, each in enumerate(series(4))]
    mask = [NamedBytes("mask.png", pillow((RAMP > 40).astype(np.uint8)))]
    picture = read_case(PICTURE, reference=mask)
    with worker.used():
        assert read(files) == facts(read_case(files))
        found = read_case(PICTURE, reference=mask)
    assert found.reference is not None
    assert picture.reference is not None
    assert np.array_equal(found.reference.mask_ref, picture.reference.mask_ref)


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("os.kill(os.getpid(), 11)", "signal 11"),
        ("os._exit(3)", "code 3"),
        ("os.write(1, b'{}' * 99)", "no valid answer|code 0"),
        ("os.write(1, (2).to_bytes(8, 'little') + b'{}')", "no valid answer|code 0"),
        ("os.write(1, bytes(8))", "no valid answer|code 0"),
    ],
)
def test_crash_and_nonsense_cost_one_upload(monkeypatch: pytest.MonkeyPatch, program: str, said: str) -> None:
    with DecodeWorker() as worker, worker.used():
        with monkeypatch.context() as patch:
            patch.setattr(apart, "MAIN", REQUEST + program)
            with pytest.raises(InputProblem, match=said) as caught:
                read_case(PICTURE)
        assert caught.value.file == "a.png"
        assert caught.value.what == "The file brought its decoder down"
        assert np.array_equal(read_case(PICTURE).image.values[0, 0], RAMP)


def test_hanging_decoder_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(seconds=0.5)
    monkeypatch.setattr(apart, "MAIN", REQUEST + "time.sleep(600)")
    with DecodeWorker() as worker, worker.used(), pytest.raises(InputProblem, match="takes too long"):
        read_case(PICTURE, limits=limits)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit of memory")
def test_memory_is_limited_and_the_next_upload_is_read() -> None:
    volume = nifti(np.ones((256, 256, 100), np.int16), gz=True)
    limits = Limits(memory=4 << 20)
    with DecodeWorker() as worker, worker.used():
        with pytest.raises(InputProblem, match="more memory than there is"):
            read_case([NamedBytes("v.nii.gz", volume)], limits=limits)
        assert read_case([NamedBytes("v.nii.gz", volume)]).image.values.shape == (1, 100, 256, 256)


def test_what_a_library_prints_does_not_reach_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    noisy = (
        "import os; from core.io import apart; real = apart.decode_here\n"
        "def loud(*given):\n"
        "    print('hello'); os.write(1, b'from C'); return real(*given)\n"
        "apart.decode_here = loud; apart.serve()"
    )
    monkeypatch.setattr(apart, "MAIN", noisy)
    with DecodeWorker() as worker, worker.used():
        assert np.array_equal(read_case(PICTURE).image.values[0, 0], RAMP)


def test_threads_share_a_worker_and_get_their_own_images(worker: DecodeWorker) -> None:
    wrong: list[int] = []

    def ask(number: int) -> None:
        with worker.used():
            found = read_case([NamedBytes("a.png", pillow(np.full((8, 8), number, np.uint8)))])
        if not (found.image.values == number).all():
            wrong.append(number)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(1, 17)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert wrong == []


def test_other_threads_decode_here_and_closing_leaves_no_process() -> None:
    worker = DecodeWorker()
    with worker.used():
        read_case([NamedBytes("s.zip", zipped({"a.png": PICTURE[0].data}))])
        process = worker._process
        assert process is not None
        thread = threading.Thread(target=read_case, args=(PICTURE,))
        thread.start()
        thread.join()
    worker.close()
    assert process.poll() is not None
    worker.close()


def test_process_ends_with_its_owner() -> None:
    code = (
        "from core.io.apart import DecodeWorker; w = DecodeWorker(); w.start();"
        "print(w._process.pid, flush=True); import os; os._exit(0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60, cwd=apart.ROOT
    )
    waited = subprocess.run([sys.executable, "-c", WAIT, done.stdout.strip()], check=False, timeout=60)
    assert waited.returncode == 0


WAIT = """
import os, sys, time
for _ in range(200):
    try:
        state = open(f"/proc/{sys.argv[1]}/stat").read().split()[2]
    except FileNotFoundError:
        sys.exit(0)
    if state == "Z":
        sys.exit(0)
    time.sleep(0.1)
sys.exit(1)
"""
