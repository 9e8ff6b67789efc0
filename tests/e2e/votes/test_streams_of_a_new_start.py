"""Once `votes up` says so, reads are live: a stream that is asked then is told at once."""

import asyncio
import contextlib
import re
import shutil
import tempfile
from pathlib import Path

from tests.integration.live.sse import connect, events
from tests.polling import wait_for
from tests.site import Site, free_port

STARTS = 2


def says_up(site: Site) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return b"votes is up" in (site.data_dir.parent / "up.log").read_bytes()
    return False


async def test_a_stream_is_told_live_states_as_soon_as_votes_is_up():
    folder = Path(tempfile.mkdtemp(prefix="votes-site-", dir="/tmp"))
    site = Site(folder / "data", free_port())
    try:
        for options in (["--demo"], *([[]] * (STARTS - 1))):
            starting = asyncio.create_task(asyncio.to_thread(site.start, *options))
            await asyncio.to_thread(wait_for, lambda: says_up(site), "the word")
            reader, writer = await connect(site.port, "notion")
            first = await anext(events(reader))
            writer.close()
            assert not (first.data.get("community") or first.data)["stale"]
            await starting
            site.stop()
            (folder / "up.log").unlink()
    finally:
        if site.process is not None:
            site.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def test_a_rebuild_gives_a_stream_a_new_snapshot(live_site):
    reader, writer = await connect(live_site.port, "notion,figma")
    stream = events(reader)
    async with asyncio.timeout(60):
        before = [await anext(stream) for _ in range(4)]
        rebuilt = await asyncio.to_thread(live_site.votes, "rebuild")
        assert rebuilt.returncode == 0, rebuilt.stderr
        after = [await anext(stream) for _ in range(4)]
    writer.close()
    assert [event.data for event in after] == [event.data for event in before]
    worlds = {re.sub(r"-\d+$", "", event.id) for event in (*before, *after)}
    assert len(worlds) == 2
