"""A Litestar application with two of our routes that do nothing, on granian as we run it; and bytes
without Litestar.

python -m tests.benchmarks.peers.nothing PORT
"""

import sys
from collections.abc import Awaitable
from typing import Any

import msgspec
from litestar import Litestar, Request, get, put
from litestar.response.base import ASGIResponse

from votes.api.routes.votes import VoteBody
from votes.cli.serve import serve

BARE = "/bare"
VOTE = b'{"tool":"tool-00","choice":"ship","previous":null,"changed":true,"position":123456}'
TALLY = (
    b'{"tool":"tool-00","ship":1234,"skip":567,"total":1801,"ship_share":0.6851749028317602,'
    b'"call":"ship","leaning":"ship","estimate":0.6847645429362881,'
    b'"interval":[0.6454,0.7229],"position":123456,"as_of":"2026-01-31T12:00:00.123456Z",'
    b'"stale":false}'
)

_body = msgspec.json.Decoder(VoteBody)


@put("/v1/tools/{slug:str}/vote", status_code=200)
async def vote(request: Request[Any, Any, Any], slug: str) -> ASGIResponse:
    _body.decode(await request.body())
    return ASGIResponse(body=VOTE, media_type="application/json")


@get("/v1/tools/{slug:str}/tally")
async def tally(slug: str) -> ASGIResponse:
    return ASGIResponse(body=TALLY, media_type="application/json")


@get("/health/ready")
async def ready() -> ASGIResponse:
    return ASGIResponse(body=b"{}", media_type="application/json")


litestar = Litestar([vote, tally, ready], openapi_config=None, logging_config=None)
_HEADERS = (
    (b"content-type", b"application/json"),
    (b"content-length", b"%d" % len(TALLY)),
)


def app(scope: Any, receive: Any, send: Any) -> Awaitable[None]:
    """The application; at `BARE` the least that one can do."""
    if scope["type"] == "http" and scope["path"] == BARE:
        return _send_bytes(send)
    return litestar(scope, receive, send)


async def _send_bytes(send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": TALLY})


def main() -> None:
    serve("tests.benchmarks.peers.nothing:app", "127.0.0.1", int(sys.argv[1]))


if __name__ == "__main__":
    main()
