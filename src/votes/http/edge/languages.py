"""The pages in each language: at `/de/about` is `/about` in German.

A language has addresses of its own, so that a page that is kept for all is the same for all; nobody
is sent to another language than that of the address.
"""

from typing import Any

from votes.http.exchange import Asgi
from votes.languages import ENGLISH, Language, Languages, speaking

ALONE = ("static/", "v1/", "health/", "metrics", "openapi.json", "elements.")
"""What has no language: files, and what is for programs."""


def with_languages(languages: Languages, pages: Asgi) -> Asgi:
    """The pages, each in the language of its address. Redirects stay in it."""

    async def dispatch(scope: Any, receive: Any, send: Any) -> None:
        tag, _, rest = scope["path"][1:].partition("/")
        language = languages.get(tag, languages[ENGLISH])
        if not language.root or rest.startswith(ALONE):
            with speaking(languages[ENGLISH]):
                await pages(scope, receive, send)
        else:
            with speaking(language):
                await pages(_inside(scope, language), receive, _staying(language, send))

    return dispatch


def _inside(scope: Any, language: Language) -> Any:
    raw = scope.get("raw_path") or b""
    within = {"path": language.inside(scope["path"]), "raw_path": raw[len(language.root) :] or b"/"}
    return scope | within


def _staying(language: Language, send: Any) -> Any:
    """Send, with redirects to pages of this site that lead to those of the language."""

    def send_with(message: Any) -> Any:
        if message["type"] == "http.response.start":
            message["headers"] = [
                (name, _address(language, value) if name == b"location" else value)
                for name, value in message["headers"]
            ]
        return send(message)

    return send_with


def _address(language: Language, address: bytes) -> bytes:
    ours = address.startswith(b"/") and not language.owns(address.decode("latin-1"))
    return language.root.encode() + address if ours else address
