"""CONTRIBUTING's recipes are done as they stand there, one after another, on a copy of the tree."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import jwt
import pytest

from tests.conftest import JWT_SECRET
from tests.polling import wait_for
from tests.site import TLS, free_port
from votes.config import Config

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
BLOCK = re.compile(r"```(python|diff)\n(.*?)```", re.DOTALL)
ADMIN = {"sub": "an-admin", "roles": ["admin"], "exp": 4_000_000_000}
FOLD = """
from datetime import UTC, datetime
from votes.domain.vote_events import VoteCast, VoteRetracted
from votes.engine.log import Recorded
from votes.engine.read_models import ReadModels
from votes.projections import PROJECTIONS
models = ReadModels(PROJECTIONS, "a log")
votes = [VoteCast("ship"), VoteCast("skip"), VoteRetracted("ship")]
models.fold(
    Recorded(n, "any", n, vote, datetime(2026, 1, 31, tzinfo=UTC), "a-tool")
    for n, vote in enumerate(votes, 1)
)
print(dict(models.items(PROJECTIONS.named["days"])))
"""


class Copy:
    """The tree, with the recipes up to some point."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("src", "tests", "workers", "migrations"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.pyc"))
        shutil.copy(ROOT / "pyproject.toml", folder)
        if (types := ROOT / ".mypy_cache").exists():  # of `make lint`: what is the same stays known
            shutil.copytree(types, folder / types.name)
        self._left = dict(recipes())

    def follow(self, recipe: str, blocks: int | None = None) -> None:
        """Do the next blocks of the recipe, all that are left where none are counted."""
        count = len(self._left[recipe]) if blocks is None else blocks
        for kind, text in self._left[recipe][:count]:
            if kind == "python":
                path = self.folder / text.partition("\n")[0].removeprefix("# ")
                assert not path.exists()
                path.write_text(text.partition("\n")[2])
            else:
                applied = self.run("git", "apply", "--unidiff-zero", "-", given=text)
                assert applied.returncode == 0, applied.stderr
        self._left[recipe] = self._left[recipe][count:]

    def run(self, *argv: str, given: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv,
            cwd=self.folder,
            env=self.env | env,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def env(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("VOTES_")}
        source = os.pathsep.join([str(self.folder / "src"), str(self.folder)])
        return kept | {"PYTHONPATH": source, "GIT_CEILING_DIRECTORIES": str(self.folder.parent)}

    def python(self, *argv: str, given: str = "") -> str:
        done = self.run(sys.executable, *argv, given=given)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def recipes() -> dict[str, list[tuple[str, str]]]:
    sections = TEXT.split("\n## ")[1:]
    return {section.partition("\n")[0]: BLOCK.findall(section) for section in sections}


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


@pytest.fixture
def whole(copy: Copy) -> Copy:
    """With all of them."""
    for recipe in recipes():
        copy.follow(recipe)
    return copy


def test_a_new_read_model_is_folded(copy):
    copy.follow("A new projection")
    assert copy.python("-", given=FOLD) == "{'a-tool@2026-01-31': 1}\n"


def test_the_type_checker_names_the_places_that_must_know_a_new_event(copy):
    copy.follow("A new projection")
    copy.follow("A new event", blocks=1)
    told = copy.run(sys.executable, "-m", "mypy", "src/votes/domain/tool.py").stdout
    assert told.count('"assert_never" has incompatible type "ToolFeatured"') == 2
    unseen = copy.run(sys.executable, "-c", "import votes.projections").stderr
    assert "neither projected nor ignored, or both: ToolFeatured" in unseen


def test_the_whole_is_typed_layered_and_tidy(whole):
    for check in (["mypy"], ["ruff", "check", "src", "tests"], ["ruff", "format", "--check", "."]):
        whole.python("-m", *check)
    layers = whole.run(str(Path(sys.executable).parent / "lint-imports"))
    assert layers.returncode == 0, layers.stdout
    tests = (
        "tests/domain/test_every_decider.py",
        "tests/engine/commands/test_commands_are_handled.py",
    )
    names = "tests/integration/store/test_events_become_rows_and_back.py"
    few = ["--hypothesis-profile=quick", "-k", "not processes and not postgres"]
    whole.python("-m", "pytest", "-q", *few, *tests, names)


def test_a_new_route_writes_and_reads(whole, config: Config):
    port = free_port()
    settings = {
        "VOTES_POSTGRES_URL": config.postgres_url or "",
        "VOTES_REDIS_URL": config.redis_url or "",
        "VOTES_REDIS_PREFIX": config.redis_prefix,
        "VOTES_SECRET_KEYS": config.secret_keys[0].decode(),
        "VOTES_JWT_SECRET": JWT_SECRET,
    }
    argv = [sys.executable, "-m", "votes", "api", "--port", str(port)]
    with subprocess.Popen(argv, env=whole.env | settings, cwd=whole.folder) as api:
        try:
            use(f"http://127.0.0.1:{port}", jwt.encode(ADMIN, JWT_SECRET, "HS256"))
        finally:
            api.terminate()


def use(url: str, token: str) -> None:
    with httpx.Client(verify=TLS, base_url=url, timeout=20) as http:
        wait_for(lambda: answers(http), "the API")
        entry = {"name": "Atlas", "category": "Maps"}
        admin = {"Authorization": f"Bearer {token}"}
        assert http.put("/v1/tools/atlas", json=entry, headers=admin).status_code == 201
        path = "/v1/tools/atlas/report"
        assert http.put(path, json={"text": 5}).json()["code"] == "invalid_body"
        said = {"tool": "atlas", "text": "The price is wrong."}
        assert http.put(path, json={"text": said["text"]}).json() == said
        assert http.get(path).json() == said


def answers(http: httpx.Client) -> bool:
    try:
        return http.get("/health/live").is_success
    except httpx.HTTPError:
        return False
