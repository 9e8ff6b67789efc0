"""One running program for all the tests of this folder; each brings its own tools and people."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.asking import (
    api_beside,
    bearer,
    browser,
    get,
    new_tool,
    secrets_of,
    unique,
    visitor_token,
)
from tests.e2e.programs.typescript import copy_of_project
from tests.polling import wait_for
from tests.site import HOLDING, Site

NEW_KEY = "a-newer-key-of-the-visitors-cookies"
ISSUER, AUDIENCE = "https://login.example.com", "votes"
ORIGINS = ("https://app.example.com", "http://localhost:3000")


@pytest.fixture(scope="session")
def guarded(live_site: Site) -> Iterator[str]:
    """The address of an API on the same servers with every setting of identity and origin set."""
    settings = {
        "VOTES_SECRET_KEYS": f"{NEW_KEY},{secrets_of(live_site)['secret_key']}",
        "VOTES_JWT_ISSUER": ISSUER,
        "VOTES_JWT_AUDIENCE": AUDIENCE,
        "VOTES_USER_COOKIE": "session",
        "VOTES_ALLOWED_ORIGINS": ", ".join(ORIGINS),
        "VOTES_TRUSTED_PROXIES": "127.0.0.0/8",
    }
    with api_beside(live_site, **settings) as url:
        yield url


@pytest.fixture(scope="session")
def holding(live_site: Site) -> Iterator[str]:
    """The address of an API on the same servers that holds the votes of new visitors."""
    settings = dict.fromkeys(HOLDING, "1/80000") | {"VOTES_CHALLENGE_COST": "10"}
    with api_beside(live_site, **settings) as url:
        with browser(url) as http:
            visitor_token(http)
        yield url


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The TypeScript project, installed."""
    return copy_of_project(tmp_path_factory.mktemp("root"))


@pytest.fixture(autouse=True)
def _all_is_shown(request: pytest.FixtureRequest) -> None:
    """A test begins when the shared program shows what the tests before it wrote."""
    if "live_site" in request.fixturenames:
        ready = f"{request.getfixturevalue('live_site').url}/health/ready"
        wait_for(lambda: get(ready).json()["lag"] == 0, "all to be shown")


@pytest.fixture
def http(live_site: Site) -> Iterator[httpx.Client]:
    """A browser: it keeps cookies."""
    with browser(live_site.url) as client:
        yield client


@pytest.fixture
def admin(live_site: Site) -> dict[str, str]:
    """The header of an admin."""
    return bearer(live_site, "an-admin", "admin")


@pytest.fixture
def me(live_site: Site) -> dict[str, str]:
    """The header of a user of whom nobody has heard."""
    return bearer(live_site, unique("user"))


@pytest.fixture
def tool(live_site: Site) -> str:
    """The slug of a tool that nobody else uses."""
    return new_tool(live_site)
