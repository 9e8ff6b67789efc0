"""What a route says of itself for the description, where Litestar cannot see it."""

from collections.abc import Mapping
from typing import Any, Literal

from litestar.handlers import HTTPRouteHandler
from msgspec import Struct, field

from votes.http.checks.limiting import Limited

Who = Literal["anyone", "voter", "user", "admin", "moderator", "panelist"]


class Operation(Struct, frozen=True, kw_only=True):
    """`responses` has the type of each status, None for no body; `write` is for what takes an
    `Idempotency-Key`, `conditional` for what takes an `If-Match`, `who` for who may ask. The slug
    in the path of a `new_tool` may be one that no tool has yet; the body of what `takes_slug` names
    one to be taken, that of a `tool_in_body` one that a tool has, and that of what `links` a
    visitor; that of what takes a `file` is one. What `gives` these media types responds with
    a file. What `mails` needs a site that does. `limited` says what its requests count as; what is
    `held` may be sent again with a proof of work; what can be done `on_behalf` of somebody else
    needs a role then.
    """

    responses: Mapping[int, Any] = field(default_factory=lambda: {204: None})
    body: Any = None
    body_optional: bool = False
    write: bool = False
    conditional: bool = False
    who: Who = "anyone"
    new_tool: bool = False
    takes_slug: bool = False
    tool_in_body: bool = False
    links: bool = False
    limited: Limited | None = None
    held: bool = False
    mails: bool = False
    file: bool = False
    gives: tuple[str, ...] = ()
    on_behalf: bool = False

    @property
    def opt(self) -> dict[str, Any]:
        """How a route's decorator takes it."""
        return {"operation": self} | (self.limited.opt if self.limited is not None else {})


def operation_of(handler: HTTPRouteHandler) -> Operation:
    operation: Operation = handler.opt["operation"]
    return operation
