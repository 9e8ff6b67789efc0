"""ETags are hashes of the content: equal bytes have equal tags, in every process at any time."""

from hashlib import sha256
from typing import Any

from litestar import Request
from litestar.response.base import ASGIResponse

from votes.http.proxies import header_of

HEX_DIGITS = 32
PIECE_BYTES = 2_047
"""Given more at once, hashlib lets other threads run, and waits to have its turn again: that took
longer than to hash 10 kB."""


BETWEEN = "-"
"""Between the tag of what a response is of and the hash of all that it says."""


def etag_of(body: bytes, of: str = "") -> str:
    """128 bits of SHA-256, for which processors have instructions: a microsecond for a tally.
    Before them the tag of what the response is `of`, where it says more than that."""
    digest = sha256(body[:PIECE_BYTES])
    for start in range(PIECE_BYTES, len(body), PIECE_BYTES):
        digest.update(body[start : start + PIECE_BYTES])
    hashed = digest.hexdigest()[:HEX_DIGITS]
    return f'"{of}{BETWEEN}{hashed}"' if of else f'"{hashed}"'


def client_has(request: Request[Any, Any, Any], etag: str) -> bool:
    """Whether the asker has what the tag stands for. Weak comparison (RFC 9110 §13.1.2), since
    intermediaries may have weakened the tag."""
    condition = header_of(request.scope, b"if-none-match")
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
    if client_has(request, etag):
        return ASGIResponse(status_code=304, headers=headers)
    return ASGIResponse(body=body, media_type=media_type, headers=headers)
