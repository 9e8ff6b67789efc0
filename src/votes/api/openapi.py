"""The description of the API: Litestar's, completed with bodies, answers and problems.

Bodies are read by hand (strictly, and only when they say that they are JSON), so a route names
its types in `opt`: `body`, `answers` by status, and `write` for what takes an `Idempotency-Key`.
"""

from collections.abc import Iterable
from http import HTTPStatus
from inspect import cleandoc
from typing import Any

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from votes.api import live
from votes.api.errors import STATUS
from votes.api.examples import EXAMPLES
from votes.app.shapes import Problem

_REF = "#/components/schemas/{name}"
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Same key and body, same answer, for ever; same key and other body, 422.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
_SECURITY = {
    "user": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "visitorToken": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`Visitor TOKEN`, from POST /v1/visitors.",
    },
    "visitorCookie": {"type": "apiKey", "in": "cookie", "name": "__Host-visitor"},
}


def describe(app: Litestar, handlers: Iterable[HTTPRouteHandler]) -> dict[str, Any]:
    """The OpenAPI document of the app's routes."""
    document: dict[str, Any] = app.openapi_schema.to_schema()
    handlers = list(handlers)
    types = [Problem] + [kind for handler in handlers for kind in _types(handler)]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    by_type = dict(zip(types, schemas, strict=True))
    for handler in handlers:
        for path in handler.paths:
            item = document["paths"][path.replace(":str", "")]
            _complete(item[next(iter(handler.http_methods)).lower()], handler, by_type)
    document["paths"][live.PATH] = live.DESCRIPTION
    parts = document.setdefault("components", {})
    parts.setdefault("schemas", {}).update(_portable(components))
    parts["securitySchemes"] = _SECURITY
    return document


def _portable(schemas: dict[str, Any]) -> dict[str, Any]:
    """The same whatever reads or writes it: Python's `\\A` and `\\Z` are letters to JavaScript, and
    before 3.13 Python keeps the indentation of docstrings."""
    for schema in schemas.values():
        if "description" in schema:
            schema["description"] = cleandoc(schema["description"])
    text = msgspec.json.encode(schemas).replace(rb"\\A", b"^").replace(rb"\\Z", b"$")
    return msgspec.json.decode(text, type=dict[str, Any])


def _types(handler: HTTPRouteHandler) -> list[Any]:
    body = [handler.opt["body"]] if "body" in handler.opt else []
    return body + list(handler.opt.get("answers", {}).values())


def _complete(
    operation: dict[str, Any], handler: HTTPRouteHandler, by_type: dict[Any, Any]
) -> None:
    opt = handler.opt
    examples = EXAMPLES.get(operation["operationId"], {})
    if "body" in opt:
        operation["requestBody"] = {
            "required": not opt.get("body_optional", False),
            "content": _content("application/json", by_type[opt["body"]], examples.get("body")),
        }
    if opt.get("write"):
        operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
    answers = opt.get("answers", {204: None})
    responses = {
        str(status): _response(status, by_type.get(kind), examples.get("answer"))
        for status, kind in answers.items()
    }
    problem = _content("application/problem+json", by_type[Problem], None)
    codes = ", ".join(f"`{code}`" for code in STATUS)
    responses["default"] = {"description": f"A problem: {codes}.", "content": problem}
    operation["responses"] = responses


def _response(status: int, schema: Any, example: Any) -> dict[str, Any]:
    response: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if schema is not None:
        response["content"] = _content("application/json", schema, example)
    return response


def _content(media_type: str, schema: Any, example: Any) -> dict[str, Any]:
    content = {"schema": schema}
    if example is not None:
        content["example"] = example
    return {media_type: content}
