"""Limits of connections: their number, and how much and how long the kernel buffers unread data.

Linux lets the send buffer of a connection grow to 4 MB, so minutes pass before a send to a stream
that nobody reads blocks. Therefore the unsent data is limited, but not the data in flight: a
smaller send buffer would limit both, and a larger response would wait for the reader's delayed
acknowledgements. Linux also keeps a connection whose reader's window is closed for ever, even after
the application has closed it, to deliver the buffered data.

Accepted connections inherit both options from the listening socket. The server opens that one after
the application has started, and does not expose it, so it is searched among the process's
descriptors.
"""

import asyncio
import os
import resource
import socket
import stat

import structlog

UNSENT_BYTES = 16_384
"""With so much unsent data the kernel accepts no more (TCP_NOTSENT_LOWAT, see tcp(7)), except that
one write of up to 64 kB may exceed it."""
UNREAD_MS = 15_000
"""After so long without an acknowledgement the kernel ends the connection (TCP_USER_TIMEOUT, see
tcp(7)), also when the reader has vanished."""
FILES_MAX = 65_536
FILES_SPARE = 64
"""For files that are no connections of clients."""
LOOKS = 500
LOOK_S = 0.01

_log = structlog.get_logger(__name__)


def connections_allowed() -> int:
    """The number of connections that the process may have; raises its limit of open files."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = FILES_MAX if hard == resource.RLIM_INFINITY else min(hard, FILES_MAX)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return files - FILES_SPARE


def streams_allowed(wanted: int) -> int:
    """The number of streams that leaves room for other connections."""
    return min(wanted, connections_allowed() * 3 // 4)


async def limit_connections() -> None:
    """Wait until the server listens, then limit the connections that it accepts from then on.

    Without Linux, or without a server, nothing changes.
    """
    for _ in range(LOOKS):
        if _limit_listening_sockets():
            return
        await asyncio.sleep(LOOK_S)
    _log.info("connections keep the limits of the system", searched_s=LOOKS * LOOK_S)


def _limit_listening_sockets() -> int:
    try:
        descriptors = os.listdir("/proc/self/fd")
    except FileNotFoundError:
        return 0
    return sum(_limit(int(descriptor)) for descriptor in descriptors)


def _limit(descriptor: int) -> bool:
    """Limit it, if it is a listening socket. The duplicate shares its options."""
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return False  # `fromfd` would leave its duplicate open
        with socket.fromfd(descriptor, socket.AF_INET, socket.SOCK_STREAM) as duplicate:
            if not duplicate.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                return False
            duplicate.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
            duplicate.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_MS)
            return True
    except OSError:
        return False
