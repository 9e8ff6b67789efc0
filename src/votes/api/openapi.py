"""The description of the API: Litestar's, completed with bodies, answers, problems and security.

Bodies are read by hand (strictly, and only when they say that they are JSON), so a route says as an
`Operation` what Litestar cannot see.
"""

from collections.abc import Iterable
from http import HTTPStatus
from inspect import cleandoc
from typing import Any

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from votes.api.examples import EXAMPLES, PROBLEM
from votes.api.operation import Operation, operation_of
from votes.api.routes import live
from votes.api.routes.mine.sharing import Address
from votes.api.schemas import portable, portable_parameter
from votes.app.shapes import Problem
from votes.domain.bookmarks.unmatched import UnmatchedId
from votes.domain.terms import CollectionId, LinkId, PersonaSlug, RulingId, ToolSlug
from votes.http.checks.origins import SAFE
from votes.http.errors import PROBLEM_TYPE, REFUSALS, problem_of
from votes.http.moved import IN_PATHS, IN_QUERIES

ABOUT = """Ship or skip: votes, bookmarks, panel reviews and live tallies.

- A write says what shall be, so the same again changes nothing. It answers with its `position` in
  the log; a read that is given it as `min_position` shows the write.
- A tool may get another slug. Addresses with a former one answer 308, for good and every method.
- After a 5xx or a broken connection nobody knows whether a write was done: send it again.
- Reads that are the same for all carry an `ETag`, and answer 304 to `If-None-Match`.
- Errors are `application/problem+json`: `code` is for programs and stays, `detail` is for people.
- Fields may be added to answers. Fields that are not described here are refused in bodies."""

TAGS = {
    "votes": "One vote for each voter and tool.",
    "identity": "Who is known without logging in.",
    "tallies": "What the votes come to, now and then.",
    "tools": "The catalogue, with both verdicts on each tool.",
    "reviews": "What the panel says.",
    "me": "What the one who asks has done.",
    "bookmarks": "The tools that a user keeps, and the collections that these are in.",
    "moderation": "Which votes count, and why others do not.",
    "digest": "The weekly mail.",
    "live": "Numbers that move.",
    "health": "For whoever keeps this running.",
}

_FILE = {"type": "string", "format": "binary"}
_REF = "#/components/schemas/{name}"
_NAMES: dict[str, Any] = {
    "slug": ToolSlug,
    "a": ToolSlug,
    "b": ToolSlug,
    "persona": PersonaSlug,
    "ruling": RulingId,
    "link": LinkId,
    "collection_id": CollectionId,
    "public": Address,
    "unmatched_id": UnmatchedId,
}
"""What a parameter of a path is."""
_TOOLS = {*IN_PATHS, *IN_QUERIES}
"""The parameters that name tools."""
_KEY = "Idempotency-Key"
_IDEMPOTENCY_KEY = {
    "name": _KEY,
    "in": "header",
    "description": "Same key and body, same answer, for ever; same key and other body, 422. A "
    'String of RFC 9651, in quotes, or the key as it stands: `"a"` and `a` are one key.',
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "Only if the thing is as this tag, its `ETag` or its `etag` in quotes, stands "
    "for; `*`: only if there is one. Else 412, and nothing is changed.",
    "schema": {"type": "string"},
}
_PROOF = {
    "name": "Votes-Proof",
    "in": "header",
    "description": "The solution of the challenge that `Votes-Challenge` named. One that is bad, "
    "expired, spent or for something else is as good as none.",
    "schema": {"type": "string"},
}
_CHALLENGE = {
    "Votes-Challenge": {
        "description": "The vote is kept and not counted yet: it counts when it is sent again with "
        "`Votes-Proof`, the solution of the challenge at this address.",
        "schema": {"type": "string", "format": "uri-reference"},
    }
}
_POSITION = {
    "Votes-Position": {
        "description": "Where the log then stood.",
        "schema": {"type": "integer", "format": "int64"},
    }
}
_RETRY_AFTER = {
    "Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}}
}

_LIMITS = {
    "RateLimit-Policy": {
        "description": 'The limits that the request counts towards: `"votes-by-visitor";q=120;w=60`'
        " is 120 at once, which come back within 60 s. No limit is told while none is counted.",
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": "Of the one that is nearest to its end, or that refuses the request, how "
        'much is left and in how many seconds there is more: `"votes-by-visitor";r=119;t=1`.',
        "schema": {"type": "string"},
    },
}

_MOVED = {
    "description": "A slug is a former one: the same request, at the address with that of now.",
    "headers": {"Location": {"schema": {"type": "string", "format": "uri-reference"}}},
}

_SCHEMES = {
    "user": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A user's token, signed by the login of the site; its `roles` may be "
        "`admin`, `moderator`, `panelist` and `service`. A site may also send it in a cookie of "
        "its own.",
    },
    "visitorToken": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`Visitor TOKEN`, from POST /v1/visitors.",
    },
    "visitorCookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-visitor",
        "description": "Set by the first vote of somebody unknown. On http loopback: `visitor`.",
    },
}
_SECURITY: dict[str, list[dict[str, list[str]]]] = {
    "anyone": [],
    "voter": [{"visitorCookie": []}, {"visitorToken": []}, {"user": []}, {}],
    "user": [{"user": []}],
    "admin": [{"user": ["admin"]}],
    "moderator": [{"user": ["moderator"]}],
    "panelist": [{"user": ["panelist"]}],
}


