"""The API's description: valid, true to its examples and to its answers, whatever is asked."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from regress import Regex
from schemathesis.checks import not_a_server_error
from schemathesis.generation.modes import GenerationMode

from tests.e2e.asking import (
    NOT_BY_WORKER,
    bearer,
    events,
    get,
    last,
    new_ruling,
    new_tool,
    request,
)
from tests.running.lengths import length
from votes.api.bookmark_examples import UNMATCHED
from votes.api.examples import LINK
from votes.engine.log import POSITION_MAX
from votes.http.errors import PROBLEM_TYPE, REFUSALS

SEEDS = range(length(1, 3))
CASES = int(os.environ.get("VOTES_TEST_CASES", "300"))
"""With each seed."""
TOO_LONG_TO_READ = (414, 431)  # the server's own answers, before the API hears of it
Operation = tuple[str, str, dict[str, Any]]


@pytest.fixture(scope="module")
def description(live_site) -> dict[str, Any]:
    answer = get(f"{live_site.url}/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def operations(description: dict[str, Any]) -> Iterator[Operation]:
    for path, item in description["paths"].items():
        for method in item.keys() & {"get", "put", "post", "delete", "patch"}:
            yield path, method, item[method]


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Everything in the description that has fields."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from objects(inner)


def contents(value: Any) -> Iterator[dict[str, Any]]:
    """Everything in the description that has a schema and an example of it."""
    return (one for one in objects(value) if "schema" in one and "example" in one)


def codes(response: dict[str, Any]) -> set[str]:
    """The codes of problems that a response names."""
    return set(re.findall(r"`(\w+)`", response["description"]))


def address(site: Any, path: str) -> str:
    return site.url + re.sub(r"\{\w+\}", "no-such-thing", path)


def test_the_description_is_valid(description):
    assert description["openapi"].startswith("3.1")
    validate(description)
    schemathesis.openapi.from_dict(description).validate()
    for schema in description["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


SAMPLES = ("ship", "https://a.example", LINK, "q83vEjRWeJCrze8SNFZ4kA", UNMATCHED["id"])


def test_its_patterns_are_those_of_javascript(description):
    patterns = {one["pattern"] for one in objects(description) if "pattern" in one}
    texts = [pattern for pattern in patterns if isinstance(pattern, str)]
    assert len(texts) >= 4
    for pattern in texts:
        allowed = Regex(pattern, flags="u").find
        assert any(map(allowed, SAMPLES)), pattern
        assert not allowed("\0"), pattern
        assert r"\ud8" not in pattern  # where text is UTF-16 that is one half of each emoji


def test_its_numbers_are_exact(description):
    bounds = [one for one in objects(description) if one.get("type") == "integer"]
    assert {one["maximum"] for one in bounds if "maximum" in one} == {100, POSITION_MAX}
    for one in bounds:
        assert {type(one[name]) for name in one.keys() & {"minimum", "maximum"}} <= {int}


def test_every_operation_has_a_name_of_its_own(description):
    names = Counter(said["operationId"] for _, _, said in operations(description))
    assert [name for name, times in names.items() if times > 1] == []
    for path, method, said in operations(description):
        assert said["summary"], (path, method)
        assert said["tags"], (path, method)
        assert set(said["tags"]) <= {tag["name"] for tag in description["tags"]}, (path, method)
        for one in said.get("parameters", ()):
            assert "description" in one or one["schema"].keys() & {"description", "enum"}, one


def test_every_example_is_what_its_schema_says(description):
    found = list(contents(description["paths"]))
    assert len(found) > 20
    for schema in description["components"]["schemas"].values():
        found += [{"schema": schema, "example": one} for one in schema.get("examples", ())]
    for content in found:
        if isinstance(content["example"], str):
            continue  # a stream of events
        schema = {**content["schema"], "components": description["components"]}
        Draft202012Validator(schema).validate(content["example"])


def test_a_planted_example_is_caught(description):
    content = description["paths"]["/v1/tools/{slug}/vote"]["put"]["requestBody"]["content"]
    schema = content["application/json"]["schema"] | {"components": description["components"]}
    for planted in ({"choice": "mixed"}, {}, {"choice": "ship", "more": 1}):
        assert not Draft202012Validator(schema).is_valid(planted)


def test_the_routes_of_the_contract_are_described(description):
    described = {(method.upper(), path) for path, method, _ in operations(description)}
    for method, path in (
        ("GET", "/v1/tools"),
        ("PUT", "/v1/tools/{slug}"),
        ("GET", "/v1/tools/{slug}/tally"),
        ("GET", "/v1/tallies"),
        ("PUT", "/v1/tools/{slug}/reviews/{persona}"),
        ("GET", "/v1/compare/{a}/{b}"),
        ("PUT", "/v1/tools/{slug}/vote"),
        ("DELETE", "/v1/tools/{slug}/vote"),
        ("POST", "/v1/visitors"),
        ("GET", "/v1/me/state"),
        ("PUT", "/v1/me/bookmarks/{slug}"),
        ("GET", "/v1/rulings"),
        ("POST", "/v1/rulings"),
        ("DELETE", "/v1/rulings/{ruling}"),
        ("GET", "/v1/moderation/queue"),
        ("GET", "/v1/live"),
    ):
        assert (method, path) in described


def test_every_write_takes_an_idempotency_key(description):
    for path, method, said in operations(description):
        headers = [one["name"] for one in said.get("parameters", []) if one["in"] == "header"]
        wanted = method in ("put", "delete") or path.endswith(
            ("/rename", "/rulings", "/link", ":batch")
        )
        wanted = wanted and method != "get" and path != "/v1/me"
        assert ("Idempotency-Key" in headers) is wanted, (method, path)


def test_every_operation_says_who_may(description, live_site):
    """Nobody gets in where a user is wanted, and a user without the role where a role is."""
    wanted: Counter[str] = Counter()
    for path, method, said in operations(description):
        if path == "/v1/live":
            assert said["security"] == []
            continue  # it does not end
        asked = method.upper(), address(live_site, path)
        parameters = {
            one["name"]: "any"
            for one in said.get("parameters", ())
            if one["in"] == "query" and one.get("required")
        }
        user = bearer(live_site, "somebody")
        nobody = request(*asked, params=parameters).status_code
        known = request(*asked, params=parameters, headers=user).status_code
        roles = [role for one in said["security"] for role in one.get("user", ())]
        public = said["security"] == [] or {} in said["security"]
        assert (nobody == 401) is not public, (method, path)
        assert (known == 403) is bool(roles), (method, path)
        wanted[roles[0] if roles else "nobody" if public else "user"] += 1
    assert wanted.keys() == {"admin", "moderator", "panelist", "user", "nobody"}


def test_every_operation_says_what_can_go_wrong(description):
    every = {code for code, refusal in REFUSALS.items() if refusal.only_of != ()}
    named = set()
    for path, method, said in operations(description):
        problems = {
            status: codes(response)
            for status, response in said["responses"].items()
            if PROBLEM_TYPE in response.get("content", {})
        }
        assert problems.pop("default") == set(), (method, path)
        for status, found in problems.items():
            assert {REFUSALS[code].status for code in found} == {int(status)}, (method, path)
            named |= found
    assert named == every


UNKNOWN = ("tool_unknown", "collection_unknown")


def test_what_is_described_is_there(description, live_site):
    for path, method, _ in operations(description):
        if path == "/v1/live":
            continue  # it does not end
        answer = request(method.upper(), address(live_site, path))
        assert answer.status_code not in (405, 500), (method, path)
        assert answer.status_code != 404 or answer.json()["code"] in UNKNOWN, (method, path)


def test_the_reference_opens(live_site):
    answer = get(f"{live_site.url}/docs")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")


def cases(url: str) -> st.SearchStrategy[Any]:
    """Requests that the description allows, and requests that it does not."""
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json").exclude(path="/v1/live")
    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    results: Iterable[Any] = schema.get_all_operations()
    found = [result.ok() for result in results]
    return st.one_of([one.as_strategy(generation_mode=mode) for one in found for mode in modes])


def check_answer(description: dict[str, Any], responses: dict[str, Any], answer: Any) -> None:
    """The status is described, the type is that status's, the body is of its schema, and a
    problem's code is one that the description names."""
    described = responses[str(answer.status_code)]
    if "content" not in described:
        assert (answer.content, answer.headers.get("content-type")) == (b"", None)
        return
    media_type = answer.headers["content-type"][0].partition(";")[0]
    content = described["content"][media_type]
    if content["schema"].get("format") == "binary":
        return
    schema = {**content["schema"], "components": description["components"]}
    Draft202012Validator(schema).validate(answer.json())
    if media_type == PROBLEM_TYPE:
        assert answer.json()["code"] in codes(described)


