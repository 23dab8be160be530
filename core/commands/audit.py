"""`audit`: can the scores of a training be true, did anything collapse?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from core.audit.codes import CODES
from core.audit.records import SEVERITIES
from core.commands.gates import GATE_NOT_MET
from core.commands.output import one_line
from core.errors import SettingsProblem

if TYPE_CHECKING:
    from core.audit import Audit


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path())
@click.option("--json", "as_json", is_flag=True)
@click.option("--out", type=click.Path(dir_okay=False), help="Also write the audit as an HTML page here.")
@click.option(
    "--fail-on", "gates", multiple=True, metavar="warning|error|CODE",
    help="Exit with code 3 when there is a finding of this severity or worse, or of this code.",
)  # fmt: skip
def audit(files: tuple[str, ...], as_json: bool, out: str | None, gates: tuple[str, ...]) -> None:
    """Audit a cross-validated training: reported results, predictions, or logs; several FILES at once."""
    from core.audit import audit_study, read_study_paths

    check_gates(gates)
    found = audit_study(read_study_paths(files))
    if out:
        _write_page(found, Path(out))
    click.echo(found.model_dump_json() if as_json else _lines(found))
    met = [gate for gate in gates if fails(found, gate)]
    for gate in met:
        click.echo(f"second-look: gate not met: {gate}", err=True)
    if met:
        sys.exit(GATE_NOT_MET)


def _write_page(found: Audit, path: Path) -> None:
    from core.report.audit import audit_html

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(audit_html(found).data)
    except OSError as error:
        raise SettingsProblem(
            "The page cannot be written", file=str(path), found=error.strerror or type(error).__name__,
            expected="a place that may be written", fix="give another place with --out",
        ) from error  # fmt: skip


def check_gates(gates: tuple[str, ...]) -> None:
    """Raises SettingsProblem for a gate that is neither a severity nor a code."""
    known = (*SEVERITIES, *(each.code for each in CODES))
    for gate in gates:
        if gate not in known:
            raise SettingsProblem(
                "A gate names an unknown finding", found=repr(gate), expected=f"one of {', '.join(known)}",
                fix="use one of these in --fail-on",
            )  # fmt: skip


def fails(found: Audit, gate: str) -> bool:
    """Whether a finding has that code, or that severity or a worse one."""
    if gate in SEVERITIES:
        worse = SEVERITIES[: SEVERITIES.index(gate) + 1]
        return any(each.severity in worse for each in found.findings)
    return any(each.code == gate for each in found.findings)


def _lines(found: Audit) -> str:
    lines = [one_line(found.title)] if found.title else []
    lines.append(found.verdict)
    for each in found.findings:
        lines.append(f"{each.severity:7} {each.code}, {one_line(each.where)}: {one_line(each.evidence)}")
    for row in found.summary:
        sd = "" if row.sd is None else f", SD {row.sd:.4f} (n-1), {row.sd_n:.4f} (n)"
        within = "" if row.low is None else f" [{row.low:.4f}, {row.high:.4f}]"
        lines.append(
            f"{row.label}: mean {row.mean:.4f}{within}{sd}, {row.minimum:.4f} to {row.maximum:.4f}, "
            f"{row.folds} fold{'s' if row.folds != 1 else ''}"
        )
    lines += [
        f"To do: {each.title}. {each.text} ({', '.join(each.answers)})" for each in found.recommendations
    ]
    lines += [f"Holds: {each}" for each in found.held]
    lines += [f"Not checked: {each}" for each in found.not_checked]
    return "\n".join(lines)
