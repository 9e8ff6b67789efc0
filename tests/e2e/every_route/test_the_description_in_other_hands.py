"""Tools that know nothing of us take the description: a linter, a generator of clients."""

import json
import subprocess
import sys

import pytest

from tests.e2e.programs.typescript import needs_node, npm

LINTED = "openapi.json"
VOTES = """
import json, sys
from votes_client import AuthenticatedClient, Client
from votes_client.api.identity import create_visitor
from votes_client.api.tallies import get_tally
from votes_client.api.tools import get_tool
from votes_client.api.votes import cast_vote
from votes_client.models import VoteBody, VoteBodyChoice

url, tool = sys.argv[1:]
visitor = create_visitor.sync(client=Client(base_url=url))
client = AuthenticatedClient(base_url=url, token=visitor.token, prefix="Visitor")
vote = cast_vote.sync(tool, client=client, body=VoteBody(choice=VoteBodyChoice.SHIP))
tally = get_tally.sync(tool, client=client, min_position=vote.position)
refused = get_tool.sync("no-such-thing", client=client)
print(json.dumps([vote.to_dict(), tally.to_dict(), refused.to_dict()]))
"""


@needs_node
def test_a_linter_finds_no_fault(project):
    npm(project, "run", "lint", "--", LINTED)


@needs_node
def test_a_planted_fault_is_found(project):
    planted = json.loads((project / LINTED).read_text())
    del planted["paths"]["/v1/tools/{slug}/vote"]["put"]["security"]
    (project / "planted.json").write_text(json.dumps(planted))
    with pytest.raises(AssertionError, match="security-defined"):
        npm(project, "run", "lint", "--", "planted.json")


def test_a_generated_client_votes(live_site, tool, tmp_path):
    (tmp_path / "config.json").write_text('{"post_hooks": []}')
    generate = ["generate", "--url", f"{live_site.url}/openapi.json", "--fail-on-warning"]
    generate += ["--config", "config.json", "--meta", "none", "--output-path", "votes_client"]
    run(tmp_path, "-m", "openapi_python_client", *generate)
    vote, tally, refused = json.loads(run(tmp_path, "-c", VOTES, live_site.url, tool))
    assert (vote["choice"], vote["previous"], vote["changed"]) == ("ship", None, True)
    assert (tally["tool"], tally["ship"], tally["position"]) == (tool, 1, vote["position"])
    assert len(tally["interval"]) == 2
    assert refused["code"] == "tool_unknown"


def run(folder, *arguments: str) -> str:
    """What Python prints in the folder."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
