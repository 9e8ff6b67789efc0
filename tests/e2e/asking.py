"""How the tests ask: tokens, new tools, what the log holds, another API process."""

import asyncio
import contextlib
import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from functools import partial
from typing import Any
from uuid import uuid4

import asyncpg
import http_sf
import httpx
import jwt

from tests import commands
from tests.polling import LIMIT_S, wait_for
from tests.site import SAME_ORIGIN, TLS, Site, free_port

ANSWER_S = 20
BEARER_S = 3_600
"""How long a token is good: those of a module are used by all its tests."""
PROBLEM_FIELDS = {"type", "title", "status", "code", "detail"}


def browser(url: str = "") -> httpx.Client:
    """A client that keeps cookies, and is on a page of the site."""
    return httpx.Client(base_url=url, timeout=ANSWER_S, verify=TLS, headers=SAME_ORIGIN)


def request(method: str, url: str, **options: Any) -> httpx.Response:
    """One request of a program that keeps nothing."""
    with httpx.Client(timeout=ANSWER_S, verify=TLS) as client:
        return client.request(method, url, **options)


get, put = partial(request, "GET"), partial(request, "PUT")


def members(field: bytes) -> Any:
    """Of a header that is a List (RFC 9651): each member with its parameters."""
    return http_sf.parse(field, tltype="list")


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid4().hex[:10]}"


def secrets_of(site: Site) -> dict[str, str]:
    found: dict[str, str] = json.loads((site.data_dir / "secrets.json").read_text())
    return found


def bearer(site: Site, subject: Any, *roles: str, **claims: Any) -> dict[str, str]:
    """The header of a user's token that is signed as the site wants it."""
    said = {"sub": subject, "roles": list(roles), "exp": int(time.time()) + BEARER_S, **claims}
    return authorization(jwt.encode(said, secrets_of(site)["jwt_secret"], algorithm="HS256"))


def authorization(token: str, scheme: str = "Bearer") -> dict[str, str]:
    return {"Authorization": f"{scheme} {token}"}


def hmac_token(header: bytes, payload: bytes, key: bytes) -> str:
    """A token of any bytes, signed as HS256 is."""
    said = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in (header, payload))
    signature = urlsafe_b64encode(hmac.digest(key, said, "sha256")).rstrip(b"=")
    return (said + b"." + signature).decode()


def visitor_token(http: httpx.Client) -> str:
    token: str = http.post("/v1/visitors").json()["token"]
    return token


def new_tool(site: Site, **entry: Any) -> str:
    slug = unique("tool")
    entry = {"name": slug, "category": "Tests", **entry}
    headers = bearer(site, "an-admin", "admin")
    with browser(site.url) as http:
        answer = http.put(f"/v1/tools/{slug}", json=entry, headers=headers)
        assert answer.status_code == 201, answer.text
        seen = {"min_position": answer.json()["position"]}
        assert http.get(f"/v1/tools/{slug}", params=seen).status_code == 200
    return slug


def new_ruling(site: Site) -> str:
    """The id of a ruling on a tool of its own."""
    said = {"tool": new_tool(site), "selector": {}, "verdict": "discount", "reason": "A test."}
    headers = bearer(site, "a-moderator", "moderator")
    with browser(site.url) as http:
        answer = http.post("/v1/rulings", json=said, headers=headers)
    assert answer.status_code == 201, answer.text
    made: str = answer.json()["id"]
    return made


def new_link(site: Site) -> str:
    """The id of a link of a visitor to a user."""
    with browser(site.url) as http:
        body, headers = {"visitor": visitor_token(http)}, bearer(site, unique("ada"))
        answer = http.post("/v1/me/link", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    made: str = answer.json()["link"]
    return made


def new_shared_collection(site: Site) -> str:
    """The address of a public collection."""
    path, body = f"{site.url}/v1/me/collections/work", {"name": "Work", "public": True}
    public: str = put(path, json=body, headers=bearer(site, unique("ada"))).json()["public"]
    return public


def head(site: Site) -> int:
    """The last position of the log."""
    position: int = get(f"{site.url}/health/ready").json()["head"]
    return position


ABOUT = """SELECT count(*) FROM events WHERE subject =
    (SELECT data->>'tool' FROM events WHERE stream = 'slug:' || $1 AND version = 1)"""
BY_REQUEST = "SELECT count(*) FROM events WHERE position > $1 AND meta->>'request' = $2"
"""What counts the events about a tool, and those after a position that requests with an
`X-Request-ID` wrote."""
NOT_BY_WORKER = """SELECT count(*) FROM events WHERE position > $1
    AND (meta->>'actor' IS NULL OR meta->>'actor' NOT IN ('scan', 'ruling', 'link'))"""


def events(site: Site, which: str, *about: str | int) -> int:
    """How many of these events are in the log."""
    return asyncio.run(_found(site, which, *about))


def last(site: Site) -> int:
    """The last position of the log itself: what the API says of it may be behind."""
    return asyncio.run(_found(site, "SELECT max(position) FROM events"))


async def _found(site: Site, query: str, *about: str | int) -> int:
    connection = await asyncpg.connect(site.servers.app_url)
    try:
        return int(await connection.fetchval(query, *about))
    finally:
        await connection.close()


@contextlib.contextmanager
def nothing_stored(site: Site) -> Iterator[None]:
    """Nothing that is asked meanwhile writes to the log. A worker may, at any time: it looks for
    fraud, carries out rulings, undoes links."""
    before = last(site)
    yield
    assert events(site, NOT_BY_WORKER, before) == 0


def everything(site: Site, path: str, field: str, who: dict[str, str]) -> list[Any]:
    """All that is listed there: others have left more on the shared program than a page holds."""
    found: list[Any] = []
    params: dict[str, Any] = {"limit": 100}
    with browser(site.url) as http:
        while True:
            page = http.get(path, params=params, headers=who).json()
            found += page[field]
            if page["next_cursor"] is None:
                assert page["total"] == len(found)
                return found
            params["cursor"] = page["next_cursor"]


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem that the answer is, whole and consistent."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    said: dict[str, Any] = answer.json()
    assert set(said) == PROBLEM_FIELDS
    assert (answer.status_code, said["status"], said["code"]) == (status, status, code), said
    assert said["type"] == f"urn:votes:problem:{code}"
    assert said["title"]
    assert said["detail"]
    assert "no-store" in answer.headers["cache-control"]
    return said


@contextlib.contextmanager
def api_beside(site: Site, **env: str) -> Iterator[str]:
    """Another API process on the site's servers, with settings of its own; its address."""
    port, kept = free_port(), secrets_of(site)
    ours = {
        "VOTES_POSTGRES_URL": site.servers.api_url,
        "VOTES_REDIS_URL": site.servers.redis_api_url,
        "VOTES_SECRET_KEYS": kept["secret_key"],
        "VOTES_JWT_SECRET": kept["jwt_secret"],
    }
    settings = {name: value for name, value in (site.env | ours | env).items() if value}
    process = commands.begun(["api", "--port", str(port)], settings)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: is_ready(url), "the API")
        yield url
    finally:
        process.terminate()
        process.join(LIMIT_S)
        ended = process.exitcode is not None
        process.kill()  # or the tests would wait for it at their end
        assert ended


def is_ready(url: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return bool(get(f"{url}/health/ready", timeout=2).json()["status"] == "ok")
    return False
