"""The TypeScript client is the one of this API, the elements those of their source.

`make clients` makes both anew.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.asking import bearer, new_tool, request, unique
from tests.e2e.programs.typescript import PROJECT, ROOT, WEB, needs_node, npm

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

VOTES_WITHOUT_A_TOKEN = """
import { readFileSync, writeFileSync } from "node:fs";
const [, , url, tool, file] = process.argv;
if (file) globalThis.localStorage = JSON.parse(readFileSync(file, "utf8"));
const { votesClient } = await import("./dist/src/index.js");
const params = { path: { slug: tool } };
const cast = (choice) =>
  votesClient(url).PUT("/v1/tools/{slug}/vote", { params, body: { choice } });
const before = await votesClient(url).GET("/v1/me");
await Promise.all([cast("ship"), cast("skip"), cast("ship")]);
const last = await cast("skip");
const me = await votesClient(url).GET("/v1/me");
if (file) writeFileSync(file, JSON.stringify(globalThis.localStorage));
console.log(JSON.stringify([before.data.kind, me.data, last.data.position]));
"""

LOGS_IN = """
const [, , url, userToken, tool] = process.argv;
const { votesClient } = await import("./dist/src/index.js");
const params = { path: { slug: tool } };
const cast = (who, choice) =>
  votesClient(url, who).PUT("/v1/tools/{slug}/vote", { params, body: { choice } });
await cast({}, "ship");
const query = { params: { query: { tools: tool } } };
const mine = await votesClient(url, { userToken }).GET("/v1/me/state", query);
const out = await cast({}, "skip");
console.log(JSON.stringify([mine.data[tool].vote, out.data.previous, out.data.position]));
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
def test_the_sheet_and_the_script_of_pages_are_made_of_their_source(project):
    npm(project, "run", "site")
    made = project.parents[1] / WEB / "assets"
    assert {file.name for file in made.iterdir()} == {"site.css", "page.js"}
    for file in made.iterdir():
        assert file.read_bytes() == (ROOT / WEB / "assets" / file.name).read_bytes()


def run(project: Path, name: str, program: str, *arguments: str) -> Any:
    """What the program prints, as JSON."""
    (project / name).write_text(program)
    done = subprocess.run(
        ["node", name, *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def built(project: Path) -> Path:
    npm(project, "run", "build")
    return project


@needs_node
@pytest.mark.parametrize(
    ("element", "complaint"),
    [
        ('<ship-vote tool="notion" className="mine" />', None),
        ('<ship-vote toll="notion" />', "'toll' does not exist"),
        ("<ship-verdict />", "'tool' is missing"),
        ('<ship-bookmarks href="/t/x" tool="notion" />', "'tool' does not exist"),
    ],
)
def test_elements_in_jsx_have_their_attributes_and_no_others(project, element, complaint):
    page = project / "examples" / "Page.tsx"
    page.write_text(f'import "../src/react.js";\nexport const page = {element};\n')
    try:
        npm(project, "run", "check")
        said = None
    except AssertionError as error:
        said = str(error)
    finally:
        page.unlink()
    assert (said is None) == (complaint is None), said
    assert complaint is None or complaint in str(said)


@needs_node
def test_it_compiles_and_votes(built, live_site):
    token = request("POST", f"{live_site.url}/v1/visitors").json()["token"]
    vote, tally, refused = run(built, "votes.mjs", VOTES, live_site.url, token, new_tool(live_site))
    assert vote["changed"]
    assert tally["ship"] == 1
    assert refused["code"] == "tool_unknown"


@needs_node
def test_who_logs_in_has_one_vote(built, live_site, tool):
    token = bearer(live_site, unique("ada"))["Authorization"].removeprefix("Bearer ")
    vote, previous, position = run(built, "login.mjs", LOGS_IN, live_site.url, token, tool)
    assert (vote, previous) == ("ship", "ship")
    seen = {"min_position": position}
    tally = request("GET", f"{live_site.url}/v1/tools/{tool}/tally", params=seen).json()
    assert (tally["ship"], tally["skip"]) == (0, 1)


@needs_node
def test_a_vote_that_is_held_is_proven(built, holding, tool):
    _, _, position = run(built, "alone.mjs", VOTES_WITHOUT_A_TOKEN, holding, tool)
    seen = {"min_position": position}
    tally = request("GET", f"{holding}/v1/tools/{tool}/tally", params=seen).json()
    assert (tally["skip"], tally["held"]) == (1, 0)


@needs_node
@pytest.mark.parametrize("kept", ["in memory", "in localStorage"])
def test_without_a_token_all_clients_of_a_page_are_one_voter(built, live_site, tmp_path, kept):
    tool, shelf = new_tool(live_site), None if kept == "in memory" else tmp_path / "shelf.json"
    arguments = [live_site.url, tool]
    if shelf is not None:
        shelf.write_text("{}")
        arguments.append(str(shelf))

    def vote() -> Any:
        return run(built, "alone.mjs", VOTES_WITHOUT_A_TOKEN, *arguments)

    before, me, position = vote()
    assert (before, me["kind"]) == ("nobody", "visitor")
    if shelf is not None:
        before, again, position = vote()  # the page is opened again
        assert (before, again) == ("visitor", me)
    seen = {"min_position": position}
    tally = request("GET", f"{live_site.url}/v1/tools/{tool}/tally", params=seen).json()
    assert (tally["ship"], tally["skip"]) == (0, 1)
