"""No secret is in what a process prints or logs, nor in the list of processes."""

import contextlib
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.e2e.asking import get, request
from tests.polling import wait_for
from tests.site import Site, free_port
from votes.config import Config, ConfigError, load, without_password

CANARY = "canary-7f3a"
SECRETS = {
    "VOTES_SECRET_KEYS": f"{CANARY}-of-the-visitors,{CANARY}-before-that",
    "VOTES_JWT_SECRET": f"{CANARY}-of-the-tokens-of-users-it-is-long",
    "VOTES_LOG": "debug",
}
ENDS_S = 300
"""Nine commands start at once here, which takes a busy machine minutes."""
GOOD, AWAY, WRONG = "good", "away", "wrong"
COMMANDS = (
    "doctor",
    "verify",
    "rebuild",
    "migrate",
    "tail --no-follow",
    "export tallies",
    "explain notion",
    "ruling list",
    "import votes /dev/null",
)
"""All that end by themselves, and use a server."""


def urls(site: Site, state: str) -> dict[str, str]:
    """With passwords: of the site's servers, of none, and of logins that there are not."""
    at = site.servers
    postgres, redis = at.app_url, at.redis_owner_url
    if state == WRONG:
        postgres, redis = postgres.replace("votes_app", "nobody"), redis.replace("owner", "nobody")
    postgres = postgres.replace("@", f":{CANARY}-of-postgres@")
    redis = redis.replace("@", f":{CANARY}-of-redis@")
    if state == AWAY:
        postgres, redis = (url.replace("/tmp/", "/tmp/away/") for url in (postgres, redis))
    names = {"VOTES_POSTGRES_URL": postgres, "VOTES_MIGRATION_URL": postgres}
    return names | {"VOTES_REDIS_URL": redis, "VOTES_QUEUE_URL": redis}


def started(
    site: Site, state: str, *command: str, **more: str
) -> tuple[subprocess.Popen[bytes], Path]:
    """A command with these secrets, and the file of all that it says."""
    log = site.data_dir.parent / f"{state}-{command[0]}.log"
    env = site.env | SECRETS | urls(site, state) | more
    argv = [sys.executable, "-m", "votes", *command]
    with log.open("wb") as out:
        return subprocess.Popen(argv, env=env, stdout=out, stderr=out), log


def in_processes() -> list[str]:
    """The command lines of any process with the canary."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(process.read_text(errors="replace").replace("\0", " "))
    return [line for line in found if CANARY in line]


def in_log(log: Path) -> list[str]:
    return [line for line in log.read_text(errors="replace").splitlines() if CANARY in line]


@pytest.mark.parametrize("state", [GOOD, AWAY, WRONG])
def test_no_process_tells_a_secret(live_site, state):
    port = free_port()
    serving = [started(live_site, state, "api", "--port", str(port))]
    serving.append(started(live_site, state, "worker"))
    others = [started(live_site, state, *command.split()) for command in COMMANDS]
    try:
        assert in_processes() == []
        for process, _ in others:
            process.wait(ENDS_S)
        wait_for(lambda: answers(port) or state == WRONG, "the API")
        if state != WRONG:  # without its login the API does not start
            ask_with_secrets(f"http://127.0.0.1:{port}")
        assert in_processes() == []
    finally:
        for process, _ in (*serving, *others):
            process.terminate()
            process.wait(ENDS_S)
    told = [log.read_text() for _, log in others]
    assert all(told), [log for _, log in others]
    assert [line for _, log in (*serving, *others) for line in in_log(log)] == []


def answers(port: int) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return get(f"http://127.0.0.1:{port}/health/live", timeout=2).status_code == 200
    return False


def ask_with_secrets(url: str) -> None:
    """Requests with tokens, good and bad, wherever somebody may put one."""
    token = f"{CANARY}.of.requests"
    for headers in (
        {"Authorization": f"Bearer {token}"},
        {"Authorization": f"Visitor {token}"},
        {"Authorization": f"Basic {token}"},
        {"Cookie": f"visitor={token}; session={token}"},
        {"Votes-Proof": token, "Idempotency-Key": token},
    ):
        for path in ("/v1/me", "/v1/tools/notion", "/", "/nothing"):
            get(f"{url}{path}?token={token}", headers=headers)
        vote = f"{url}/v1/tools/notion/vote"
        request("PUT", vote, headers=headers, json={"choice": "ship", "token": token})
        json = headers | {"Content-Type": "application/json"}
        request("PUT", vote, headers=json, content=f'{{"choice": "{token}'.encode())


def test_what_starts_all_tells_no_secret(live_site, tmp_path):
    """`votes up` prints where its servers are."""
    owner = live_site.servers.owner_url.replace("@", f":{CANARY}-of-the-owner@")
    own = {"VOTES_DATA_DIR": str(tmp_path), "VOTES_MIGRATION_URL": owner}
    process, log = started(live_site, GOOD, "up", "--port", str(free_port()), **own)
    try:
        wait_for(lambda: b"Ctrl-C" in log.read_bytes(), "votes up")
        assert in_processes() == []
    finally:
        process.terminate()
        process.wait(60)
    assert ":***@" in log.read_text()
    assert in_log(log) == []


@pytest.mark.parametrize("name", ["VOTES_POSTGRES_URL", "VOTES_REDIS_URL", "VOTES_JWKS_URL"])
@pytest.mark.parametrize("sign", ["/", "[", "?", "#", "]", "@", ":", " "])
def test_a_password_that_makes_no_url_is_not_told(name, sign):
    scheme = {"VOTES_POSTGRES_URL": "postgresql", "VOTES_REDIS_URL": "redis"}.get(name, "https")
    told = ""
    try:
        load({name: f"{scheme}://u:{CANARY}{sign}{CANARY}@h:5/d"})
    except ConfigError as error:
        told = str(error)
    assert CANARY not in told


def test_settings_are_not_printed():
    assert CANARY not in repr(Config(jwt_secret=CANARY, secret_keys=(CANARY.encode(),)))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:p:w@h:5/d?host=/x", "postgresql://u:***@h:5/d?host=/x"),
        ("redis://:p@h/0", "redis://:***@h/0"),
        ("unix://u:p@/s?db=0&password=p", "unix://u:***@/s?db=0&password=***"),
        ("postgresql://u@/d?host=/x:y@z", "postgresql://u@/d?host=/x:y@z"),
        ("redis://h:5/0", "redis://h:5/0"),
    ],
)
def test_a_url_is_shown_without_its_password(url, shown):
    assert without_password(url) == shown
