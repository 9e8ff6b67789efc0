"""The listening sockets of a process are found among whatever it has open, and nothing is left."""

import os
import socket

from votes.live.sockets import UNREAD_MS, _limit_listening_sockets


def test_they_are_bound_and_no_file_stays_open(tmp_path):
    one, other = socket.socketpair()
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        one,
        other,
        (tmp_path / "file").open("w"),
    ):
        pipe = os.pipe()
        before = os.listdir("/proc/self/fd")
        assert _limit_listening_sockets() >= 1
        assert len(os.listdir("/proc/self/fd")) == len(before)
        bound_ms = listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        for end in pipe:
            os.close(end)
    assert bound_ms == UNREAD_MS
