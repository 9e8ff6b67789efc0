"""An API that may open few files refuses streams in time, and answers everything else."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from tests.e2e.asking import get, secrets_of
from tests.integration.live.sse import Refused, connect
from tests.polling import LIMIT_S, wait_for
from tests.site import TLS, free_port
from votes.live.sockets import FILES_SPARE

FILES = 200
STREAMS = (FILES - FILES_SPARE) * 3 // 4


@pytest.fixture
def port(live_site, tool) -> Iterator[int]:
    """An API process on the site's servers, which knows the tool."""
    kept, port = secrets_of(live_site), free_port()
    env = live_site.env | {
        "VOTES_POSTGRES_URL": live_site.servers.api_url,
        "VOTES_REDIS_URL": live_site.servers.redis_api_url,
        "VOTES_SECRET_KEYS": kept["secret_key"],
    }
    api = f"{sys.executable} -m votes api --port {port}"
    few = f"ulimit -Sn {FILES // 2} && ulimit -Hn {FILES} && exec {api}"
    with subprocess.Popen(["bash", "-c", few], env=env) as process:
        try:
            wait_for(lambda: ready(port), "the API")
            yield port
        finally:
            process.terminate()


def ready(port: int) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return bool(get(f"http://127.0.0.1:{port}/health/ready").json()["read_models"])
    return False


async def test_streams_are_refused_before_files_run_out(port, tool):
    writers = [(await connect(port, tool))[1] for _ in range(STREAMS)]
    with pytest.raises(Refused) as refused:
        await connect(port, tool)
    assert refused.value.status == 503
    assert int(refused.value.headers["retry-after"]) > 0
    async with httpx.AsyncClient(verify=TLS, base_url=f"http://127.0.0.1:{port}") as http:
        assert (await http.get(f"/v1/tools/{tool}/tally")).status_code == 200
        vote = await http.put(f"/v1/tools/{tool}/vote", json={"choice": "ship"})
        assert vote.status_code == 200
        writers.pop().close()
        _, writer = await connect_again(port, tool)
    for one in (*writers, writer):
        one.close()


async def connect_again(port: int, tool: str):
    async with asyncio.timeout(LIMIT_S):
        while True:
            with contextlib.suppress(Refused):
                return await connect(port, tool)
