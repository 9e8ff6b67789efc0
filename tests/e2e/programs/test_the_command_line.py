"""The `votes` command: help, exit codes, and settings that are wrong, each told in one line."""

import json
import re
import socket
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests import commands
from tests.e2e.asking import (
    authorization,
    get,
    head,
    new_tool,
    put,
)
from tests.site import site
from votes.cli import cli
from votes.config import ConfigError, load
from votes.engine.projection import PARKED
from votes.projections import PROJECTIONS

COMMANDS = ["up", "api", "worker", "migrate", "import", "export", "rebuild", "verify", "tail"]
COMMANDS += ["token", "doctor", "explain", "rename", "ruling"]
NOBODY = "127.0.0.1:1"


def votes(*arguments: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """The command in an environment of its own."""
    settings = {"PATH": "/usr/bin:/bin", "VOTES_DATA_DIR": str(folder / "data"), **env}
    return commands.votes(arguments, settings, folder, timeout_s=60)


def test_every_command_has_help(live_site):
    listed = live_site.votes("--help")
    assert listed.returncode == 0
    for command in COMMANDS:
        assert f"\n  {command} " in listed.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_says_what_it_does(command):
    told = CliRunner().invoke(cli, [command, "--help"])
    assert told.exit_code == 0
    assert told.stdout.startswith("Usage: ")
    assert not told.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["nothing"],
        ["verify", "--no-such-option"],
        ["import", "nothing", "/dev/null"],
        ["import", "votes", "/no/such/file"],
        ["export", "nothing"],
        ["up", "--port", "70000"],
        ["tail", "--after", "-1"],
        ["token"],
        ["token", "--subject", ""],
        ["token", "--subject", "a\nb"],
        ["token", "--subject", "a", "--role", "root"],
        ["token", "--subject", "a", "--persona", "Some One"],
        ["token", "--subject", "a", "--ttl-hours", "0"],
        ["rebuild", "--projection", "nothing"],
        ["ruling", "discount", "notion"],
        ["ruling", "discount", "notion", "--reason", ""],
        ["ruling", "discount", "notion", "--reason", "x", "--from", "yesterday"],
        ["ruling", "discount", "notion", "--reason", "x", "--to", "2026-01-31T12:00:00"],
        ["ruling", "release", "notion", "--reason", "x", "--cluster", "NO"],
        ["ruling", "lift"],
    ],
)
def test_wrong_usage_exits_with_2_and_touches_nothing(tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(cli, arguments)
    assert told.exit_code == 2
    assert "Error: " in told.stderr
    assert not told.stdout
    assert list(tmp_path.iterdir()) == []


def test_wrong_usage_of_the_process_exits_with_2(tmp_path):
    told = votes("nothing", folder=tmp_path)
    assert told.returncode == 2
    assert "Error: No such command 'nothing'." in told.stderr


URL = f"postgresql://u:p@{NOBODY}/votes"
WRONG_VALUES = [
    ("VOTES_POSTGRES_URL", f"mysql://{NOBODY}/votes"),
    ("VOTES_POSTGRES_URL", "postgresql://localhost:port/votes"),
    ("VOTES_POSTGRES_URL", "postgresql://[/votes"),
    ("VOTES_REDIS_URL", f"http://{NOBODY}"),
    ("VOTES_QUEUE_URL", "redis//localhost"),
    ("VOTES_MIGRATION_URL", "localhost"),
    ("VOTES_REDIS_PREFIX", "two words"),
    ("VOTES_REDIS_PREFIX", "votes:2"),
    ("VOTES_REDIS_PREFIX", "votes*"),
    ("VOTES_REDIS_PREFIX", "{votes}"),
    ("VOTES_REDIS_PREFIX", "abstimmungen-für-alle"),
    ("VOTES_REDIS_PREFIX", "votes\n"),
    ("VOTES_SECRET_KEYS", "short"),
    ("VOTES_SECRET_KEYS", f"{'a' * 32},short"),
    ("VOTES_JWT_SECRET", "short"),
    ("VOTES_JWKS_URL", "file:///etc/passwd"),
    ("VOTES_LOG", "loud"),
    ("VOTES_ON_BEHALF", "on"),
    ("VOTES_CHALLENGE_COST", "0"),
    ("VOTES_CHALLENGE_COST", "much"),
    ("VOTES_CHALLENGE_COST", "1000001"),
    ("VOTES_ALLOWED_ORIGINS", "https://app.example.com/"),
    ("VOTES_ALLOWED_ORIGINS", "https://app.example.com?a=b"),
    ("VOTES_ALLOWED_ORIGINS", "https://App.example.com"),
    ("VOTES_ALLOWED_ORIGINS", "http://["),
    ("VOTES_ALLOWED_ORIGINS", "*"),
    ("VOTES_ALLOWED_ORIGINS", "null"),
    ("VOTES_ALLOWED_ORIGINS", "https://app.example.com:443"),
    ("VOTES_ALLOWED_ORIGINS", "http://app.example.com:80"),
    ("VOTES_USER_COOKIE", "my cookie"),
    ("VOTES_USER_COOKIE", "session;"),
    ("VOTES_USER_COOKIE", "a=b"),
    ("VOTES_USER_COOKIE", "Sitzung-für-alle"),
    ("VOTES_USER_COOKIE", '"session"'),
    ("VOTES_USER_COOKIE", "session\n"),
    ("VOTES_PUBLIC_URL", "https://example.com/"),
    ("VOTES_PUBLIC_URL", "https://example.com/votes"),
    ("VOTES_PUBLIC_URL", "https://example.com:443"),
    ("VOTES_PUBLIC_URL", "https://example.com?a=b"),
    ("VOTES_PUBLIC_URL", "https://a@example.com"),
    ("VOTES_PUBLIC_URL", "ftp://example.com"),
    ("VOTES_PUBLIC_URL", "example.com"),
    ("VOTES_ALLOWED_HOSTS", "https://example.com"),
    ("VOTES_ALLOWED_HOSTS", "example.com,*"),
    ("VOTES_ALLOWED_HOSTS", "example.com:http"),
    ("VOTES_TRUSTED_PROXIES", "10.0.0.0/99"),
    ("VOTES_TRUSTED_PROXIES", "proxy"),
]


@pytest.mark.parametrize(("name", "value"), WRONG_VALUES)
def test_a_wrong_value_is_named(name, value):
    with pytest.raises(ConfigError, match=rf"^{name}: [^\n]+$"):
        load({name: value})


def test_names_and_addresses_are_taken_as_they_are():
    env = {
        "VOTES_USER_COOKIE": "__Host-session",
        "VOTES_PUBLIC_URL": "http://[::1]:8000",
        "VOTES_ALLOWED_HOSTS": "example.com, example.com:8443,192.168.1.5",
    }
    config = load(env)
    assert (config.user_cookie, config.public_url) == ("__Host-session", "http://[::1]:8000")
    assert config.allowed_hosts == ("example.com", "example.com:8443", "192.168.1.5")


WRONG_SETTINGS = [
    (["verify"], {"VOTES_POSTGRES_URL": f"mysql://{NOBODY}/votes"}),
    (["up"], {"VOTES_SECRET_KEYS": "short"}),
    (["export", "events"], {"VOTES_LOG": "loud"}),
    (["api"], {"VOTES_REDIS_URL": f"redis://{NOBODY}"}),
    (["worker"], {"VOTES_POSTGRES_URL": URL}),
    (["worker"], {"VOTES_REDIS_PREFIX": "votes:2"}),
    (["migrate"], {"VOTES_POSTGRES_URL": URL}),
    (["tail", "--no-follow"], {"VOTES_POSTGRES_URL": URL}),
    (["import", "votes", "/dev/null"], {"VOTES_POSTGRES_URL": URL}),
]
NAMED = {
    ("api", "VOTES_REDIS_URL"): "VOTES_POSTGRES_URL",
    ("worker", "VOTES_POSTGRES_URL"): "VOTES_REDIS_URL",
}


@pytest.mark.parametrize(("arguments", "env"), WRONG_SETTINGS, ids=str)
def test_a_wrong_setting_is_told_in_one_line_that_names_it(tmp_path, arguments, env):
    told = votes(*arguments, folder=tmp_path, **env)
    assert told.returncode == 1
    name = NAMED.get((*arguments, *env)) or next(iter(env))
    assert told.stderr.startswith(f"votes: {name}: "), told.stderr
    assert told.stderr.count("\n") == 1
    assert not told.stdout


def warnings(text: str) -> list[dict[str, str]]:
    """What the log's lines among these say as warnings."""
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [line for line in lines if line["level"] == "warning"]


def test_a_name_that_is_no_setting_is_told_with_the_nearest(tmp_path):
    env = {"VOTES_JWT_SECRTE": "a" * 32, "VOTES_": "", "VOTES_LOG": "warning", "VOTE_LOG": "loud"}
    env["VOTES_JWT_SECRET"] = "b" * 32
    told = votes("token", "--subject", "ada", folder=tmp_path, **env)
    assert told.returncode == 0
    said = {line["name"]: line["nearest"] for line in warnings(told.stderr)}
    assert said.pop("VOTES_JWT_SECRTE") == "VOTES_JWT_SECRET"
    assert said.pop("VOTES_").startswith("VOTES_")
    assert said == {}
    assert told.stdout.count("\n") == 1


def test_a_start_of_all_warns_once_and_not_of_its_own_secret():
    with site(VOTES_PUBLIC_ULR="https://example.com") as running:
        told = warnings((running.data_dir.parent / "up.log").read_text())
    assert [line["nearest"] for line in told if "nearest" in line] == ["VOTES_PUBLIC_URL"]
    assert not [line for line in told if AUDIENCE in line["event"]]


AUDIENCE = "VOTES_JWT_AUDIENCE"
UNCHECKED = [
    ({"VOTES_JWT_SECRET": "a" * 32}, 1),
    ({"VOTES_JWKS_URL": "https://example.com/keys"}, 1),
    ({"VOTES_JWT_SECRET": "a" * 32, AUDIENCE: "votes"}, 0),
    ({}, 0),
]


@pytest.mark.parametrize(("env", "lines"), UNCHECKED)
def test_an_audience_that_is_not_checked_is_told_in_one_line(tmp_path, env, lines):
    servers = {"VOTES_POSTGRES_URL": URL, "VOTES_REDIS_URL": f"redis://{NOBODY}"}
    keys = {"VOTES_SECRET_KEYS": "a" * 32}
    with socket.create_server(("127.0.0.1", 0)) as taken:  # so that it ends by itself
        port = str(taken.getsockname()[1])
        told = votes("api", "--port", port, folder=tmp_path, **servers, **keys, **env)
    assert len([line for line in warnings(told.stderr) if AUDIENCE in line["event"]]) == lines


def test_two_settings_that_contradict_are_told(tmp_path):
    env = {"VOTES_JWT_SECRET": "a" * 32, "VOTES_JWKS_URL": "https://example.com/keys"}
    told = votes("verify", folder=tmp_path, **env)
    assert (told.returncode, told.stderr.count("\n")) == (1, 1)
    assert "VOTES_JWKS_URL" in told.stderr


def test_a_redis_that_does_not_answer_is_named(live_site, tmp_path):
    env = {"VOTES_POSTGRES_URL": live_site.servers.app_url, "VOTES_REDIS_URL": f"redis://{NOBODY}"}
    told = votes("verify", folder=tmp_path, **env)
    assert told.returncode == 1
    assert told.stderr.startswith("votes: VOTES_REDIS_URL: ")
    assert told.stderr.count("\n") == 1


def test_a_data_directory_in_use_says_by_whom(live_site):
    told = live_site.votes("up", "--port", str(live_site.port + 1))
    assert told.returncode == 1
    assert told.stderr.count("\n") == 1
    assert f"{live_site.data_dir} is in use by votes up" in told.stderr


READING = [
    *(["verify"], ["rebuild"], ["doctor"], ["tail", "--no-follow"], ["export", "events"]),
    *(["explain", "notion"], ["rename", "notion", "figma"], ["ruling", "list"]),
    ["token", "--subject", "ada"],
]


@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_no_command_makes_servers_or_a_secret_where_none_were(tmp_path, arguments):
    told = votes(*arguments, folder=tmp_path)
    assert (told.returncode, told.stdout) == (1, "")
    assert str(tmp_path / "data") in told.stderr
    assert "--data-dir" in told.stderr
    assert told.stderr.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_a_command_that_makes_a_data_directory_says_where(tmp_path):
    told = votes("migrate", folder=tmp_path)
    assert (told.returncode, told.stdout[:8]) == (0, "applied ")
    assert f"new data directory: {tmp_path / 'data'}\n" in told.stderr
    told = votes("tail", "--no-follow", folder=tmp_path)
    assert (told.returncode, told.stderr) == (0, "")


def test_the_first_address_at_the_start_is_a_page(live_site):
    told = (live_site.data_dir.parent / "up.log").read_text()
    first, *others = re.findall(r"http://\S+", told[told.index("votes is up") :])
    for address in (first, others[0]):
        page = get(address)
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_a_port_in_use_is_told_before_anything_starts(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = votes("up", "--port", port, folder=tmp_path)
    assert told.returncode == 1
    assert told.stderr.startswith(f"votes: cannot listen on 127.0.0.1:{port}: ")
    assert told.stderr.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_a_token_works_and_says_what_was_asked_for(live_site):
    arguments = ["--subject", "Ünï: 😀", "--role", "panelist", "--role", "admin"]
    told = live_site.votes("token", *arguments, "--persona", "builder", "--json")
    token = json.loads(told.stdout)["token"]
    me = get(f"{live_site.url}/v1/me", headers=authorization(token)).json()
    assert me == {
        "kind": "user",
        "id": "Ünï: 😀",
        "roles": ["admin", "panelist"],
        "persona": "builder",
        "login_ended": False,
    }


def test_the_doctor_finds_what_is_not_well(live_site):
    """The Postgres of the tests: see `begun`. That it finds all well is in the README."""
    told = live_site.votes("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(told.stdout)}
    assert told.returncode == 1
    named = {"postgres", "migrations", "log", "valkey", "read models", "rulings", "undone links"}
    assert named <= set(checks)
    assert [name for name, check in checks.items() if not check["ok"]] == ["fsync"]
    assert "in the data directory" in checks["users' tokens"]["found"]
    models = {model.name for model in PROJECTIONS.all if model is not PARKED}
    assert models <= {name.strip() for name in checks}
    assert live_site.votes("doctor").stdout.count("ok") >= len(checks) - 1


def test_the_doctor_names_what_does_not_answer(tmp_path):
    env = {"VOTES_POSTGRES_URL": URL, "VOTES_REDIS_URL": f"redis://{NOBODY}"}
    told = votes("doctor", "--json", folder=tmp_path, **env)
    checks = json.loads(told.stdout)
    assert told.returncode == 1
    assert [check["name"] for check in checks if not check["ok"]] == ["server", "server"]


def test_the_audit_finds_no_drift_and_a_rebuild_changes_nothing(live_site):
    tool = new_tool(live_site)
    put(f"{live_site.url}/v1/tools/{tool}/vote", json={"choice": "ship"})
    seen = {"min_position": head(live_site)}
    before = get(f"{live_site.url}/v1/tools/{tool}", params=seen).json()
    rebuilt = live_site.votes("rebuild", "--json")
    position = json.loads(rebuilt.stdout)["position"]
    assert seen["min_position"] <= position <= head(live_site)
    told = live_site.votes("verify", "--json")
    audit = json.loads(told.stdout)
    assert (told.returncode, audit["ok"], audit["drifts"], audit["problem"]) == (0, True, [], None)
    assert position <= audit["events"] <= head(live_site)
    assert get(f"{live_site.url}/v1/tools/{tool}", params=seen).json() == before


def test_the_tail_prints_the_events_of_the_log(live_site):
    tool = new_tool(live_site)
    after = head(live_site)
    votes_cast = [
        put(f"{live_site.url}/v1/tools/{tool}/vote", json={"choice": choice}).json()["position"]
        for choice in ("ship", "skip")
    ]
    told = live_site.votes("tail", "--no-follow", "--after", str(after))
    events = [json.loads(line) for line in told.stdout.strip("\n").split("\n")]
    ours = [event for event in events if event["position"] in votes_cast]
    assert {event["type"] for event in ours} == {"VoteCast"}
    assert [event["data"]["choice"] for event in ours] == ["ship", "skip"]
    positions = [event["position"] for event in events]  # a worker may have added some
    assert positions == list(range(after + 1, positions[-1] + 1))
    lines = live_site.votes("tail", "--no-follow").stdout.strip("\n").split("\n")
    assert len(lines) >= positions[-1]
    assert [json.loads(line)["position"] for line in lines] == list(range(1, len(lines) + 1))


def test_migrating_twice_has_nothing_to_do(live_site):
    told = live_site.votes("migrate", "--json")
    assert (told.returncode, json.loads(told.stdout)) == (0, {"applied": []})
