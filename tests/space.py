"""`python -m tests.space [--here]`: do in a clean directory what the Dockerfile does, and visit the result.

There is no container engine everywhere. Replayed: which files are copied, the installation into a fresh
environment, every ENV, and CMD. Not replayed: the base image, the user, and PyTorch's own index (the packages
come from the index that pip is set to). --here uses this environment instead of a fresh one.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path

from tests.load.client import Session
from tests.serving import ROOT, Server, free_port


@dataclass(frozen=True)
class Recipe:
    """What a Dockerfile says. port: the one that CMD names."""

    environment: dict[str, str]
    copied: tuple[str, ...]
    installs: tuple[str, ...]
    command: tuple[str, ...]

    @property
    def port(self) -> str:
        return next(each.partition("=")[2] for each in self.command if each.startswith("--server.port="))


def read_recipe(path: Path) -> Recipe:
    """The instructions that can be replayed."""
    environment: dict[str, str] = {}
    copied: list[str] = []
    installs: list[str] = []
    command: tuple[str, ...] = ()
    for line in path.read_text(encoding="utf-8").splitlines():
        word, _, rest = line.partition(" ")
        if word == "ENV":
            environment |= dict(each.split("=", 1) for each in shlex.split(rest))
        elif word == "COPY":
            copied += [each for each in shlex.split(rest)[:-1] if not each.startswith("--")]
        elif word == "RUN" and "pip install" in rest:
            installs += [shlex.split(rest)[-1]]
        elif word == "CMD":
            command = tuple(json.loads(rest))
    return Recipe(environment, tuple(copied), tuple(installs), command)


def copy_files(folder: Path) -> None:
    """What `COPY . .` takes: the files of the repository, less those that .dockerignore names at the top."""
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    for name in listed.decode().split("\0"):
        if name and name.split("/")[0] not in ignored:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)


def start(recipe: Recipe, folder: Path, programs: Path) -> Server:
    """CMD in the copied directory, on a free port of this machine."""
    port = free_port()
    home = folder.parent / "data"
    home.mkdir()
    environment = {**os.environ, **recipe.environment, "SECOND_LOOK_HOME": str(home)}
    program, *given = recipe.command
    options = [each for each in given if not each.startswith(("--server.port=", "--server.address="))]
    command = [str(programs / program), *options, "--server.address=127.0.0.1", f"--server.port={port}"]
    return Server(home, port, command=command, environment=environment, folder=folder)


def visit(server: Server) -> list[str]:
    """What a visitor sees, and what must not be there; sentences about what is wrong."""
    wrong = []
    with Session(server.address) as visitor:
        visitor.run()
        shown = " ".join(str(each) for each in visitor.of_kind("alert"))
        if "Public demo" not in shown:
            wrong.append("the page does not say that this is a public demo")
    written = [each.name for each in server.home.rglob("*") if each.is_file() and each.name != "server.log"]
    if written:
        wrong.append(f"files were written: {', '.join(written[:5])}")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.space", description=__doc__)
    parser.add_argument("--here", action="store_true", help="use this environment instead of a fresh one")
    here = parser.parse_args().here
    recipe = read_recipe(ROOT / "Dockerfile")
    with tempfile.TemporaryDirectory(prefix="second-look-space-") as made:
        folder = Path(made) / "app"
        copy_files(folder)
        programs = Path(sys.executable).parent
        if not here:
            fresh = Path(made) / "venv"
            venv.create(fresh, with_pip=True)
            programs = fresh / "bin"
            for name in recipe.installs:
                subprocess.run([programs / "pip", "install", "-q", "-r", folder / name], check=True)
        server = start(recipe, folder, programs)
        try:
            wrong = visit(server)
        finally:
            server.stop()
    sys.stdout.write("\n".join(wrong or ["the demo starts, says what it is, and writes nothing"]) + "\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
