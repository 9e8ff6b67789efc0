"""What each route has to check, by what it says of itself; and which of that it does not."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import msgspec
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from tests.e2e.asking import unique
from votes.api.examples import EXAMPLES
from votes.api.operation import Operation, operation_of
from votes.http.exchange import LARGE_BODY_BYTES_MAX

PERSONA = "builder"
WITH_ROLE = ("panelist", "moderator", "admin")
JSON = {"Content-Type": "application/json"}
Send = Callable[..., httpx.Response]
"""Sends a method, a path, headers and content."""
Headers = dict[str, str]


class Route(Struct, frozen=True):
    """`query` is added to its path: with a parameter that no route has, the framework takes it."""

    method: str
    path: str
    operation: Operation
    body: bytes
    query: str = ""

    def on(self, tool: str) -> str:
        path = self.path.replace("{slug:str}", tool).replace("{persona:str}", PERSONA)
        path = path.replace("{a:str}", tool).replace("{b:str}", "notion")
        path = path.replace("{ruling:str}", tool).replace("{link:str}", tool)
        path = path.replace("{collection_id:str}", tool).replace("{public:str}", tool)
        path = path.replace("{import_id:str}", tool).replace("{unmatched_id:str}", tool)
        query = "&".join(filter(None, (self.tools(tool), self.query)))
        return f"{path}?{query}" if query else path

    def body_on(self, tool: str) -> bytes:
        """The body, about the tool (or the visitor whose token it is), or with a new slug where it
        takes one."""
        if self.operation.takes_slug:
            return b'{"slug":"%s"}' % unique("new").encode()
        if self.operation.links:
            return msgspec.json.encode({"visitor": tool})
        if self.operation.file:
            return file_of_bookmarks(tool)
        if self.operation.tool_in_body:
            return msgspec.json.encode(msgspec.json.decode(self.body) | {"tool": tool})
        if self.path.endswith(":batch"):
            return msgspec.json.encode({"operations": [{"op": "put", "tool": tool}]})
        return self.body

    def tools(self, tool: str) -> str:
        if self.path.endswith("/cohorts"):
            return "claim=plan"
        if self.path == "/v1/compare":
            return f"tools={tool},notion"
        if self.path == "/v1/challenge":
            return f"tool={tool}"
        return f"tools={tool}" if self.path in ("/v1/tallies", "/v1/me/state") else ""


def file_of_bookmarks(name: str) -> bytes:
    """A file with one page, which is no tool."""
    return msgspec.json.encode([{"href": f"https://{name}.example", "description": name}])


def route_of(handler: HTTPRouteHandler, query: str = "") -> Route:
    (method,), (path,) = handler.http_methods - {"HEAD", "OPTIONS"}, handler.paths
    operation = operation_of(handler)
    example = EXAMPLES.get(str(handler.operation_id), {}).get("body")
    body = b"" if example is None else msgspec.json.encode(example)
    return Route(str(method), path, operation, body, query)


class People(Struct, frozen=True):
    """Headers of those who may ask each kind of route, and of others."""

    admin: Headers
    moderator: Headers
    panelist: Headers
    other_panelist: Headers
    user: Headers
    voter: Headers

    def allowed(self, route: Route) -> Headers:
        who = route.operation.who
        allowed: Headers = {} if who == "anyone" else getattr(self, who)
        return JSON | allowed


Check = tuple[str, Headers, bytes, int, str]
"""A name, the headers and the body of a request, and the status and the code it has to get."""


def checks(route: Route, people: People) -> Iterator[Check]:
    """The requests that a route refuses, each bad in one way."""
    who, allowed, body = route.operation.who, people.allowed(route), route.body
    if who != "anyone":
        nobody = JSON | {"Authorization": "Bearer x"}
        yield "a bad token", nobody, body, 401, "token_invalid"
    if who in ("user", *WITH_ROLE):
        yield "nobody", JSON, body, 401, "not_authenticated"
        yield "a visitor", JSON | people.voter, body, 401, "not_authenticated"
    if who in WITH_ROLE:
        yield "no role", JSON | people.user, body, 403, "forbidden"
    if who in ("moderator", "admin"):
        yield "another role", JSON | people.panelist, body, 403, "forbidden"
    if who == "admin":
        yield "a moderator", JSON | people.moderator, body, 403, "forbidden"
    if who == "panelist":
        yield "an admin", JSON | people.admin, body, 403, "forbidden"
        if "{persona:str}" in route.path:
            yield "another persona", JSON | people.other_panelist, body, 403, "forbidden"
    if route.operation.write:
        bad_key = allowed | {"Idempotency-Key": "k" * 256}
        yield "a bad key", bad_key, body, 400, "invalid_idempotency_key"
    if body:
        text = allowed | {"Content-Type": "text/plain"}
        yield "no JSON type", text, body, 415, "unsupported_media_type"
        fields = msgspec.json.decode(body)
        more = msgspec.json.encode(fields | {"unknown": 1})
        yield "an unknown field", allowed, more, 400, "invalid_body"
        first = msgspec.json.encode(dict([next(iter(fields.items()))]))
        twice = first[:-1] + b"," + body[1:]
        yield "a field twice", allowed, twice, 400, "invalid_body"
        yield "half a body", allowed, body[:-1], 400, "invalid_body"
        large = body + b" " * LARGE_BODY_BYTES_MAX
        yield "a large body", allowed, large, 413, "body_too_large"


def lacking(send: Send, route: Route, people: People, new_tool: Callable[[], str]) -> list[str]:
    """The names of the checks that the route lacks."""
    tool = new_tool()
    found = []
    for name, headers, body, status, code in checks(route, people):
        answer = send(route.method, route.on(tool), headers=headers, content=body)
        if (answer.status_code, said_code(answer)) != (status, code):
            found.append(name)
    return found + lacking_of_answers(send, route, people.allowed(route), tool, new_tool)


def lacking_of_answers(
    send: Send, route: Route, allowed: Headers, tool: str, new_tool: Callable[[], str]
) -> list[str]:
    found = []

    def ask(tool: str, body: bytes, **more: str) -> httpx.Response:
        headers = allowed | {name.replace("_", "-"): value for name, value in more.items()}
        return send(route.method, route.on(tool), headers=headers, content=body)

    if route.operation.write:
        body = route.body_on(tool)
        once, again = (ask(tool, body, Idempotency_Key=tool) for _ in range(2))
        if once.status_code >= 300 or alike(once) != alike(again):
            found.append("a key used again")
        other = ask(another := new_tool(), route.body_on(another), Idempotency_Key=tool)
        if said_code(other) != "idempotency_key_reused":
            found.append("a key used for another command")
    answer = ask(last := new_tool(), route.body_on(last))
    if answer.status_code >= 300:
        found.append("a good request")
    if route.operation.who != "anyone" or route.method != "GET":
        if answer.headers.get("cache-control") != "private, no-store":
            found.append("kept by nobody")
    elif not route.path.startswith("/health/"):
        etag = answer.headers.get("etag", "none")
        if ask(last, b"", If_None_Match=etag).status_code != 304:
            found.append("not modified")
    return found


def said_code(answer: httpx.Response) -> Any:
    problem = answer.headers.get("content-type") == "application/problem+json"
    return answer.json()["code"] if problem else None


def alike(answer: httpx.Response) -> Any:
    return answer.status_code, answer.content, answer.headers.get("votes-position")
