"""A tool of the test's own."""

import pytest

from tests.e2e.asking import new_tool


@pytest.fixture
def tool(live_site) -> str:
    """The slug of one on which nobody else votes."""
    return new_tool(live_site)
