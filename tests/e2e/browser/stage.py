"""Another site that uses the elements: pages on an origin of their own, under a strict policy."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from types import SimpleNamespace
from typing import Any

from votes.site.render import environment

ELEMENTS = files("votes.site").joinpath("elements")
TYPES = {"js": "text/javascript", "css": "text/css"}
SHEET = '<link rel="stylesheet" href="/elements/elements.css">'
SCRIPT = '<script type="module" src="/elements/elements.js"></script>'
MACROS = "ship_vote, ship_verdict, ship_bookmark, ship_bookmarks"


class Stage:
    """The site; `pages` and `scripts` are what it has by path."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.pages: dict[str, tuple[str, str]] = {}
        self.scripts: dict[str, bytes] = {}

    def show(
        self, path: str, body: str, api: str = "", head: str = SCRIPT, images: str = ""
    ) -> str:
        """Put a page there; answers its address."""
        policy = (
            f"default-src 'none'; img-src data: {images};"
            f" script-src 'self' {api}; style-src 'self' {api};"
            f" connect-src 'self' {api}; form-action 'self'; base-uri 'none';"
            " require-trusted-types-for 'script'; trusted-types 'none'"
        )
        text = (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>Another site</title>'
            '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
            f'<meta name="color-scheme" content="light dark">{head}<main>{body}</main></html>'
        )
        self.pages[path] = text, policy
        return self.url + path

    def find(self, path: str) -> tuple[bytes, str, str] | None:
        name = path.removeprefix("/elements/")
        if name != path:
            return ELEMENTS.joinpath(name).read_bytes(), TYPES[name.rpartition(".")[2]], ""
        if path in self.scripts:
            return self.scripts[path], TYPES["js"], ""
        text, policy = self.pages.get(path, ("", ""))
        return (text.encode(), "text/html; charset=utf-8", policy) if text else None


class _Handler(BaseHTTPRequestHandler):
    stage: Stage

    def do_GET(self) -> None:
        found = self.stage.find(self.path.partition("?")[0])
        body, kind, policy = found or (b"", "text/plain", "")
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "public, max-age=60")
        if policy:
            self.send_header("Content-Security-Policy", policy)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@contextlib.contextmanager
def stage(port: int) -> Iterator[Stage]:
    """The site, on a port."""
    shown = Stage(f"http://127.0.0.1:{port}")
    handler = type("Handler", (_Handler,), {"stage": shown})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield shown
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def rendered(template: str, **values: Any) -> str:
    """What a page says with the macros of the elements."""
    source = f'{{% from "elements.html" import {MACROS} %}}{template}'
    return environment().from_string(source).render(**values)


def tally(
    ship: int,
    skip: int,
    call: str = "too_early",
    leaning: str | None = None,
    close: bool = False,
) -> Any:
    """As much of a TallyView as the macros read."""
    total = ship + skip
    call = call if total else "none"
    return SimpleNamespace(
        ship=ship,
        skip=skip,
        total=total,
        call=call,
        leaning=leaning,
        close=close,
        position=100,
    )
