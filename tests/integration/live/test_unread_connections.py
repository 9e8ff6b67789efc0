"""A reader who does not read may hold little of the kernel's memory, and not for long."""

import itertools
import socket
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.e2e.asking import get
from tests.polling import wait_for
from tests.site import TLS
from votes.live.sockets import UNREAD_MS, UNSENT_BYTES, limit_connections
from votes.live.stream import NO_PROGRESS_S

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
QUEUED_BYTES_MAX = UNSENT_BYTES + 65_536
"""What may wait, and what the kernel takes at once."""
PAGES = 200
LOOKS = 20
VOTES_EACH_LOOKS = 3


@LINUX
async def test_accepted_connections_are_bounded_once_the_server_listens():
    with socket.create_server(("127.0.0.1", 0)) as server:
        await limit_connections()
        with socket.create_connection(server.getsockname()), server.accept()[0] as accepted:
            size = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT)
            unread_ms = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    assert (size, unread_ms) == (UNSENT_BYTES, UNREAD_MS)


@LINUX
def test_the_server_queues_little_for_a_reader_who_does_not_read(live_site):
    def queues_little() -> bool:
        with socket.create_connection(("127.0.0.1", live_site.port)) as unread:
            unread.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * PAGES)
            return 0 < _settled(live_site.port, unread.getsockname()[1]) <= QUEUED_BYTES_MAX

    wait_for(queues_little, "a small queue")  # not at once: the server may have begun just now


@LINUX
def test_a_stream_that_nobody_reads_is_dropped(live_site):
    page = get(f"{live_site.url}/v1/tools?limit=100").json()
    tools = [tool["slug"] for tool in page["tools"]]
    with httpx.Client(verify=TLS, base_url=live_site.url) as http, socket.socket() as unread:
        unread.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        unread.connect(("127.0.0.1", live_site.port))
        asked = f"GET /v1/live?tools={','.join(tools)} HTTP/1.1\r\nHost: a\r\n\r\n"
        unread.sendall(asked.encode())

        looks = itertools.count()

        def dropped() -> bool:
            for tool in tools if next(looks) % VOTES_EACH_LOOKS == 0 else ():
                http.put(f"/v1/tools/{tool}/vote", json={"choice": "ship"}).raise_for_status()
                http.cookies.clear()
            return _queued(live_site.port, unread.getsockname()[1]) is None

        began = time.monotonic()
        wait_for(dropped, "the connection to end", 600)
        assert time.monotonic() - began >= NO_PROGRESS_S


def _settled(port: int, client_port: int) -> int:
    """Bytes that the kernel keeps for the client, once that no longer changes."""
    seen: list[int] = []

    def stays() -> bool:
        seen.append(_queued(port, client_port) or 0)
        return len(seen) > LOOKS and len(set(seen[-LOOKS:])) == 1

    wait_for(stays, "the queue to fill")
    return seen[-1]


def _queued(port: int, client_port: int) -> int | None:
    """Bytes that the kernel keeps for the client, None when the server's end is gone."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, here, there, _, queues, *_ = line.split()
        if here.endswith(f":{port:04X}") and there.endswith(f":{client_port:04X}"):
            return int(queues.partition(":")[0], 16)
    return None
