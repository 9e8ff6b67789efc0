"""A server of published keys (JWKS), which may be slow, broken, or elsewhere."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any


class Published(ThreadingHTTPServer):
    """Serves `document`; counts how often it was asked. One that drips never comes to its end."""

    document: bytes = b""
    status = 200
    location: str | None = None
    asked = 0
    dripping = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.dripped, self.ended = Event(), Event()

    def publish(self, *keys: dict[str, Any]) -> None:
        self.document = json.dumps({"keys": keys}).encode()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/keys"


class _Answer(BaseHTTPRequestHandler):
    server: Published

    def do_GET(self) -> None:
        self.server.asked += 1
        self.send_response(302 if self.server.location else self.server.status)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.end_headers()
        with suppress(OSError):  # nobody waits for all of it
            while self.server.dripping and not self.server.ended.wait(0.05):
                self.wfile.write(b" ")
                self.server.dripped.set()
            self.wfile.write(self.server.document)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def publishing(*keys: dict[str, Any]) -> Iterator[Published]:
    with Published() as server:
        server.publish(*keys)
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.ended.set()
            server.shutdown()
            thread.join()
