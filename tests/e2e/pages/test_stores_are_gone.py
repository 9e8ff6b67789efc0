"""Pages while the log does not answer: what is in memory is shown, a vote is told to come again."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.asking import bearer, browser, get, secrets_of, unique
from tests.e2e.pages.reading import PAIR, named, one, page, parsed, words
from tests.polling import wait_for
from tests.site import SAME_ORIGIN, free_port
from votes.http.errors import OUTAGE_LOGGED_S


def shows_read_models(url: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return bool(get(f"{url}/health/ready").json()["read_models"])
    return False


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> Path:
    """What the API process without its Postgres says on standard error."""
    return tmp_path_factory.mktemp("api") / "log"


@pytest.fixture(scope="module")
def without_log(live_site, log) -> Iterator[httpx.Client]:
    """An API process whose Postgres nobody answers for, with the site's read models."""
    kept, port = secrets_of(live_site), free_port()
    env = live_site.env | {
        "VOTES_POSTGRES_URL": f"postgresql://votes_api@127.0.0.1:{free_port()}/votes",
        "VOTES_REDIS_URL": live_site.servers.redis_api_url,
        "VOTES_SECRET_KEYS": kept["secret_key"],
        "VOTES_JWT_SECRET": kept["jwt_secret"],
    }
    argv = [sys.executable, "-m", "votes", "api", "--port", str(port)]
    with log.open("wb") as said:
        process = subprocess.Popen(argv, env=env, stderr=said)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(lambda: shows_read_models(url), "the API")
            with browser(url) as http:
                yield http
        finally:
            process.terminate()
            process.wait(20)


def test_pages_are_shown_from_memory(live_site, without_log):
    user = bearer(live_site, unique("reader"))
    for headers in ({}, user):
        for path in ("/", PAIR, "/?q=note", "/compare", "/feed.xml", "/og/notion.png"):
            assert without_log.get(path, headers=headers).status_code == 200
        tree = page(without_log, "/tools/notion", headers=headers)
        assert "cannot be read" not in words(one(tree, "main"))


def test_an_outage_is_told_in_few_lines_that_count_the_requests(without_log, log):
    def told() -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in log.read_text().splitlines() if line[:1] == "{"]
        return [line for line in lines if line["event"] == "unavailable"]

    def requests() -> int:
        return sum(line.get("requests", 1) for line in told())

    before, start = (len(told()), requests()), time.monotonic()
    for _ in range(200):
        answer = without_log.put("/v1/tools/notion/vote", json={"choice": "ship"})
        assert answer.status_code == 503
    wait_for(lambda: requests() - before[1] >= 200, "all requests to be told")
    lines = len(told()) - before[0]
    assert lines <= 2 + (time.monotonic() - start) / OUTAGE_LOGGED_S
    assert all(line["error"].startswith("Postgres: ") for line in told())


def test_a_vote_is_told_to_come_again(without_log):
    data = {"choice": "ship"}
    answer = without_log.post("/tools/notion/vote", data=data, headers=SAME_ORIGIN)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "set-cookie" not in answer.headers
    tree = parsed(answer.text)
    assert words(one(tree, "h1")) == "Back in a moment"
    assert named(tree, "a", class_="button")


def test_bookmarks_are_told_to_come_again(live_site, without_log):
    user = bearer(live_site, unique("reader"))
    tree = page(without_log, "/bookmarks", 503, headers=user)
    assert one(tree, "a", class_="button").get("href") == "/bookmarks"


def test_the_status_says_so(without_log):
    tree = page(without_log, "/status", 503)
    assert words(one(tree, "h1")) == "Not taking votes"
