"""One running program for all tests of this folder: each leaves it working."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.site import TIRELESS, Site, site


@pytest.fixture(scope="package")
def program() -> Iterator[Site]:
    with site(own_valkey=True, **TIRELESS) as running:
        yield running


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path, as sockets need."""
    with tempfile.TemporaryDirectory(prefix="votes-faults-", dir="/tmp") as name:
        yield Path(name)
