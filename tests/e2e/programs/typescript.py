"""The TypeScript project and the sources of the elements, with the packages that they need."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.running.once import made_once

ROOT = Path(__file__).parents[3]
PROJECT = ROOT / "docs" / "typescript"
WEB = Path("src", "votes", "site")

needs_node = pytest.mark.skipif(
    shutil.which("npm") is None,
    reason="NO npm: NEITHER IS THE TYPESCRIPT CLIENT COMPILED NOR THE DESCRIPTION LINTED",
)


def copy_of_project(root: Path) -> Path:
    """The project in another folder, where its packages are installed."""
    shutil.copytree(ROOT / WEB / "source", root / WEB / "source")
    copy = root / "docs" / "typescript"
    ignored = shutil.ignore_patterns("node_modules", "dist")
    shutil.copytree(PROJECT, copy, ignore=ignored)
    (copy / "node_modules").symlink_to(made_once("node_modules", packages))
    return copy


def packages(folder: Path) -> Path:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PROJECT / name, folder)
    npm(folder, "ci", "--silent")
    return folder / "node_modules"


def npm(folder: Path, *arguments: str) -> None:
    done = subprocess.run(
        ["npm", *arguments], cwd=folder, capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
