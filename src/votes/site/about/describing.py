"""The API's description as a page, for people.

Rendered here, without a script: of the common viewers only Swagger UI works under the policy of our
pages, and it is 1.9 MB.
"""

import re
import shlex
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import msgspec
from litestar import get
from litestar.response.base import ASGIResponse
from markdown_it import MarkdownIt
from markupsafe import Markup

from votes.http.checks.limiting import Limited
from votes.http.exchange import Http
from votes.http.hosts import base
from votes.site.reading import answer
from votes.site.render import SITE_NAME, Head, environment

DOCS = "/docs"
ANYWHERE = "https://votes.example.com"
"""In the place of this site's address where that is not known."""
ADDRESSES_REMEMBERED = 8
WHO = {
    "visitorCookie": "a visitor by cookie",
    "visitorToken": "a visitor by token",
    "user": "a user by token",
}
"""Who may ask, by the names of the security schemes."""
TOKENS = {"visitorToken": "Visitor TOKEN", "user": "Bearer TOKEN"}
"""How a program says who it is, the simplest first."""

_INDENT = re.compile(r"\s*\n\s*(?=<)")
"""No line of an example begins with a tag, so these keep theirs."""
_markdown = MarkdownIt("commonmark", {"html": False})


@get(DOCS, opt=Limited("reads").opt)
async def docs(request: Http) -> ASGIResponse:
    """The same as `/openapi.json`, to be read."""
    rendered: Callable[[str], Markup] = request.app.state.docs
    about = "Every operation of the API: what it takes, what it answers, and who may ask."
    at = base(request)
    head = Head(f"API · {SITE_NAME}", about, DOCS, at)
    return await answer(request, "about/docs.html", head, content=rendered(at))


def docs_of(document: dict[str, Any]) -> Callable[[str], Markup]:
    """What the page says for each address of this site, rendered once: it takes a tenth of a
    second."""
    return lru_cache(ADDRESSES_REMEMBERED)(partial(_rendered, document))


def _rendered(document: dict[str, Any], address: str) -> Markup:
    text = environment().get_template("about/docs_content.html")
    made = text.render(
        document=document,
        by_tag=_by_tag(document, address or ANYWHERE),
        everywhere=_everywhere(document),
        schemas=document["components"]["schemas"],
        prose=_prose,
        who=_who,
        json=_json,
    )
    return Markup(_INDENT.sub("\n", made))  # noqa: S704 - the template has escaped it


def _everywhere(document: dict[str, Any]) -> dict[str, Any]:
    """The responses that every operation has, by status."""
    first, *others = (
        operation["responses"]
        for methods in document["paths"].values()
        for operation in methods.values()
    )
    return {
        status: response
        for status, response in first.items()
        if status != "default" and all(one.get(status) == response for one in others)
    }


def _by_tag(document: dict[str, Any], address: str) -> dict[str, list[dict[str, Any]]]:
    """The operations, each with its `method`, its `path` and a command, `curl`."""
    by_tag: dict[str, list[dict[str, Any]]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for name, described in methods.items():
            method = name.upper()
            operation = described | {
                "method": method,
                "path": path,
                "curl": _curl(method, address + path, described),
            }
            by_tag[described["tags"][0]].append(operation)
    return by_tag


def _curl(method: str, address: str, operation: dict[str, Any]) -> str:
    """The operation as a command; words in capitals are to be replaced."""
    asked = []
    for one in operation.get("parameters", ()):
        name = one["name"]
        address = address.replace(f"{{{name}}}", name.upper())
        if one["in"] == "query" and one.get("required"):
            asked.append(f"{name}={name.upper()}")
    lines = [["curl", "-X", method, "?".join(filter(None, (address, "&".join(asked))))]]
    schemes = {name for one in operation["security"] for name in one}
    tokens = [token for name, token in TOKENS.items() if name in schemes]
    lines += [["-H", f"Authorization: {token}"] for token in tokens[:1]]
    content = operation.get("requestBody", {}).get("content", {})
    if "application/octet-stream" in content:
        lines += [["--data-binary", "@FILE"]]
    elif content:
        example = msgspec.json.encode(content["application/json"]["example"]).decode()
        lines += [["-H", "Content-Type: application/json"], ["-d", example]]
    return " \\\n  ".join(map(shlex.join, lines))


def _who(operation: dict[str, Any]) -> str:
    """Who may ask, in words."""
    if not operation["security"]:
        return "anybody"
    named = []
    for one in operation["security"]:
        for scheme, roles in one.items():
            role = f" with the role {' and '.join(roles)}" if roles else ""
            named.append(WHO[scheme] + role)
        if not one:
            named.append("somebody new")
    return ", ".join(named)


def _prose(text: str) -> Markup:
    """A text of the description, which is Markdown."""
    return Markup(_markdown.render(text))  # noqa: S704 - it lets no HTML through


def _json(value: Any) -> str:
    if isinstance(value, str):
        return value
    return msgspec.json.format(msgspec.json.encode(value), indent=1).decode()


ROUTES = [docs]
