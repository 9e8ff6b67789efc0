"""Which loop a test runs in."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories(item: Any) -> Mapping[str, Callable[[], Any]]:
    """The one that the module names, see `no_time.py`; else the plain one."""
    return getattr(item.module, "loop_factories", {"asyncio": asyncio.new_event_loop})
