"""The audit as files."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from core.audit import audit_study, read_study, read_study_paths
from core.cli import main
from core.report.audit import audit_html, audit_json
from core.types import NamedBytes

GOLDEN = Path(__file__).resolve().parents[2] / "assets" / "audit" / "golden_two_class_mil.json"


def test_page_holds_verdict_every_finding_and_every_matrix() -> None:
    found = audit_study(read_study_paths([GOLDEN]))
    page = audit_html(found).data.decode()
    assert found.verdict in page and page.count('class="finding ') == len(found.findings)
    assert page.count("<th>Fold ") == 5 and "<script" not in page
    assert all(each.title in page for each in found.recommendations)


def test_names_from_files_are_text_not_markup() -> None:
    evil = "<img src=x onerror=alert(1)>"
    document = {
        "title": evil,
        "classes": [evil, "b"],
        "folds": [{"fold": evil, "confusion": [[9, 1], [40, 0]]}],
    }
    found = audit_study(read_study([NamedBytes(f"{evil}.json", json.dumps(document).encode())]))
    assert found.findings
    page = audit_html(found).data.decode()
    assert "<img" not in page and "&lt;img" in page


def test_json_file_is_the_document_of_the_command() -> None:
    found = audit_study(read_study_paths([GOLDEN]))
    printed = CliRunner().invoke(main, ["audit", str(GOLDEN), "--json"]).stdout
    document = json.loads(audit_json(found).data)
    assert document["findings"] == json.loads(printed)["findings"]


def test_command_writes_the_page(tmp_path: Path) -> None:
    out = tmp_path / "audit.html"
    assert CliRunner().invoke(main, ["audit", str(GOLDEN), "--out", str(out)]).exit_code == 0
    assert out.read_bytes() == audit_html(audit_study(read_study_paths([GOLDEN]))).data


def test_page_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        main, ["audit", str(GOLDEN), "--out", str(tmp_path / "a" / "b.html" / "c.html")]
    )
    assert done.exit_code == 0
    blocked = CliRunner().invoke(main, ["audit", str(GOLDEN), "--out", str(GOLDEN / "page.html")])
    assert blocked.exit_code == 2 and "The page cannot be written" in blocked.stderr
