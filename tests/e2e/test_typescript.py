"""The TypeScript client is the one of this API, the elements those of their source.

`make clients` makes both anew.
"""

import json
import subprocess
import sys

from tests.e2e.asking import new_tool, request
from tests.e2e.typescript import PROJECT, ROOT, WEB, needs_node, npm

VOTES = """
import { votesClient } from "./dist/src/index.js";
const [, , url, token, slug] = process.argv;
const votes = votesClient(url, { visitorToken: token });
const path = { slug };
const body = { choice: "ship" };
const vote = await votes.PUT("/v1/tools/{slug}/vote", { params: { path }, body });
const query = { min_position: vote.data.position };
const tally = await votes.GET("/v1/tools/{slug}/tally", { params: { path, query } });
const refused = await votes.GET("/v1/tools/{slug}", { params: { path: { slug: "nope" } } });
console.log(JSON.stringify([vote.data, tally.data, refused.error]));
"""


def test_it_is_generated_from_this_description():
    printed = subprocess.run(
        [sys.executable, "-m", "votes", "openapi"], capture_output=True, text=True, check=True
    )
    assert json.loads((PROJECT / "openapi.json").read_text()) == json.loads(printed.stdout)


@needs_node
def test_its_types_are_the_generated_ones(project):
    kept = (project / "src" / "api.ts").read_text()
    npm(project, "run", "generate")
    assert (project / "src" / "api.ts").read_text() == kept


@needs_node
def test_the_elements_are_made_of_their_source(project):
    npm(project, "run", "elements")
    made = project.parents[1] / WEB / "elements"
    kept = ROOT / WEB / "elements"
    assert {file.name for file in made.iterdir()} == {file.name for file in kept.iterdir()}
    for file in made.iterdir():
        assert file.read_bytes() == (kept / file.name).read_bytes()


@needs_node
def test_it_compiles_and_votes(project, live_site):
    npm(project, "run", "build")
    (project / "votes.mjs").write_text(VOTES)
    token = request("POST", f"{live_site.url}/v1/visitors").json()["token"]
    done = subprocess.run(
        ["node", "votes.mjs", live_site.url, token, new_tool(live_site)],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    vote, tally, refused = json.loads(done.stdout)
    assert vote["changed"]
    assert tally["ship"] == 1
    assert refused["code"] == "tool_unknown"
