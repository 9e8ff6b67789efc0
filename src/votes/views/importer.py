"""The process in which files are imported: it has the memory and the time of no other one.

An API process starts it where imports wait and nobody works on them, and it ends when none waits.
So what a file costs is not taken from votes, and a file that ends it ends nothing else. It has the
logins of the API, and no other secret. It also looks which unmatched pages are tools now.
"""

import asyncio
import os
import signal
import sys
import time

from votes.embedded.supervise import dies_with_parent
from votes.views.imports import Imports

MODULE = "votes.importer"
SETTINGS = ("VOTES_POSTGRES_URL", "VOTES_REDIS_URL", "VOTES_REDIS_PREFIX", "VOTES_PUBLIC_URL")
OTHERS = ("VOTES_LOG", "VOTES_DATA_DIR", "PATH", "LANG", "HOME", "PYTHONPATH")
PAUSE_S = 10.0
"""After one that failed, until the next one."""
MATCH_S = 600.0
"""So often one looks which unmatched pages have become tools."""


class Importer:
    """Starts it for one API process."""

    def __init__(self, imports: Imports) -> None:
        self._imports = imports
        self._process: asyncio.subprocess.Process | None = None
        self._not_before = 0.0
        self._match_at = time.monotonic() + MATCH_S / 10

    async def look(self) -> None:
        """Start it where it is wanted. Raises `Unavailable`."""
        process = self._process
        if process is not None:
            if process.returncode is None:
                return
            self._process = None
            if process.returncode:
                self._not_before = time.monotonic() + PAUSE_S
        at = time.monotonic()
        if at < self._not_before or (at < self._match_at and not await self._imports.first()):
            return
        if not await self._imports.is_claimed():
            self._match_at = at + MATCH_S
            argv = dies_with_parent([sys.executable, "-m", MODULE], signal.SIGTERM)
            env = {name: os.environ[name] for name in (*SETTINGS, *OTHERS) if name in os.environ}
            self._process = await asyncio.create_subprocess_exec(*argv, env=env)
