"""ETags are hashes of the content: equal bytes have equal tags, in every process at any time."""

from functools import lru_cache
from hashlib import sha256
from typing import Any

from litestar import Request
from litestar.response.base import ASGIResponse

from votes.http.proxies import header_of

HEX_DIGITS = 32
PIECE_BYTES = 2_047
"""Given more at once, hashlib lets other threads run, and waits to have its turn again: that took
longer than to hash 10 kB."""
REMEMBERED_MAX = 1_024
"""About 1 MB."""


BETWEEN = "-"
"""Between the tag of what a response is of and the hash of all that it says."""


def etag_of(body: bytes, of: str = "") -> str:
    """128 bits of SHA-256, remembered of short ones: a tally is read more often than it changes.
    Before them the tag of what the response is `of`, where it says more than that."""
    return _etag_of_short(body, of) if len(body) <= PIECE_BYTES else _etag_of(body, of)


def _etag_of(body: bytes, of: str) -> str:
    digest = sha256(body[:PIECE_BYTES])
    for start in range(PIECE_BYTES, len(body), PIECE_BYTES):
        digest.update(body[start : start + PIECE_BYTES])
    hashed = digest.hexdigest()[:HEX_DIGITS]
    return f'"{of}{BETWEEN}{hashed}"' if of else f'"{hashed}"'


_etag_of_short = lru_cache(REMEMBERED_MAX)(_etag_of)


def client_has(scope: Any, etag: str) -> bool:
    """Whether the asker has what the tag stands for. Weak comparison (RFC 9110 §13.1.2), since
    intermediaries may have weakened the tag."""
    condition = header_of(scope, b"if-none-match")
    if condition is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in condition.split(",")]
    return etag in tags or tags == ["*"]


def tagged(
    request: Request[Any, Any, Any],
    body: bytes,
    media_type: str,
    headers: tuple[tuple[str, str], ...],
    *,
    compressible: bool = True,
) -> ASGIResponse:
    """The response with its ETag; 304 where the client already has it.

    What may be compressed on its way out has a weak tag, one for all its codings: a strong one
    would promise equal bytes (RFC 9110 §8.8.3.3).
    """
    etag = etag_of(body)
    headers = (*headers, ("etag", f"W/{etag}" if compressible else etag))
    if client_has(request.scope, etag):
        return ASGIResponse(status_code=304, headers=headers)
    return ASGIResponse(body=body, media_type=media_type, headers=headers)
