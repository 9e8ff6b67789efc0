"""Former slugs of tools: their addresses lead to those of now, for good."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from litestar import Request, Response

from votes.app.catalogue.tools import current_slug
from votes.domain.terms import ToolSlug
from votes.engine.read_models import ReadModels

IN_PATHS = ("slug", "a", "b")
"""The parameters of paths that name a tool."""
IN_QUERIES = ("tool", "tools", "a", "b")
"""The parameters of queries that name tools, separated by commas."""
CACHE_CONTROL = "public, max-age=0, must-revalidate"


class Moved(Exception):
    """An address that holds former slugs: what each one's tool is called now."""

    def __init__(self, names: Mapping[ToolSlug, ToolSlug]) -> None:
        super().__init__(f"called otherwise now: {names}")
        self.names = names


def require_current(models: ReadModels | None, slugs: Iterable[ToolSlug]) -> None:
    """Raises `Moved` where one of them is a former slug, as far as the models know."""
    if models is None:
        return
    names = {slug: now for slug in slugs if (now := current_slug(models, slug)) != slug}
    if names:
        raise Moved(names)


def location(scope: Any, names: Mapping[ToolSlug, ToolSlug]) -> str:
    """The same address, with the slugs of now."""
    path = scope["path"]
    if parameters := scope.get("path_params"):
        now = {
            name: quote(names.get(value, value) if name in IN_PATHS else str(value), safe="")
            for name, value in parameters.items()
        }
        path = scope["path_template"].format(**now)
    query = scope["query_string"].decode("latin-1")
    if not query:
        return str(path)
    fields = [
        (name, _renamed(value, names) if name in IN_QUERIES else value)
        for name, value in parse_qsl(query, keep_blank_values=True)
    ]
    return f"{path}?{urlencode(fields, safe=',')}"


def _renamed(value: str, names: Mapping[ToolSlug, ToolSlug]) -> str:
    return ",".join(names.get(slug, slug) for slug in value.split(","))


def moved(request: Request[Any, Any, Any], error: Moved) -> Response[bytes]:
    to = location(request.scope, error.names)
    headers = {"Location": to, "Cache-Control": CACHE_CONTROL, "Vary": "Origin"}
    return Response(b"", status_code=308, media_type="text/plain", headers=headers)
