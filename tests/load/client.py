"""One session of the app over its websocket: what the browser's part of Streamlit does, without a browser."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
from google.protobuf.message import Message
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Block_pb2 import Block
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.Common_pb2 import FileUploaderState, FileURLs
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import connect

PATIENCE = 120.0
"""Seconds within which a run or a job must end."""

BIGGEST = 256 * 2**20
XSRF = "_streamlit_xsrf"


@dataclass(frozen=True)
class Shown:
    """A thing on the page, and the fragment that drew it ("" for the page itself)."""

    element: Message
    fragment: str


class Session:
    """A visitor. `shown` is the page by place; `messages` what was sent in full and may be named by hash."""

    def __init__(self, address: str, path: str = "", query: str = "", origin: str | None = None) -> None:
        self.address, self.path, self.query = address, path, query
        self.id = ""
        self.shown: dict[tuple[int, ...], Shown] = {}
        self._values: dict[str, WidgetState] = {}
        self._messages: dict[str, ForwardMsg] = {}
        self._page = ""
        self._urls: tuple[FileURLs, ...] = ()
        self.http = requests.Session()
        self.http.headers["Origin"] = address
        host = urlsplit(address).netloc
        self._open = ExitStack()
        opening = connect(
            f"ws://{host}/_stcore/stream", origin=origin or address, subprotocols=["streamlit"],
            max_size=BIGGEST, ping_interval=None, compression=None,
        )  # fmt: skip
        self._socket = self._open.enter_context(opening)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._open.close()
        self.http.close()

    def run(self, *changed: WidgetState, fragment: str = "") -> Session:
        """Send the state of all widgets, those changed last; read until the run that answers has ended."""
        for each in changed:
            self._values[each.id] = each
        self.send(BackMsg(rerun_script=self.state(fragment)))
        for each in changed:
            if each.WhichOneof("value") == "trigger_value":
                del self._values[each.id]
        self._read_until(
            lambda message: message.WhichOneof("type") == "script_finished" and not early(message)
        )
        return self

    def state(self, fragment: str = "") -> ClientState:
        """What the browser says of itself when it asks for a run."""
        state = ClientState(
            query_string=self.query, page_name="" if self._page else self.path, page_script_hash=self._page,
            fragment_id=fragment, cached_message_hashes=list(self._messages),
        )  # fmt: skip
        state.widget_states.widgets.extend(self._values.values())
        state.context_info.url = f"{self.address}/{self.path}"
        return state

    def go(self, path: str, query: str = "") -> Session:
        """Another page in the same session."""
        self.path, self.query, self._page = path, query, ""
        return self.run()

    def press(self, key: str) -> Session:
        found = self.find(key)
        return self.run(WidgetState(id=id_of(found.element), trigger_value=True), fragment=found.fragment)

    def fill(self, key: str, text: str) -> None:
        """Type into a field of a form; it travels with the next run."""
        widget = id_of(self.find(key).element)
        self._values[widget] = WidgetState(id=widget, string_value=text)

    def press_form(self, label: str) -> Session:
        """The button of a form, which has no key, by its label."""
        found = next(each for each in self.of_kind("button") if each.label == label)  # type: ignore[attr-defined]
        return self.run(WidgetState(id=found.id, trigger_value=True))  # type: ignore[attr-defined]

    def switch(self, key: str) -> Session:
        """Open what is unfolded by a boolean: a popover, an expander, a toggle."""
        found = self.find(key)
        return self.run(WidgetState(id=id_of(found.element), bool_value=True), fragment=found.fragment)

    def upload(self, key: str, name: str, data: bytes) -> Session:
        """Choose a file, as in the browser: ask for its address, put the bytes there, tell the widget."""
        target = self.upload_target(name)
        answer = self.put(target.upload_url, name, data)
        answer.raise_for_status()
        state = FileUploaderState()
        state.uploaded_file_info.add(name=name, size=len(data), file_id=target.file_id, file_urls=target)
        widget = id_of(self.find(key).element)
        return self.run(WidgetState(id=widget, file_uploader_state_value=state))

    def upload_target(self, name: str) -> FileURLs:
        ask = BackMsg()
        ask.file_urls_request.request_id = uuid.uuid4().hex
        ask.file_urls_request.session_id = self.id
        ask.file_urls_request.file_names.append(name)
        self.send(ask)
        self._read_until(lambda message: message.WhichOneof("type") == "file_urls_response")
        return self._urls[0]

    def put(self, url: str, name: str, data: bytes, token: str | None = None) -> requests.Response:
        """Put a file; token: another XSRF token than the one that the server gave."""
        if XSRF not in self.http.cookies:
            self.http.get(f"{self.address}/_stcore/health", timeout=PATIENCE)
        sent = self.http.cookies[XSRF] if token is None else token
        return self.http.put(
            self.address + url, files={"file": (name, data)}, headers={"X-Xsrftoken": sent}, timeout=PATIENCE
        )

    def fetch(self, url: str) -> bytes:
        """The bytes behind a media address."""
        answer = self.http.get(self.address + url, timeout=PATIENCE)
        answer.raise_for_status()
        return answer.content

    def until(self, reached: Callable[[], bool]) -> Session:
        """Run again, as the page itself does while a job goes on, until something is there."""
        deadline = time.monotonic() + PATIENCE
        while not reached():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.path} did not get there; it shows {self.words()[:2000]}")
            time.sleep(0.1)
            self.run()
        return self

    def find(self, key: str) -> Shown:
        """The widget with this key."""
        for each in self.shown.values():
            if id_of(each.element).endswith(f"-{key}"):
                return each
        raise LookupError(f"no widget {key!r} on {self.path or '/'}; it shows {self.words()[:2000]}")

    def has(self, key: str) -> bool:
        return any(id_of(each.element).endswith(f"-{key}") for each in self.shown.values())

    def of_kind(self, kind: str) -> list[Message]:
        """Everything of one kind, by its field in Streamlit's Element: "imgs", "download_button"."""
        found = [each.element for _, each in sorted(self.shown.items())]
        return [
            getattr(each, kind)
            for each in found
            if isinstance(each, Element) and each.WhichOneof("type") == kind
        ]

    def words(self) -> str:
        """What the page says in Markdown, headings and alerts."""
        kinds = ("markdown", "heading", "alert")
        return "\n".join(getattr(each, "body", "") for kind in kinds for each in self.of_kind(kind))

    def send(self, message: BackMsg | bytes) -> None:
        self._socket.send(message if isinstance(message, bytes) else message.SerializeToString())

    def _read_until(self, ended: Callable[[ForwardMsg], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            data = self._socket.recv(timeout=max(0.1, deadline - time.monotonic()))
            message = ForwardMsg()
            message.ParseFromString(data if isinstance(data, bytes) else data.encode())
            self._take(message)
            if ended(message):
                return

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "ref_hash":
            known = self._messages[message.ref_hash]
            self._draw(tuple(message.metadata.delta_path), known)
            return
        if message.metadata.cacheable and message.hash:
            self._messages[message.hash] = message
        if kind == "new_session":
            self._begin(message)
        elif kind == "navigation":
            # A new session names the first page until the menu has found the one that was asked for.
            self._page = message.navigation.page_script_hash
        elif kind == "delta":
            self._draw(tuple(message.metadata.delta_path), message)
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "file_urls_response":
            self._urls = tuple(message.file_urls_response.file_urls)

    def _begin(self, message: ForwardMsg) -> None:
        begun = message.new_session
        self.id = begun.initialize.session_id or self.id
        self._page = begun.page_script_hash
        if not message.metadata.run.fragment_ids:
            self.shown.clear()

    def _draw(self, path: tuple[int, ...], message: ForwardMsg) -> None:
        delta = message.delta
        if delta.WhichOneof("type") == "new_element":
            self.shown[path] = Shown(delta.new_element, delta.fragment_id)
        elif delta.WhichOneof("type") == "add_block":
            self.shown[path] = Shown(delta.add_block, delta.fragment_id)


def id_of(shown: Message) -> str:
    """The widget id of an element or a block, "" where it has none."""
    if isinstance(shown, Block) and shown.id:
        return shown.id
    kind = shown.WhichOneof("type")
    return str(getattr(getattr(shown, kind), "id", "")) if kind else ""


def early(message: ForwardMsg) -> bool:
    """Whether a run ended only because another one follows at once."""
    return message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN
