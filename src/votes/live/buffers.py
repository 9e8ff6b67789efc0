"""How much the kernel holds for a reader who does not read.

Linux lets a connection's send buffer grow to 4 MB: a stream that nobody reads would be fed for
minutes before a send waits, which is the first sign of it. The server opens its socket itself,
after the application has started, and does not hand it out; so it is looked for among the process's
own.
"""

import asyncio
import os
import socket

import structlog

SEND_BUFFER_BYTES = 32_768
"""Linux takes this twice, for its own bookkeeping."""
LOOKS = 500
LOOK_S = 0.01

_log = structlog.get_logger(__name__)


async def bound_send_buffers() -> None:
    """Wait until the server listens; connections that it accepts then have small send buffers.

    Where that cannot be found out (no Linux, no server), all stays as it is.
    """
    for _ in range(LOOKS):
        if _bound_listening_sockets():
            return
        await asyncio.sleep(LOOK_S)
    _log.info("send buffers are the system's own", looked_s=LOOKS * LOOK_S)


def _bound_listening_sockets() -> int:
    try:
        descriptors = os.listdir("/proc/self/fd")
    except FileNotFoundError:
        return 0
    return sum(_bound(int(descriptor)) for descriptor in descriptors)


def _bound(descriptor: int) -> bool:
    """Bound it, if it is a socket that listens. It shares its options with its duplicate."""
    try:
        with socket.fromfd(descriptor, socket.AF_INET, socket.SOCK_STREAM) as found:
            if not found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                return False
            found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
            return True
    except OSError:
        return False
