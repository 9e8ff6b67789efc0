"""The TypeScript project and the sources of the elements, with the packages that they need."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
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
    npm(copy, "ci", "--silent")
    return copy


def npm(folder: Path, *arguments: str) -> None:
    done = subprocess.run(
        ["npm", *arguments], cwd=folder, capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
