"""How a parallel run is cut into units: the tests of one are run by one process, in turn."""

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

UNITS = (
    # Whoever loads the machine is not run beside another who does, nor a browser beside a browser.
    ("load", ("tests/faults/soak/", "tests/faults/upgrades/")),
    ("browsers", ("tests/e2e/browser/",)),
    ("faults", ("tests/faults/",)),  # they share a program
)
SLOW = ("tests/e2e/", "tests/integration/", "tests/test_")
"""Of the other units, each a file, these come first, so that none is left alone at the end."""


def unit_of(nodeid: str) -> str:
    """The name of the test's unit."""
    path = nodeid.partition("::")[0]
    return next((name for name, folders in UNITS if path.startswith(folders)), path)


def by_unit(nodeid: str) -> tuple[int, str]:
    """The order in which units are begun."""
    unit = unit_of(nodeid)
    names = [*(name for name, _ in UNITS), *SLOW]
    places = (number for number, name in enumerate(names) if unit.startswith(name))
    return next(places, len(names)), unit


class InUnits(LoadScopeScheduling):
    """Gives a process the next unit when it has done its last."""

    def __init__(self, config: pytest.Config, log: object) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> InUnits:
    return InUnits(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: by_unit(item.nodeid))
