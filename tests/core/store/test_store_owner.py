"""One owner, no second name, no overwriting: how a store opens, and how it refuses to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from stored_examples import array_files, bits, make_analysis, make_case, open_store

from core.errors import StoreProblem
from core.store import Store, default_home, set_aside

ROOT = Path(__file__).resolve().parents[3]


def run_python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A second process that imports the project."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )


def test_home_is_the_environment_variable_else_the_user_data_directory(tmp_path: Path) -> None:
    assert default_home({"SECOND_LOOK_HOME": str(tmp_path)}) == tmp_path
    assert default_home({}).name == "second-look"


@pytest.mark.parametrize("mode", ["auto", "read-only"])
def test_second_process_gets_one_clear_sentence_with_the_pid(tmp_path: Path, mode: str) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from core.store import Store; from core.errors import StoreProblem\n"
        "try: Store.open(Path(sys.argv[1]), mode=sys.argv[2])\n"
        "except StoreProblem as problem: print(problem.sentence)\n"
    )
    with open_store(tmp_path):
        done = run_python(code, str(tmp_path), mode)
    assert f"another instance owns this store (PID {os.getpid()})" in done.stdout
    assert str(tmp_path / "second_look.duckdb") in done.stdout and "SECOND_LOOK_HOME" in done.stdout
    assert len(done.stdout.splitlines()) == 1 and done.stderr == ""


def test_lock_held_by_plain_duckdb_names_its_pid_too(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    code = (
        "import duckdb, sys; held = duckdb.connect(sys.argv[1])\n"
        "print('held', flush=True); sys.stdin.readline()"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "second_look.duckdb")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        with pytest.raises(StoreProblem, match=rf"another instance owns this store \(PID {other.pid}\)"):
            open_store(tmp_path)
        other.communicate("\n")


def test_second_opening_in_one_process_is_refused_until_the_first_is_closed(tmp_path: Path) -> None:
    first = open_store(tmp_path)
    with pytest.raises(StoreProblem, match="this same process"):
        open_store(tmp_path)
    first.close()
    open_store(tmp_path).close()


def test_file_with_two_names_is_refused(tmp_path: Path) -> None:
    home, other = tmp_path / "home", tmp_path / "other"
    open_store(home).close()
    other.mkdir()
    (other / "second_look.duckdb").hardlink_to(home / "second_look.duckdb")
    for each in (home, other):
        with pytest.raises(StoreProblem, match="2 hard links"):
            open_store(each)


def test_linked_file_is_refused_and_linked_directory_is_followed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    open_store(home).close()
    (tmp_path / "folder").symlink_to(home)
    with open_store(tmp_path / "folder") as store:
        assert store.info().home == str(home.resolve())
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "second_look.duckdb").symlink_to(home / "second_look.duckdb")
    with pytest.raises(StoreProblem, match="a symbolic link"):
        open_store(tmp_path / "other")


@pytest.mark.parametrize("kept", [0, 100, 5000, 300_000])
def test_truncated_file_is_refused_and_never_overwritten(tmp_path: Path, kept: int) -> None:
    with open_store(tmp_path) as store:
        store.put_case(make_case())
    path = tmp_path / "second_look.duckdb"
    damaged = path.read_bytes()[:kept]
    path.write_bytes(damaged)
    with pytest.raises(StoreProblem, match="IO Error"):
        open_store(tmp_path)
    assert path.read_bytes() == damaged and len(array_files(tmp_path)) == 2


def test_damaged_store_can_be_set_aside_and_put_back(tmp_path: Path) -> None:
    case = make_case()
    with open_store(tmp_path) as store:
        store.put_case(case)
    good = (tmp_path / "second_look.duckdb").read_bytes()
    (tmp_path / "second_look.duckdb").write_bytes(b"")
    folder = set_aside(tmp_path)
    with open_store(tmp_path) as store:
        assert store.case_summaries() == ()
        assert store.info().leftovers == (folder.name,)
    assert len(list(folder.rglob("*.npy"))) == 2
    (tmp_path / "second_look.duckdb").unlink()
    (folder / "arrays").rename(tmp_path / "arrays")
    (tmp_path / "second_look.duckdb").write_bytes(good)
    with open_store(tmp_path) as store:
        assert bits(store.case(case.id)) == bits(case)


def test_read_only_store_reads_and_refuses_to_write(tmp_path: Path) -> None:
    case = make_case()
    analysis = make_analysis(case)
    with open_store(tmp_path) as store:
        store.put_case(case)
        store.put_analysis(analysis)
    with open_store(tmp_path, mode="read-only") as store:
        assert bits(store.case(case.id)) == bits(case)
        assert bits(store.analysis(analysis.key)) == bits(analysis)
        assert store.info().mode == "read-only" and "reading only" in store.info().reason
        for write in (lambda: store.put_case(case), lambda: store.delete_case(case.id)):
            with pytest.raises(StoreProblem, match="read-only"):
                write()


def test_lost_array_is_a_miss_in_a_read_only_store_too(tmp_path: Path) -> None:
    case = make_case()
    with open_store(tmp_path) as store:
        store.put_case(case)
    array_files(tmp_path)[0].write_bytes(b"damaged")
    with open_store(tmp_path, mode="read-only") as store:
        assert store.case(case.id) is None
        assert store.info().health.damaged_files == 1
    assert len(array_files(tmp_path)) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are checked the POSIX way")
def test_directory_that_cannot_be_written_opens_read_only_with_the_reason(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        store.put_case(make_case())
    code = (
        "import os, sys; from pathlib import Path; from core.store import Store\n"
        "if os.geteuid() == 0: os.setuid(65534)  # the superuser could write anyway\n"
        "with Store.open(Path(sys.argv[1])) as store:\n"
        "    print(store.info().mode, len(store.case_summaries()), store.info().reason)\n"
    )
    parents = [each for each in tmp_path.parents if each.stat().st_uid == os.geteuid() and each != Path("/")]
    before = {each: each.stat().st_mode for each in (*parents, tmp_path)}
    try:
        for each in parents:
            each.chmod(before[each] | 0o055)
        tmp_path.chmod(0o555)
        done = run_python(code, str(tmp_path))
    finally:
        for each, mode in before.items():
            each.chmod(mode)
    assert done.stdout.startswith(f"read-only 1 the directory {tmp_path} cannot be written"), done.stderr


def test_read_only_without_a_store_says_that_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(StoreProblem, match="no store to read"):
        Store.open(tmp_path, mode="read-only")


def test_store_in_memory_leaves_the_disk_alone(home: Path) -> None:
    with Store.open(mode="memory") as store:
        store.put_case(make_case())
        info = store.info()
    assert (info.mode, info.home, info.free_bytes, info.cases) == ("memory", "", None, 1)
    assert list(home.iterdir()) == []


def test_connection_is_locked_down(tmp_path: Path) -> None:
    target = tmp_path / "leak.csv"
    statements = (
        "SELECT * FROM read_text('/etc/hostname')",
        f"COPY cases TO '{target}'",
        f"ATTACH '{tmp_path / 'other.duckdb'}'",
        "INSTALL httpfs",
        "SET memory_limit = '8GB'",
        "SET enable_external_access = true",
    )
    with open_store(tmp_path) as store:
        for statement in statements:
            with pytest.raises(duckdb.Error):
                store._database.read(lambda cursor, sql=statement: cursor.execute(sql).fetchall())
        memory, threads = store._database.read(
            lambda cursor: cursor.execute(
                "SELECT current_setting('memory_limit'), current_setting('threads')"
            ).fetchall()[0]
        )
    assert (memory, threads, target.exists()) == ("953.6 MiB", 2, False)