class Asking:
    """Sends cases, checks what comes, and puts what it learned from responses into later cases."""

    def __init__(self, site: Any, description: dict[str, Any]) -> None:
        self.url, self.description = site.url, description
        tool = new_tool(site)
        self.known: dict[str, list[Any]] = {
            "slug": [tool],
            "persona": ["fuzz"],
            "ruling": [new_ruling(site)],
            "claim": ["plan"],
            "cursor": [],
            "at": [],
        }
        self.statuses: Counter[int] = Counter()

    def ask(self, case: Any, token: dict[str, str], pick: int | None) -> None:
        if pick is not None:
            self.make_real(case, pick)
        if isinstance(case.query, dict):
            case.query.pop("min_position", None)  # a far one waits, as it should
        answer = case.call(base_url=self.url, headers=token)
        self.statuses[answer.status_code] += 1
        if answer.status_code in TOO_LONG_TO_READ:
            return
        case.validate_response(answer, checks=[not_a_server_error])
        said = self.description["paths"][case.operation.path][case.operation.method]
        check_answer(self.description, said["responses"], answer)
        is_json = answer.headers.get("content-type") == ["application/json"]
        if is_json and answer.status_code < 300:
            self.learn(answer.json())

    def make_real(self, case: Any, pick: int) -> None:
        """Put something known in each place where it may stand, `pick` steps from the newest."""
        for places in (case.path_parameters, case.query):
            for name in places if isinstance(places, dict) else ():
                kinds = {"a": "slug", "b": "slug", "tool": "slug", "tools": "slug"}
                kind = kinds.get(str(name), str(name))
                if known := self.known.get(kind):
                    places[name] = known[-1 - pick % len(known)]

    def learn(self, body: Any) -> None:
        for one in objects(body):
            for name, value in one.items():
                kind = {"tool": "slug", "id": "ruling", "next_cursor": "cursor", "position": "at"}
                known = self.known.get(kind.get(name, name))
                if known is not None and isinstance(value, str | int) and value not in known:
                    known.append(value)


