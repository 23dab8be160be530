"""Members of a zip, read one by one in memory; nothing is ever written to a path from an archive."""

from __future__ import annotations

import io
import itertools
import stat
import struct
import zipfile
import zlib

from core.errors import InputProblem
from core.io.limits import Limits
from core.io.names import display_name
from core.io.sniff import sniff
from core.types import NamedBytes

_ENTRY, _END = b"PK\x01\x02", b"PK\x05\x06"
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, NotImplementedError,
    UnicodeDecodeError, OverflowError, IndexError,
)  # fmt: skip
"""What zipfile throws for damaged archives: a negative offset, for one, ends in a ValueError."""
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_JUNK_NAMES = ("dicomdir", "thumbs.db", "desktop.ini", "lockfile", "version")
_JUNK_SUFFIXES = (
    ".txt",
    ".md",
    ".xml",
    ".json",
    ".csv",
    ".html",
    ".htm",
    ".pdf",
    ".exe",
    ".dll",
    ".inf",
    ".ini",
)
_ENCRYPTED = 0x1


class Members:
    """The files of one zip, checked together when it is opened and read one at a time, in memory.

    Every member is checked against the directory before the first one is unpacked: count, declared
    size, ratio, overlap, encryption, links, paths that leave the archive.
    """

    def __init__(self, data: bytes, limits: Limits) -> None:
        """Raises InputProblem where one member breaks a rule."""
        self._archive = _open(data, limits)
        self._limits = limits
        entries = [entry for entry in self._archive.infolist() if not entry.is_dir()]
        if not entries:
            raise _refused("it holds no files", "an archive with the images of one series", "add the images")
        for entry in entries:
            _check_entry(entry, limits)
        _check_together(entries, limits)
        self._entries = entries

    @property
    def names(self) -> tuple[str, ...]:
        """Names as stored, in the order of the directory."""
        return tuple(entry.filename for entry in self._entries)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Unpacked bytes of each member, as declared."""
        return tuple(entry.file_size for entry in self._entries)

    def read(self, index: int, left: int | None = None, *, arrays: bool = False) -> bytes:
        """One member, at most `left` bytes; with `arrays` it may be a .npz, which is a zip itself."""
        most = self._limits.inflated if left is None else left
        data = _read(self._archive, self._entries[index], most)
        if sniff(data) == "zip" and not (arrays and is_npz(data)):
            raise _refused(
                f"member {display_name(self.names[index])} is itself a zip",
                "images, not archives, inside the zip",
                "unpack the inner archive first",
            )
        return data


def read_members(data: bytes, limits: Limits) -> tuple[list[NamedBytes], tuple[str, ...]]:
    """The members that may be images, and a note on those that were skipped; see `Members` for refusals."""
    found, left = Members(data, limits), limits.inflated
    members = []
    for index, name in enumerate(found.names):
        if not is_junk(name):
            members.append(NamedBytes(name, found.read(index, left)))
            left -= len(members[-1].data)
    return members, skipped_note([name for name in found.names if is_junk(name)])


def is_npz(data: bytes) -> bool:
    """Whether a zip holds nothing but .npy members."""
    if not data.startswith(b"PK\x03\x04"):
        return False
    try:
        names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    except _DAMAGE:
        return False
    return bool(names) and all(name.endswith(".npy") for name in names)


def is_junk(name: str) -> bool:
    """Whether a file beside the images (a listing, a system file, a text) is left out."""
    parts = [part.lower() for part in name.replace("\\", "/").split("/")]
    hidden = any(part.startswith((".", "__macosx")) for part in parts if part not in (".", ".."))
    return hidden or parts[-1] in _JUNK_NAMES or parts[-1].endswith(_JUNK_SUFFIXES)


def skipped_note(names: list[str]) -> tuple[str, ...]:
    """A note on files that were left out, by kind of name, or nothing.

    Names themselves are not kept: archives name files and folders after patients.
    """
    if not names:
        return ()
    kinds = sorted({_kind_of_name(name) for name in names})
    shown = f"{', '.join(kinds[:5])}{' ...' if len(kinds) > 5 else ''}"
    return (f"{len(names)} file(s) that are not images were skipped: {shown}.",)


def _kind_of_name(name: str) -> str:
    shown = display_name(name)
    known = next((suffix for suffix in _JUNK_SUFFIXES if shown.lower().endswith(suffix)), "other")
    return shown if shown.lower() in _JUNK_NAMES else known


def _open(data: bytes, limits: Limits) -> zipfile.ZipFile:
    end = data.rfind(_END)
    if end < 0 or end + 22 > len(data):
        raise _refused(
            "it is cut off: its directory is missing", "a complete zip", "copy or upload the file again"
        )
    (size,) = struct.unpack_from("<I", data, end + 12)
    # Counted in the bytes themselves: the number that the directory states can be anything.
    count = data.count(_ENTRY, max(0, end - size) if size < len(data) else 0, end)
    if count > limits.members:
        raise _refused(
            f"it holds {count} members", f"at most {limits.members}", "upload one series at a time"
        )
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except _DAMAGE:
        raise _refused("its directory is damaged", "a valid zip", "copy or upload the file again") from None


def _check_entry(entry: zipfile.ZipInfo, limits: Limits) -> None:
    name = display_name(entry.filename)
    path = entry.filename.replace("\\", "/")
    if path.startswith("/") or path[1:2] == ":" or ".." in path.split("/"):
        raise _refused(
            f"member {name} has a path that leaves the archive", "plain relative names", "zip the files again"
        )
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise _refused(f"member {name} is a symbolic link", "plain files", "zip the files themselves")
    if entry.flag_bits & _ENCRYPTED:
        raise _refused(
            f"member {name} is encrypted with a password", "no password", "zip the files without a password"
        )
    if entry.compress_type not in _METHODS:
        raise _refused(
            f"member {name} uses compression method {entry.compress_type}",
            "stored or deflated members",
            "zip them again",
        )
    if entry.file_size > limits.ratio_floor and entry.file_size > limits.ratio * max(entry.compress_size, 1):
        raise _refused(
            f"member {name} unpacks to {entry.file_size / max(entry.compress_size, 1):.0f} times its size",
            f"at most {limits.ratio:.0f} times",
            "zip the original images",
        )


def _check_together(entries: list[zipfile.ZipInfo], limits: Limits) -> None:
    total = sum(entry.file_size for entry in entries)
    if total > limits.inflated:
        raise _refused(
            f"it unpacks to {total:,} bytes", f"at most {limits.inflated:,} bytes", "upload one series"
        )
    spans = sorted((entry.header_offset, entry.header_offset + 30 + entry.compress_size) for entry in entries)
    if any(later[0] < earlier[1] for earlier, later in itertools.pairwise(spans)):
        raise _refused(
            "members share the same bytes (overlap)", "members of their own", "zip the files again"
        )


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, left: int) -> bytes:
    """One member, never more than its declared size, checksum compared."""
    name = display_name(entry.filename)
    most = min(entry.file_size, left)
    try:
        with archive.open(entry) as stream:
            data = stream.read(most + 1)
    except _DAMAGE:
        raise _refused(
            f"member {name} is damaged (wrong checksum or data that does not unpack)",
            "intact members",
            "copy or upload the file again",
        ) from None
    if len(data) != entry.file_size:
        raise _refused(
            f"member {name} is not as long as the directory says", "a true directory", "zip the files again"
        )
    return data


def _refused(found: str, expected: str, fix: str) -> InputProblem:
    return InputProblem("The zip is refused", found=found, expected=expected, fix=fix)
