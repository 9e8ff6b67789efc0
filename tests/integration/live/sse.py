"""A reader of live streams for tests: raw, so that it sees what a browser gets."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, NamedTuple


class Event(NamedTuple):
    id: str
    kind: str
    data: Any


class Refused(Exception):
    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        super().__init__(f"HTTP {status}: {body[:200]!r}")
        self.status, self.headers, self.body = status, headers, body


async def connect(
    port: int, tools: str, seen: str | None = None, **headers: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A stream whose head has been read. Raises `Refused` and `OSError`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [f"GET /v1/live?tools={tools} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines += [f"Last-Event-ID: {seen}"] if seen else []
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    except BaseException:
        writer.transport.abort()
        raise
    status = int(head[0].split()[1])
    if status != 200:
        fields = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(fields.get("content-length", 0)))
        writer.close()
        raise Refused(status, fields, body)
    return reader, writer


async def events(reader: asyncio.StreamReader) -> AsyncIterator[Event]:
    """The events of a chunked stream until it ends; comments and `retry` are left out."""
    text = b""
    while size := int(await reader.readline() or b"0", 16):
        text += await reader.readexactly(size)
        await reader.readexactly(2)
        *blocks, text = text.split(b"\n\n")
        for block in blocks:
            fields = dict(
                line.split(": ", 1) for line in block.decode().split("\n") if line[0] != ":"
            )
            if "data" in fields:
                yield Event(fields["id"], fields["event"], json.loads(fields["data"]))


def position(event: Event) -> int:
    return int(event.id.partition("-")[2])
