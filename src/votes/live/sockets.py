"""How many connections there may be; how much the kernel holds for one that is not read, how long.

Linux lets a connection's send buffer grow to 4 MB: a stream that nobody reads would be fed for
minutes before a send waits, which is the first sign of it. So what is not sent yet is bounded, and
what is on its way is not: a small send buffer would bound both, and an answer of more than that
would wait for the reader's delayed acknowledgements. And a connection whose reader's window is shut
stays for ever, even when the application has left it: what it was sent is still to be delivered.
Both are options of a socket that accepted connections take over from the one that listens. The
server opens that one itself, after the application has started, and does not hand it out; so it is
looked for among the process's own.
"""

import asyncio
import os
import resource
import socket
import stat

import structlog

UNSENT_BYTES = 16_384
"""With so much waiting to be sent, the kernel takes no more (TCP_NOTSENT_LOWAT, see tcp(7)); what
it takes at once, up to 64 kB, may come on top."""
UNREAD_MS = 15_000
"""When nothing of what was sent has been taken for this long, the kernel ends the connection
(TCP_USER_TIMEOUT, see tcp(7)). Also when the reader is gone without a word."""
FILES_MAX = 65_536
FILES_SPARE = 64
"""For what is no connection of a client."""
LOOKS = 500
LOOK_S = 0.01

_log = structlog.get_logger(__name__)


def connections_allowed() -> int:
    """How many connections the process may have; raises its limit of open files for them."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = FILES_MAX if hard == resource.RLIM_INFINITY else min(hard, FILES_MAX)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return files - FILES_SPARE


def streams_allowed(wanted: int) -> int:
    """How many of the connections may be streams, so that there is room for others."""
    return min(wanted, connections_allowed() * 3 // 4)


async def bound_connections() -> None:
    """Wait until the server listens; connections that it accepts from then on are bounded.

    Where that cannot be found out (no Linux, no server), all stays as it is.
    """
    for _ in range(LOOKS):
        if _bound_listening_sockets():
            return
        await asyncio.sleep(LOOK_S)
    _log.info("connections are as the system has them", looked_s=LOOKS * LOOK_S)


def _bound_listening_sockets() -> int:
    try:
        descriptors = os.listdir("/proc/self/fd")
    except FileNotFoundError:
        return 0
    return sum(_bound(int(descriptor)) for descriptor in descriptors)


def _bound(descriptor: int) -> bool:
    """Bound it, if it is a socket that listens. It shares its options with its duplicate."""
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return False  # `fromfd` would leave its duplicate open
        with socket.fromfd(descriptor, socket.AF_INET, socket.SOCK_STREAM) as found:
            if not found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                return False
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_MS)
            return True
    except OSError:
        return False
