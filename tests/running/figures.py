"""Figures that tests measure, told at the end of the run."""

from collections.abc import Callable
from typing import Any

import pytest

MEASURED = pytest.StashKey[list[str]]()


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Takes a figure to be told at the end of the run."""
    return request.config.stash.setdefault(MEASURED, []).append


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process of a parallel run tells its figures to the one that leads."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["measured"] = session.config.stash.get(MEASURED, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    told = getattr(node, "workeroutput", {}).get("measured", [])  # one that crashed tells none
    node.config.stash.setdefault(MEASURED, []).extend(told)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if figures := config.stash.get(MEASURED, []):
        terminalreporter.section("measured")
        for figure in sorted(figures):
            terminalreporter.line(figure)
