"""A training audit as files: one HTML page without scripts, and the JSON of everything."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from core import __version__
from core.report.export import NOTICE, named
from core.types import NamedBytes
from core.view.audit_charts import fold_table
from core.view.words import count, number

if TYPE_CHECKING:
    from core.audit import Audit, Finding, FoldRow

STYLE = Path(__file__).with_name("audit.css")


def audit_json(audit: Audit) -> NamedBytes:
    """The audit as JSON, the same document as `python -m core audit --json`."""
    return named("second-look-audit", ".json", audit.model_dump_json(indent=1).encode())


def audit_html(audit: Audit) -> NamedBytes:
    """One self-contained page: verdict, findings by severity, folds with their matrices, what to do.

    Every text of the audited files is escaped.
    """
    title = escape(audit.title or "Training audit")
    counts = " · ".join(
        (count(audit.count("error"), "error"), count(audit.count("warning"), "warning"),
         count(audit.count("info"), "note"))
    )  # fmt: skip
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{STYLE.read_text(encoding='utf-8')}</style></head><body>"
        f'<h1>{title}</h1><p class="quiet">Training audit · {NOTICE}</p>'
        f'<p class="answer"><strong>{escape(audit.verdict)}</strong></p><p>{counts}</p>'
        f"<h2>Findings</h2>{''.join(map(_finding, audit.findings)) or '<p>None.</p>'}"
        f'<h2>Folds</h2><div class="scroll">{_table(fold_table(audit))}</div>'
        '<p class="quiet">Intervals: 95 %, Wilson for shares of cases, Hanley and McNeil for AUC; '
        "of the mean Student's t over folds, taken as independent.</p>"
        f"{_matrices(audit)}{_thresholds(audit)}{_advice(audit)}"
        f"{_listed('What holds', audit.held)}{_listed('What could not be checked', audit.not_checked)}"
        f"<footer>Files: {escape(', '.join(audit.sources) or '–')} · Second Look "
        f"{__version__}<br>{NOTICE}</footer>"
        "</body></html>"
    )
    return named("second-look-audit", ".html", page.encode())


def _finding(found: Finding) -> str:
    return (
        f'<div class="finding {found.severity}"><p><strong>{found.severity}: {escape(found.title)}</strong> '
        f"({escape(found.where)})</p><p>{escape(found.evidence)}</p>"
        f'<p class="quiet">{escape(found.advice)} <code>{escape(found.code)}</code></p></div>'
    )


def _table(rows: list[dict[str, str]]) -> str:
    if not rows:
        return "<p>None.</p>"
    head = "".join(f"<th>{escape(name)}</th>" for name in rows[0])
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(row.get(name, '')))}</td>" for name in rows[0]) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _matrices(audit: Audit) -> str:
    drawn = [_matrix(row, audit.classes) for row in audit.folds if row.confusion is not None]
    if not drawn:
        return ""
    words = '<p class="quiet">Rows: reference; columns: predicted.</p>'
    return f'<h2>Confusion matrices</h2>{words}<div class="matrices">{"".join(drawn)}</div>'


def _matrix(row: FoldRow, classes: tuple[str, ...]) -> str:
    named_rows = [
        {f"Fold {row.fold}": name} | {other: str(n) for other, n in zip(classes, line, strict=True)}
        for name, line in zip(classes, row.confusion or (), strict=True)
    ]
    return f"<div>{_table(named_rows)}</div>"


def _thresholds(audit: Audit) -> str:
    if not audit.thresholds:
        return ""
    rows = [
        {"fold": each.fold, "threshold": number(each.threshold), "fitted on": each.fitted_on,
         "balanced accuracy at 0.5": number(each.before), "at the threshold": number(each.after),
         "gain [99 %]": f"{each.gain:+.3f} [{each.low:+.3f}, {each.high:+.3f}]"}
        for each in audit.thresholds
    ]  # fmt: skip
    return f"<h2>Threshold calibration</h2>{_table(rows)}"


def _advice(audit: Audit) -> str:
    items = "".join(
        f"<li><strong>{escape(each.title)}.</strong> {escape(each.text)} "
        f'<span class="quiet">answers {escape(", ".join(each.answers))}</span></li>'
        for each in audit.recommendations
    )
    return f"<h2>What to do</h2><ul>{items}</ul>" if items else ""


def _listed(title: str, sentences: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(each)}</li>" for each in sentences)
    return f"<h2>{title}</h2><ul>{items}</ul>" if items else ""
