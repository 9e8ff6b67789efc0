"""A file's address names its content: it changes with the file, and with nothing else."""

import shutil
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path

import pytest

from votes.site.assets import Assets, assets, assets_of

ELEMENTS = {f"elements/{name}" for name in ("elements.js", "elements.css", "proof.js")}
ALONE = {"site.css", "icon.svg", "icon.ico", "touch.png", "page.js", "desk.css", "docs.css"}
ALONE |= {"login.css", "draft.js", "bookmarks.js", "bookmarks.css"}

Changed = Callable[[str], Assets]


@pytest.fixture
def changed(tmp_path: Path) -> Changed:
    """The files of the site, one of them with a comment more."""
    with as_file(files("votes.site")) as site:
        for folder in ("assets", "elements"):
            shutil.copytree(site / folder, tmp_path / folder)

    def change(path: str) -> Assets:
        file = tmp_path / path
        file.write_text(f"{file.read_text()}/* more */")
        return assets_of(tmp_path)

    return change


def moved(now: Assets) -> set[str]:
    """The files whose address is not that of this release."""
    return {name for name, asset in now.items() if asset.hash != assets()[name].hash}


def test_the_files_are_these():
    assert assets().keys() == ELEMENTS | ALONE
    assert len({asset.hash for asset in assets().values()}) == len(ALONE) + 1


def test_a_colour_of_the_site_leaves_the_elements_as_they_are(changed: Changed):
    now = changed("assets/site.css")
    assert moved(now) == {"site.css"}
    assert {name: now[name] for name in ELEMENTS} == {name: assets()[name] for name in ELEMENTS}


@pytest.mark.parametrize("name", sorted(ELEMENTS))
def test_the_files_of_the_elements_move_together(changed: Changed, name: str):
    """The script finds the others beside it; what only moved keeps its integrity value."""
    now = changed(name)
    assert moved(now) == ELEMENTS
    assert {one for one in ELEMENTS if now[one].sri != assets()[one].sri} == {name}
