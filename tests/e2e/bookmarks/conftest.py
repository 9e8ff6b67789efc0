"""What is bookmarked."""

import pytest

from tests.e2e.asking import new_tool
from tests.site import Site


@pytest.fixture(scope="module")
def tools(live_site: Site) -> list[str]:
    """The slugs of three tools of this file alone."""
    return [new_tool(live_site) for _ in range(3)]
