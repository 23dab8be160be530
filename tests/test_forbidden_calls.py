"""Calls that may stand nowhere in the program, told from the syntax tree, and a planted line for each."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.test_architecture import SOURCES, relative

NAMES = {
    "os.fork": "a fork shares the store's lock",
    "os.forkpty": "a fork shares the store's lock",
    "os.system": "a shell runs what a file name says",
    "os.popen": "a shell runs what a file name says",
    "subprocess.getoutput": "a shell runs what a file name says",
    "subprocess.getstatusoutput": "a shell runs what a file name says",
    "pandas.read_pickle": "a pickle could run code",
    "yaml.load": "a tag could run code",
    "yaml.unsafe_load": "a tag could run code",
    "yaml.full_load": "a tag could run code",
    "eval": "text runs as code",
    "exec": "text runs as code",
    "builtins.eval": "text runs as code",
    "builtins.exec": "text runs as code",
    "random.seed": "global random state",
    "numpy.random.seed": "global random state",
    "torch.seed": "global random state",
    "torch.manual_seed": "global random state",
    "torch.random.manual_seed": "global random state",
    "torch.cuda.manual_seed": "global random state",
    "torch.cuda.manual_seed_all": "global random state",
}
"""Full names of functions, after the imports of the file are looked up."""

METHODS = {"extractall": "an archive writes where its members say"}
"""Methods of any object."""

ARCHIVES = ("zipfile", "tarfile", "shutil")
"""A file that uses one of these may call no method `extract`, and `shutil.unpack_archive` not at all."""

KEYWORDS = {
    "allow_pickle": "a pickle could run code",
    "shell": "a shell runs what a file name says",
}
"""Keyword arguments that may be given only as False."""

START_METHODS = ("get_context", "set_start_method")


def full_names(tree: ast.Module) -> dict[str, str]:
    """What each imported name stands for: `import numpy as np` makes np numpy."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                top = each.name.partition(".")[0]
                names[each.asname or top] = each.name if each.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
    return names


def dotted(node: ast.expr) -> str:
    """`a.b.c` of a chain of names, "" for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        start = dotted(node.value)
        return f"{start}.{node.attr}" if start else ""
    return ""


def is_constant(node: ast.expr, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def complaints(source: str) -> Iterator[tuple[int, str]]:
    """(line, reason) of every call in `source` that is forbidden."""
    tree = ast.parse(source)
    names = full_names(tree)
    archives = any(each.partition(".")[0] in ARCHIVES for each in names.values())
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        first, dot, rest = dotted(node.func).partition(".")
        name = f"{names.get(first, first)}{dot}{rest}"
        method = node.func.attr if isinstance(node.func, ast.Attribute) else name.rpartition(".")[2]
        reasons = [NAMES.get(name), METHODS.get(method) if isinstance(node.func, ast.Attribute) else None]
        if (archives and method == "extract") or name == "shutil.unpack_archive":
            reasons.append(METHODS["extractall"])
        literals = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)]
        if method in START_METHODS and "fork" in literals:
            reasons.append(NAMES["os.fork"])
        for keyword in node.keywords:
            if keyword.arg in KEYWORDS and not is_constant(keyword.value, False):
                reasons.append(KEYWORDS[keyword.arg])
            if keyword.arg == "verify" and is_constant(keyword.value, False):
                reasons.append("anyone may answer for the server")
        yield from ((node.lineno, reason) for reason in reasons if reason)


def test_no_forbidden_call_stands_in_the_program() -> None:
    assert len(SOURCES) > 20
    found = [
        f"{relative(path)}:{line} ({reason})"
        for path in SOURCES
        for line, reason in complaints(path.read_text())
    ]
    assert found == []


PLANTED = (
    *(f"import {name.partition('.')[0]}\n{name}(x)" for name in NAMES if "." in name),
    "eval(text)",
    "exec(text)",
    "import random as r\nr.seed(1)",
    "import numpy as np\nnp.random.seed(0)",
    "from torch import manual_seed\nmanual_seed(0)",
    "from os import fork as split\nsplit()",
    "import zipfile\nzipfile.ZipFile(p).extractall(q)",
    "with tarfile.open(p) as t:\n    t.extractall()",
    "import zipfile\nzipfile.ZipFile(p).extract('a')",
    "import shutil\nshutil.unpack_archive(p)",
    "import multiprocessing as mp\nmp.get_context('fork')",
    "import multiprocessing\nmultiprocessing.set_start_method(method='fork')",
    "import pandas as pd\npd.read_pickle(p)",
    "import numpy as np\nnp.load(p, allow_pickle=True)",
    "import numpy as np\nnp.load(p, allow_pickle=flag)",
    "import subprocess\nsubprocess.run(c, shell=True)",
    "import yaml\nyaml.load(t, Loader=yaml.Loader)",
    "import requests\nrequests.get(u, verify=False)",
)


@pytest.mark.parametrize("source", PLANTED)
def test_planted_call_is_found(source: str) -> None:
    assert [line for line, _ in complaints(source)] == [2 if "\n" in source else 1]


@pytest.mark.parametrize(
    "source",
    [
        "network.eval()",
        "self.exec(command)",
        "import torch\ntorch.Generator().manual_seed(3)",
        "import numpy as np\nnp.random.default_rng(3)",
        "import numpy as np\nnp.load(p, allow_pickle=False)",
        "import multiprocessing\nmultiprocessing.get_context('spawn')",
        "import re\nfeatures.extract(x)",
        "import yaml\nyaml.safe_load(t)",
        "import zipfile\nzipfile.ZipFile(p).open('a')",
        "text = 'eval(x) os.fork() shell=True'",
    ],
)
def test_harmless_line_is_left_alone(source: str) -> None:
    assert list(complaints(source)) == []
