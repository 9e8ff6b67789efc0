"""A stream is accepted while there are no read models, and is told the state from the log."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.e2e.asking import get, secrets_of
from tests.integration.live.sse import connect, events
from tests.integration.live.test_a_stream import take, vote
from tests.polling import wait_for
from tests.site import free_port


class Beside:
    """An API process on the site's servers whose Redis nobody answers for, unless `redis` runs."""

    def __init__(self, site) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._real = httpx.URL(site.servers.redis_api_url).path
        self._socket = site.data_dir / f"redis-{self.port}.sock"
        self.redis_url = f"unix://api@{self._socket}?db=0"

    @contextlib.asynccontextmanager
    async def redis(self) -> AsyncIterator[None]:
        """Redis can be reached, until the end."""
        writers: list[asyncio.StreamWriter] = []

        async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                while data := await reader.read(65_536):
                    writer.write(data)
                    await writer.drain()
            writer.transport.abort()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            beyond = await asyncio.open_unix_connection(self._real)
            writers.extend((writer, beyond[1]))
            await asyncio.gather(pass_on(reader, beyond[1]), pass_on(beyond[0], writer))

        server = await asyncio.start_unix_server(accept, self._socket)
        try:
            yield
        finally:
            server.close()
            for writer in writers:
                writer.transport.abort()


def alive(url: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return get(f"{url}/health/ready").status_code == 200
    return False


@pytest.fixture
def beside(live_site) -> Iterator[Beside]:
    made = Beside(live_site)
    env = live_site.env | {
        "VOTES_POSTGRES_URL": live_site.servers.api_url,
        "VOTES_REDIS_URL": made.redis_url,
        "VOTES_SECRET_KEYS": secrets_of(live_site)["secret_key"],
    }
    argv = [sys.executable, "-m", "votes", "api", "--port", str(made.port)]
    with subprocess.Popen(argv, env=env) as process:
        try:
            wait_for(lambda: alive(made.url), "the API")
            yield made
        finally:
            process.terminate()


async def test_it_is_told_the_state_from_the_log_and_votes_as_they_come(live_site, beside, tool):
    reader, writer = await connect(beside.port, tool)
    stream = events(reader)
    first = await take(stream, 2)
    assert {event.kind for event in first} == {"summary", "tally"}
    assert all(said(event)["stale"] for event in first)
    voted = await asyncio.to_thread(vote, live_site, tool, "ship")
    (event,) = await take(stream, 1)
    writer.close()
    assert (event.data["position"], event.data["stale"]) == (voted, True)


async def test_what_was_stale_comes_again_when_redis_is_back_and_once_more_when_it_goes(
    live_site, beside, tool
):
    reader, writer = await connect(beside.port, tool)
    stream = events(reader)
    stale = await take(stream, 2)
    async with beside.redis():
        fresh = await take(stream, 2)
        assert not any(said(event)["stale"] for event in fresh)
        assert [said(event) | {"stale": True} for event in fresh] == [said(e) for e in stale]
        assert fresh[0].id.partition("-")[0] != stale[0].id.partition("-")[0]
    voted = await asyncio.to_thread(vote, live_site, tool, "skip")
    (event,) = await take(stream, 1)
    assert (event.data["position"], event.data["stale"]) == (voted, True)
    writer.close()
    reader, again = await connect(beside.port, tool, event.id)  # a stale id is gone on from …
    resumed = events(reader)
    voted = await asyncio.to_thread(vote, live_site, tool, "skip")
    (event,) = await take(resumed, 1)
    assert (event.data["position"], event.data["stale"]) == (voted, True)
    again.close()
    async with beside.redis():
        await asyncio.to_thread(wait_for, lambda: live(beside.url, tool), "live reads")
        reader, writer = await connect(beside.port, tool, event.id)  # … but not to live models
        assert not any(said(event)["stale"] for event in await take(events(reader), 2))
        writer.close()


def said(event) -> dict:
    """The tally in a tally or a summary."""
    found: dict = event.data.get("community") or event.data
    return found


def live(url: str, tool: str) -> bool:
    return not get(f"{url}/v1/tools/{tool}/tally").json()["stale"]
