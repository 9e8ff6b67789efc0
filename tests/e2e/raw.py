"""Requests as bytes, for what no client would send; the answer as it came."""

import contextlib
import socket

from msgspec import Struct

ANSWER_S = 60.0


class Raw(Struct):
    """An answer up to where the server closed the connection."""

    status: int
    headers: dict[str, str]
    body: bytes


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), ANSWER_S)


def head(method: str, path: str, **headers: str) -> bytes:
    """A request's head. The server is to close the connection after its answer."""
    lines = {"Host": "127.0.0.1", "Connection": "close"}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    said = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{said}\r\n".encode()


def asked(port: int, request: bytes, *, leave: bool = False) -> Raw:
    """The answer to these bytes; `leave` closes our direction after them."""
    with connect(port) as raw:
        raw.sendall(request)
        if leave:
            raw.shutdown(socket.SHUT_WR)
        return answer(raw)


def answer(raw: socket.socket) -> Raw:
    """What comes until the server closes, be it in the middle of what we send."""
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while part := raw.recv(65_536):
            got += part
    start, _, body = got.partition(b"\r\n\r\n")
    line, *lines = start.decode("latin-1").split("\r\n")
    pairs = (text.partition(": ") for text in lines)
    return Raw(int(line.split()[1]), {name.lower(): value for name, _, value in pairs}, body)