@pytest.mark.parametrize("begun", SEEDS)
def test_whatever_is_asked_the_answer_is_as_described(live_site, description, begun, measured):
    before = last(live_site)
    asking = Asking(live_site, description)
    roles = ("admin", "moderator", "panelist", "service")
    everything = bearer(live_site, "fuzz", *roles, persona="fuzz")
    tokens = st.sampled_from([everything, bearer(live_site, "fuzz"), {}])
    picks = st.one_of(st.none(), st.integers(0, 5))

    @seed(begun)
    @settings(
        max_examples=CASES,
        phases=[Phase.generate],  # what follows depends on what was asked before
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(case=cases(live_site.url), token=tokens, pick=picks)
    def ask(case: Any, token: dict[str, str], pick: int | None) -> None:
        asking.ask(case, token, pick)

    ask()
    statuses, known = asking.statuses, asking.known
    measured(
        f"{statuses.total()} cases of the description: {dict(sorted(statuses.items()))};"
        f" learned { ({name: len(values) for name, values in known.items()}) }"
    )
    assert events(live_site, NOT_BY_WORKER, before) > 0
    assert statuses[200] > CASES / 20, statuses
    assert statuses.keys() & {400, 401, 403, 404} == {400, 401, 403, 404}, statuses
    assert all(len(known[kind]) > 1 for kind in ("slug", "ruling", "at"))
