"""Visitors with nearly the same pictures get their own bytes; what uploads and odd clients cannot do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.load.client import XSRF, Session
from tests.load.pairs import run_pairs, server_with_twins
from tests.load.twin_files import SUFFIXES, twin_file
from tests.load.twins import Study, make_upload, sha
from tests.serving import Server, free_port

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def apart() -> Iterator[tuple[Server, tuple[Study, ...]]]:
    with server_with_twins() as made:
        yield made


@pytest.fixture
def visitor(apart: tuple[Server, tuple[Study, ...]]) -> Iterator[Session]:
    with Session(apart[0].address) as session:
        yield session.run()


def healthy(server: Server) -> bool:
    return requests.get(f"{server.address}/_stcore/health", timeout=30).text == "ok"


def test_pairs_of_visitors_get_nothing_of_each_other(apart: tuple[Server, tuple[Study, ...]]) -> None:
    tally = run_pairs(*apart, count=6, seed=1)
    assert tally.wrong == []
    assert tally.compared == 6 * 2 * 7


def test_twin_downloads_of_4_mb_are_exact_in_two_sessions(tmp_path_factory: pytest.TempPathFactory) -> None:
    server = Server(tmp_path_factory.mktemp("twins"), free_port(), "tests/load/twin_app.py")
    try:
        with Session(server.address, query="seed=0") as one, Session(server.address, query="seed=1") as two:
            shown = [each.run().of_kind("download_button") for each in (one, two)]
            for seed, (session, buttons) in enumerate(zip((one, two), shown, strict=True)):
                assert len(buttons) == len(SUFFIXES)
                for suffix, button in zip(SUFFIXES, buttons, strict=True):
                    got = session.fetch(button.url)  # type: ignore[attr-defined]
                    assert sha(got) == sha(twin_file(seed, suffix, given=True).data)
    finally:
        server.stop()


def test_an_upload_without_or_with_a_forged_token_is_refused(visitor: Session) -> None:
    target = visitor.upload_target("a.png")
    for token in ("", "2|00000000|00000000000000000000000000000000|0"):
        assert visitor.put(target.upload_url, "a.png", b"x", token).status_code == 403


def test_an_upload_to_an_unknown_session_is_refused(visitor: Session) -> None:
    target = visitor.upload_target("a.png").upload_url.replace(visitor.id, "0" * len(visitor.id))
    assert visitor.put(target, "a.png", b"x").status_code == 400


def test_an_upload_above_the_limit_is_refused_before_it_is_read(
    visitor: Session, apart: tuple[Server, tuple[Study, ...]]
) -> None:
    target = visitor.upload_target("a.png")
    visitor.put(target.upload_url, "a.png", b"x")  # for the cookie
    said = {"Content-Length": str(201 * 2**20), "X-Xsrftoken": visitor.http.cookies[XSRF]}
    request = requests.Request("PUT", visitor.address + target.upload_url, data=b"x", headers=said)
    prepared = visitor.http.prepare_request(request)
    prepared.headers["Content-Length"] = said["Content-Length"]
    assert visitor.http.send(prepared, timeout=30).status_code == 413
    assert healthy(apart[0])


def test_a_foreign_origin_gets_no_session(apart: tuple[Server, tuple[Study, ...]]) -> None:
    with pytest.raises(InvalidStatus) as refused:
        Session(apart[0].address, origin="http://elsewhere.example")
    assert refused.value.response.status_code == 403


def test_forty_uploads_tied_to_no_widget_do_no_harm_to_others(
    visitor: Session, apart: tuple[Server, tuple[Study, ...]]
) -> None:
    with Session(apart[0].address) as other:
        other.run()
        for _ in range(40):
            target = other.upload_target("a.bin")
            assert other.put(target.upload_url, "a.bin", b"\0" * 2**16).status_code == 204
        own = make_upload(7)
        visitor.upload("upload", own.file.name, own.file.data)
        visitor.until(lambda: f"case={own.case_id}" in visitor.query)


def test_junk_ends_only_the_connection_that_sent_it(
    visitor: Session, apart: tuple[Server, tuple[Study, ...]]
) -> None:
    with Session(apart[0].address) as odd:
        odd.send(b"\xff" * 1000)
        with pytest.raises(ConnectionClosed):
            odd.run()
    assert "Which case" in visitor.run().words()


def test_a_client_that_never_reads_keeps_nobody_waiting(
    visitor: Session, apart: tuple[Server, tuple[Study, ...]]
) -> None:
    with Session(apart[0].address) as deaf:
        for _ in range(100):
            deaf.send(BackMsg(rerun_script=deaf.state()))
        assert "Which case" in visitor.run().words()
    assert healthy(apart[0])
