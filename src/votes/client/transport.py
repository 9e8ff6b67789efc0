"""Requests with retries, and what their refusals become."""

import asyncio
import random
from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import msgspec

from votes.app.shapes import Problem

ATTEMPTS_MAX = 4
BACKOFF_FIRST_S = 0.2
BACKOFF_MAX_S = 5.0
RETRIED = frozenset({429, 502, 503, 504})

View = TypeVar("View")


class ProblemError(Exception):
    """The API refused; `problem.code` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.code}: {problem.detail}")
        self.problem = problem


class Transport:
    """Requests by an HTTP client, retried as far as that is safe."""

    _http: httpx.AsyncClient

    async def _get(
        self, path: str, kind: type[View], query: Mapping[str, Any] | None = None
    ) -> View:
        given = {name: value for name, value in (query or {}).items() if value not in (None, 0)}
        response = await self._request("GET", path, params=given)
        return msgspec.json.decode(response.content, type=kind)

    async def _write(self, method: str, path: str, kind: type[View], body: Any = None) -> View:
        response = await self._command(method, path, body)
        return msgspec.json.decode(response.content, type=kind)

    async def _command(
        self, method: str, path: str, body: Any = None, **more: str
    ) -> httpx.Response:
        headers = {"Content-Type": "application/json", "Idempotency-Key": f'"{uuid4()}"', **more}
        content = msgspec.json.encode(body) if body is not None else None
        return await self._request(method, path, headers=headers, content=content)

    async def _request(self, method: str, path: str, **request: Any) -> httpx.Response:
        """The response, with retries. Raises `ProblemError`."""
        for attempt in range(1, ATTEMPTS_MAX + 1):
            wait_s = min(BACKOFF_FIRST_S * 2**attempt, BACKOFF_MAX_S)
            try:
                response = await self._http.request(method, path, **request)
            except httpx.TransportError:
                if attempt == ATTEMPTS_MAX:
                    raise
            else:
                if not response.is_error:
                    return response
                if response.status_code not in RETRIED or attempt == ATTEMPTS_MAX:
                    raise ProblemError(problem_of(response))
                wait_s = max(wait_s, float(response.headers.get("Retry-After", 0)))
            await asyncio.sleep(wait_s * random.uniform(0.5, 1))  # noqa: S311
        raise AssertionError("unreachable")


def problem_of(response: httpx.Response) -> Problem:
    """What the API says, or the status where something else responds."""
    try:
        return msgspec.json.decode(response.content, type=Problem)
    except msgspec.MsgspecError:
        detail = f"HTTP {response.status_code}"
        return Problem("about:blank", detail, response.status_code, "unknown", detail)