def describe(app: Litestar, handlers: Iterable[HTTPRouteHandler]) -> dict[str, Any]:
    """The OpenAPI document of the app's routes."""
    document: dict[str, Any] = app.openapi_schema.to_schema()
    handlers = list(handlers)
    types = [Problem, *_NAMES.values()] + [kind for one in handlers for kind in _types(one)]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    by_type = dict(zip(types, portable(schemas), strict=True))
    for handler in handlers:
        for path in handler.paths:
            item = document["paths"][path.replace(":str", "")]
            method = next(iter(handler.http_methods))
            _complete(item[method.lower()], operation_of(handler), by_type, method)
    document["paths"][live.PATH] = {"get": _stream(live.DESCRIPTION["get"])}
    parts = document.setdefault("components", {})
    parts.setdefault("schemas", {}).update(portable(components))
    parts["schemas"]["Problem"]["examples"] = [PROBLEM]
    parts["securitySchemes"] = _SCHEMES
    document["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
    return document


def _stream(operation: dict[str, Any]) -> dict[str, Any]:
    problems = _problems(_traits(Operation(), operation["parameters"]) | {"stream", "limited"})
    responses = problems | {"200": dict(operation["responses"]["200"])}
    _tell_limits(responses, "200")
    return operation | {
        "responses": responses,
        "security": _SECURITY["anyone"],
    }


def _tell_limits(responses: dict[str, Any], *statuses: str) -> None:
    for status in (*statuses, "429"):
        responses[status]["headers"] = responses[status].get("headers", {}) | _LIMITS


def _types(handler: HTTPRouteHandler) -> list[Any]:
    declared = operation_of(handler)
    kinds = (declared.body, *declared.responses.values())
    return [kind for kind in kinds if kind is not None]


def _complete(
    operation: dict[str, Any], declared: Operation, by_type: dict[Any, Any], method: str
) -> None:
    examples = EXAMPLES.get(operation["operationId"], {})
    parameters = [portable_parameter(one) for one in operation.get("parameters", ())]
    for one in parameters:
        if one["in"] == "path" and one["name"] in _NAMES:
            one["schema"] = by_type[_NAMES[one["name"]]]
    parameters += [_IDEMPOTENCY_KEY] * declared.write + [_PROOF] * declared.held
    parameters += [_IF_MATCH] * declared.conditional
    if parameters:
        operation["parameters"] = parameters
    if declared.body is not None:
        operation["requestBody"] = {
            "required": not declared.body_optional,
            "content": _content("application/json", by_type[declared.body], examples.get("body")),
        }
    if declared.file:
        content = {"application/octet-stream": {"schema": _FILE}}
        operation["requestBody"] = {"required": True, "content": content}
    responses = {
        str(status): _response(status, by_type.get(kind), examples.get("response"))
        | ({"headers": _CHALLENGE} if declared.held else {})
        for status, kind in declared.responses.items()
    }
    if declared.gives:
        content = {media_type: {"schema": _FILE} for media_type in declared.gives}
        responses["200"] = {"description": HTTPStatus.OK.phrase, "content": content}
    changes = {"changes"} if method not in SAFE else set()
    operation["responses"] = _problems(_traits(declared, parameters) | changes) | responses
    if declared.limited is not None:
        _tell_limits(operation["responses"], *map(str, declared.responses or (200,)))
    operation["security"] = _SECURITY[declared.who]
    operation.pop("deprecated", None)
    if "description" in operation:
        operation["description"] = cleandoc(operation["description"])


def _traits(declared: Operation, parameters: list[dict[str, Any]]) -> set[str]:
    """What the operation has, each `Trait` of refusals among it."""
    names = {one["name"] for one in parameters}
    traits = names | {one["in"] for one in parameters} | {declared.who}
    if names & _TOOLS:
        traits.add("new_tool" if declared.new_tool else "tool")
    if declared.body is not None:
        traits.add("body")
    if declared.limited is not None:
        traits.add("limited")
    if declared.on_behalf:
        traits.add("on_behalf")
    if declared.tool_in_body:
        traits.add("tool_in_body")
    if declared.mails:
        traits.add("mails")
    if declared.file:
        traits.add("file")
    if declared.links:
        traits.add("links")
    return traits | ({"takes_slug"} if declared.takes_slug else set())


def _problems(traits: set[str]) -> dict[str, Any]:
    """The problems that an operation with these traits can answer with, by status."""
    by_status: dict[int, list[str]] = {}
    for code, refusal in REFUSALS.items():
        if refusal.only_of is None or traits.intersection(refusal.only_of):
            by_status.setdefault(refusal.status, []).append(code)
    responses = {}
    for status, codes in sorted(by_status.items()):
        named = _problem(f"A problem: {', '.join(f'`{code}`' for code in codes)}.")
        if "Retry-After" in problem_of(codes[0], "")[1]:
            named["headers"] = _RETRY_AFTER
        responses[str(status)] = named
    if traits & {"tool", "new_tool"}:
        responses["308"] = _MOVED
    return responses | {"default": _problem("Any other problem.")}


def _problem(description: str) -> dict[str, Any]:
    schema = {"$ref": _REF.format(name="Problem")}
    return {"description": description, "content": _content(PROBLEM_TYPE, schema, None)}


def _response(status: int, schema: Any, example: Any) -> dict[str, Any]:
    response: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if schema is None:
        response["headers"] = _POSITION
    else:
        response["content"] = _content("application/json", schema, example)
    return response


def _content(media_type: str, schema: Any, example: Any) -> dict[str, Any]:
    content = {"schema": schema}
    if example is not None:
        content["example"] = example
    return {media_type: content}
