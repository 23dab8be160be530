"""The hash chain: what was written reads back, and whatever is changed afterwards shows where."""

from __future__ import annotations

import hashlib
import json

import pytest

from core.review import against_head, line_of, read_lines, sealed
from core.types.reviews import FIRST, Judged, LogEntry, Opinion


def chain(count: int) -> list[LogEntry]:
    entries: list[LogEntry] = []
    for number in range(1, count + 1):
        entries.append(
            sealed(
                LogEntry(
                    number=number,
                    previous=entries[-1].hash if entries else FIRST,
                    when_utc=f"2026-01-02T03:04:{number:02}.000Z",
                    reader="Ada",
                    action="decide",
                    judged=Judged(subject=f"case-{number}", confidence=number / 7),
                    opinion=Opinion(decision="accept", comment="größer, „so“"),
                )
            )
        )
    return entries


def test_a_written_chain_reads_back_whole():
    entries = chain(3)
    found, report = read_lines([line_of(each) for each in entries])
    assert found == tuple(entries)
    assert (report.ok, report.entries, report.head) == (True, 3, entries[-1].hash)


def test_the_hash_is_sha256_of_the_sorted_json_without_itself():
    written = json.loads(line_of(chain(1)[0]))
    stated = written.pop("hash")
    text = json.dumps(written, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    assert hashlib.sha256(text.encode()).hexdigest() == stated


def test_a_line_is_plain_ascii_without_breaks():
    line = line_of(chain(1)[0])
    assert line.isascii()
    assert "\n" not in line


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"accept"', '"reject"', "was changed"),
        ('"number":2', '"number":5', "the number 5"),
        ('"reader":"Ada"', '"reader":"Eve"', "was changed"),
        ('{"action"', '{"auction"', "cannot be read"),
        ("{", "", "cannot be read"),
    ],
)
def test_a_changed_entry_is_named(old, new, words):
    lines = [line_of(each) for each in chain(3)]
    assert old in lines[1]
    lines[1] = lines[1].replace(old, new, 1)
    found, report = read_lines(lines)
    assert len(found) == 1
    assert report.first_bad == 2
    assert "entry 2" in report.problems[0]
    assert words in report.problems[0]


def test_a_changed_entry_with_a_new_hash_breaks_the_next_one():
    entries = chain(3)
    forged = sealed(entries[1].model_copy(update={"reader": "Eve"}))
    _, report = read_lines([line_of(each) for each in (entries[0], forged, entries[2])])
    assert report.first_bad == 3
    assert "does not follow" in report.problems[0]


@pytest.mark.parametrize("gone", [0, 1])
def test_a_missing_entry_is_seen(gone):
    lines = [line_of(each) for each in chain(3)]
    del lines[gone]
    _, report = read_lines(lines)
    assert report.first_bad == gone + 1


def test_a_cut_end_is_seen_by_the_head_alone():
    entries = chain(3)
    found, report = read_lines([line_of(each) for each in entries[:2]])
    assert report.ok
    checked = against_head(report, found, (3, entries[-1].hash))
    assert "its end is missing" in checked.problems[0]


def test_a_log_written_again_from_the_start_is_seen_by_the_head():
    entries = chain(2)
    other = [sealed(entries[0].model_copy(update={"reader": "Eve"}))]
    other.append(sealed(entries[1].model_copy(update={"previous": other[0].hash})))
    found, report = read_lines([line_of(each) for each in other])
    assert report.ok
    assert "replaced" in against_head(report, found, (2, entries[-1].hash)).problems[0]


def test_a_log_one_entry_longer_than_its_head_is_whole():
    entries = tuple(chain(3))
    _, report = read_lines([line_of(each) for each in entries])
    assert against_head(report, entries, (2, entries[1].hash)).ok


def test_a_log_without_its_head_is_not_whole_and_an_empty_one_is():
    entries = tuple(chain(1))
    _, report = read_lines([line_of(each) for each in entries])
    assert not against_head(report, entries, None).ok
    assert against_head(read_lines([])[1], (), None).ok


def test_an_unreadable_head_is_no_head():
    entries = tuple(chain(1))
    _, report = read_lines([line_of(each) for each in entries])
    assert "cannot be read" in against_head(report, entries, (-1, "")).problems[0]


def test_an_entry_of_an_earlier_version_with_fewer_fields_is_whole():
    entry = json.loads(line_of(chain(1)[0]))
    del entry["hash"]
    del entry["note"]
    text = json.dumps(entry, sort_keys=True, separators=(",", ":"))
    entry["hash"] = hashlib.sha256(text.encode()).hexdigest()
    _, report = read_lines([json.dumps(entry, sort_keys=True, separators=(",", ":"))])
    assert report.ok
