"""A reader who does not read may hold little of the kernel's memory."""

import socket
import sys
from pathlib import Path

import pytest

from tests.site import wait_for
from votes.live.buffers import SEND_BUFFER_BYTES, bound_send_buffers

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
PAGES = 200
LOOKS = 40


@LINUX
async def test_accepted_connections_have_small_buffers_once_the_server_listens():
    with socket.create_server(("127.0.0.1", 0)) as server:
        await bound_send_buffers()
        with socket.create_connection(server.getsockname()), server.accept()[0] as accepted:
            size = accepted.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
    assert size == 2 * SEND_BUFFER_BYTES


@LINUX
def test_the_server_queues_little_for_a_reader_who_does_not_read(live_site):
    def queues_little() -> bool:
        with socket.create_connection(("127.0.0.1", live_site.port)) as unread:
            unread.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * PAGES)
            return 0 < _settled(live_site.port, unread.getsockname()[1]) <= 2 * SEND_BUFFER_BYTES

    wait_for(queues_little, "a small queue")  # not at once: the server may have begun just now


def _settled(port: int, client_port: int) -> int:
    """Bytes that the kernel keeps for the client, once that no longer changes."""
    seen: list[int] = []

    def stays() -> bool:
        seen.append(_queued(port, client_port))
        return len(seen) > LOOKS and len(set(seen[-LOOKS:])) == 1

    wait_for(stays, "the queue to fill")
    return seen[-1]


def _queued(port: int, client_port: int) -> int:
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, here, there, _, queues, *_ = line.split()
        if here.endswith(f":{port:04X}") and there.endswith(f":{client_port:04X}"):
            return int(queues.partition(":")[0], 16)
    return 0
