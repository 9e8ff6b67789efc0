"""The listening sockets of a process are found among whatever it has open, and nothing is left."""

import asyncio
import os
import resource
import socket

import pytest
from structlog.testing import capture_logs

from tests.engine.no_time import NO_TIME, elapse
from votes.live.sockets import (
    FILES_MAX,
    LOOK_S,
    LOOKS,
    UNREAD_MS,
    UNSENT_BYTES,
    _limit_listening_sockets,
    connections_allowed,
    limit_connections,
    streams_allowed,
)

loop_factories = NO_TIME
OPEN = "/proc/self/fd"


def limits_of(listening: socket.socket) -> tuple[int, int]:
    names = (socket.TCP_NOTSENT_LOWAT, socket.TCP_USER_TIMEOUT)
    unsent, unread_ms = (listening.getsockopt(socket.IPPROTO_TCP, name) for name in names)
    return unsent, unread_ms


def test_they_are_bound_and_no_file_stays_open(tmp_path, monkeypatch):
    before = set(os.listdir(OPEN))
    one, other = socket.socketpair()
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        one,
        other,
        (tmp_path / "file").open("w"),
    ):
        pipe = os.pipe()
        opened = os.listdir(OPEN)
        assert _limit_listening_sockets() >= 1
        assert len(os.listdir(OPEN)) == len(opened)
        limits = limits_of(listening)
        # Of what is open here, and one that is open no more, one listens.
        monkeypatch.setattr(os, "listdir", {OPEN: [*(set(opened) - before), "65535"]}.get)
        assert _limit_listening_sockets() == 1
        for end in pipe:
            os.close(end)
    assert limits == (UNSENT_BYTES, UNREAD_MS)


async def test_they_are_looked_for_until_the_server_listens(monkeypatch):
    opened: list[str] = []
    monkeypatch.setattr(os, "listdir", {OPEN: opened}.get)
    looking = asyncio.create_task(limit_connections())
    await elapse(3 * LOOK_S)
    assert not looking.done()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        opened.append(str(listening.fileno()))
        await elapse(2 * LOOK_S)
        assert looking.done()
        assert limits_of(listening) == (UNSENT_BYTES, UNREAD_MS)


@pytest.mark.parametrize("linux", [True, False])
async def test_where_nothing_listens_it_is_said_once(monkeypatch, linux):
    def listed(path: str) -> list[str]:
        if not linux:
            raise FileNotFoundError(path)
        return []

    monkeypatch.setattr(os, "listdir", listed)
    loop = asyncio.get_running_loop()
    began = loop.time()
    with capture_logs() as logged:
        await limit_connections()
    assert loop.time() - began == pytest.approx(LOOKS * LOOK_S)
    event = "connections keep the limits of the system"
    assert logged == [{"event": event, "searched_s": 5.0, "log_level": "info"}]


@pytest.mark.parametrize(
    ("hard", "files", "connections", "streams"),
    [
        (1_001, 1_001, 937, 702),
        (FILES_MAX + 1, FILES_MAX, 65_472, 49_104),
        (resource.RLIM_INFINITY, FILES_MAX, 65_472, 49_104),
    ],
)
def test_a_process_may_open_as_many_files_as_it_ever_may_and_streams_leave_some(
    monkeypatch, hard, files, connections, streams
):
    limits = {resource.RLIMIT_NOFILE: (256, hard)}
    monkeypatch.setattr(resource, "getrlimit", limits.get)
    monkeypatch.setattr(resource, "setrlimit", limits.__setitem__)
    assert connections_allowed() == connections
    assert limits == {resource.RLIMIT_NOFILE: (files, hard)}
    assert [streams_allowed(wanted) for wanted in (streams - 1, streams + 1)] == [
        streams - 1,
        streams,
    ]
