"""Who uses the pages."""

import pytest

from tests.site import SAME_ORIGIN


@pytest.fixture
def me(me: dict[str, str]) -> dict[str, str]:
    """The headers of a new user whose browser says that it is on a page of ours."""
    return SAME_ORIGIN | me
