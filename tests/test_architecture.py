"""The import rules of the design: one home per heavy dependency, stages that do not call each other."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(
    [
        ROOT / "app.py",
        *(path for top in ("core", "pages", "benchmarks") for path in (ROOT / top).rglob("*.py")),
    ]
)

HOMES = {
    "streamlit": ("app.py", "serve.py", "pages/"),
    "torch": ("core/models/", "core/inference/", "core/detector/", "core/train/", "benchmarks/"),
    "torchvision": ("core/models/", "core/train/"),
    "timm": ("core/models/", "benchmarks/"),
    "segmentation_models_pytorch": ("core/models/", "benchmarks/"),
    "onnxruntime": ("core/inference/", "benchmarks/"),
    "duckdb": ("core/store/",),
    "nibabel": ("core/io/",),
    "pydicom": ("core/io/",),
    "highdicom": ("core/io/",),
    "PIL": ("core/io/", "benchmarks/"),
    "plotly": ("core/view/",),
}
STAGES = {
    "io",
    "cohort",
    "corruptions",
    "models",
    "inference",
    "uncertainty",
    "detector",
    "metrics",
    "store",
    "engine",
    "view",
}
STAGE_MAY_USE = {("inference", "models")}
"""Networks are built and their weights checked by models; inference runs them."""

FORBIDDEN_TEXT = {
    r"weights_only\s*=\s*False": "a pickle could run code",
    r"allow_pickle\s*=\s*True": "a pickle could run code",
    r"^\s*(import|from) (pickle|joblib)\b": "a pickle could run code",
    r"unsafe_allow_html\s*=\s*True": "file names are untrusted markup",
    r"np\.random\.(seed|rand|randn|normal|uniform|randint|choice|shuffle)\(": "global random state",
    r"torch\.manual_seed\(|(?<![.\w])random\.seed\(": "global random state",
}


def imported(path: Path) -> set[str]:
    """Full names of the modules that a file imports anywhere, at the top or inside a function."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_sources_are_found() -> None:
    assert len(SOURCES) > 20


@pytest.mark.parametrize("library", HOMES)
def test_heavy_library_stays_in_its_home(library: str) -> None:
    strays = [
        relative(path)
        for path in SOURCES
        if not relative(path).startswith(HOMES[library])
        and any(name == library or name.startswith(f"{library}.") for name in imported(path))
    ]
    assert strays == []


def test_stages_do_not_import_each_other() -> None:
    wrong = []
    for path in SOURCES:
        parts = relative(path).split("/")
        if parts[0] != "core" or parts[1] not in STAGES:
            continue
        used = {name.split(".")[1] for name in imported(path) if name.startswith("core.")} & STAGES
        wrong += [
            (relative(path), other) for other in used - {parts[1]} if (parts[1], other) not in STAGE_MAY_USE
        ]
    assert wrong == []


def test_core_knows_nothing_of_the_pages() -> None:
    wrong = [relative(p) for p in SOURCES if relative(p).startswith("core/") and "pages" in str(imported(p))]
    assert wrong == []


@pytest.mark.parametrize("pattern", FORBIDDEN_TEXT)
def test_forbidden_text_is_absent(pattern: str) -> None:
    strays = [
        f"{relative(path)}:{number} ({FORBIDDEN_TEXT[pattern]})"
        for path in SOURCES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(pattern, line)
    ]
    assert strays == []


@pytest.mark.parametrize(
    "module", ["core", "core.pipeline", "core.cli", "core.store", "core.io", "core.view"]
)
def test_import_loads_neither_torch_nor_streamlit(module: str) -> None:
    code = f"import sys, {module}; print([m for m in ('torch', 'streamlit') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr
