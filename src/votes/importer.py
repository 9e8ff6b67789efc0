"""`python -m votes.importer` imports the files that wait, and ends. See `votes.views.importer`."""

import asyncio
import os
import resource
from contextlib import suppress
from urllib.parse import urlsplit

from votes.config import load
from votes.logs import set_up_logs
from votes.resources import DEMO_URL, event_store, namespace, now
from votes.store.connections import WRITES
from votes.store.people import People
from votes.views.imports import Imports, match_all_again, work_on

MEMORY_BYTES_MAX = 2 * 1024**3
"""Of addresses, of which a process uses a part."""


async def work() -> None:
    config = load(os.environ)
    set_up_logs(config.log)
    host = urlsplit(config.public_url or DEMO_URL).hostname
    space = namespace(config)
    imports = Imports(space)
    try:
        async with event_store(config, WRITES) as store, imports.claimed() as mine:
            if mine:
                people = People(store, store).by_id
                await work_on(imports, store, people, host, now)
                await match_all_again(imports, store, people, host, now)
    finally:
        await space.redis.aclose()


def main() -> None:
    with suppress(ValueError):  # where less is allowed already
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    os.nice(5)
    asyncio.run(work())


if __name__ == "__main__":
    main()
