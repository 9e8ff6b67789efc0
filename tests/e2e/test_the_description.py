"""The API's description: valid, true to its examples and to its answers, whatever is asked."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from schemathesis.checks import not_a_server_error
from schemathesis.generation.modes import GenerationMode

from tests.e2e.asking import bearer, get, head, new_tool, request

CASES_MAX = 300
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


def contents(value: Any) -> Iterator[dict[str, Any]]:
    """Everything in the description that has a schema and an example of it."""
    if isinstance(value, dict):
        if "schema" in value and "example" in value:
            yield value
        for inner in value.values():
            yield from contents(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from contents(inner)


def test_the_description_is_valid(description):
    assert description["openapi"].startswith("3.1")
    schemathesis.openapi.from_dict(description).validate()
    for schema in description["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_operation_has_a_name_of_its_own(description):
    names = Counter(said["operationId"] for _, _, said in operations(description))
    assert [name for name, times in names.items() if times > 1] == []
    for path, method, said in operations(description):
        assert said["summary"], (path, method)
        assert said["tags"], (path, method)


def test_every_example_is_what_its_schema_says(description):
    found = list(contents(description["paths"]))
    assert len(found) > 20
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
        ("GET", "/v1/live"),
    ):
        assert (method, path) in described


def test_every_write_takes_an_idempotency_key(description):
    for path, method, said in operations(description):
        headers = [one["name"] for one in said.get("parameters", []) if one["in"] == "header"]
        wanted = method in ("put", "delete")
        assert ("Idempotency-Key" in headers) is wanted, (method, path)


def test_what_is_described_is_there(description, live_site):
    for path, method, _ in operations(description):
        if path == "/v1/live":
            continue  # it does not end
        address = live_site.url + re.sub(r"\{\w+\}", "no-such-thing", path)
        answer = request(method.upper(), address)
        assert answer.status_code not in (405, 500), (method, path)
        assert answer.status_code != 404 or answer.json()["code"] == "tool_unknown", (method, path)


def test_the_reference_opens(live_site):
    answer = get(f"{live_site.url}/docs")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")


def cases(url: str) -> st.SearchStrategy[Any]:
    """Requests that the description allows, and requests that it does not."""
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json").exclude(path="/v1/live")
    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    found = [result.ok() for result in schema.get_all_operations()]
    return st.one_of([one.as_strategy(generation_mode=mode) for one in found for mode in modes])


def check_answer(description: dict[str, Any], responses: dict[str, Any], answer: Any) -> None:
    """The status is described, the type is that status's, and the body is of its schema.

    Not left to schemathesis, whose check of answers trips over `prefixItems` (4.32).
    """
    described = responses.get(str(answer.status_code))
    if described is None:
        assert answer.status_code >= 400, answer.status_code
        described = responses["default"]
    if "content" not in described:
        assert answer.content == b""
        return
    content = described["content"][answer.headers["content-type"][0]]
    schema = {**content["schema"], "components": description["components"]}
    Draft202012Validator(schema).validate(answer.json())


def test_whatever_is_asked_the_answer_is_as_described(live_site, description):
    tool, before = new_tool(live_site), head(live_site)
    everything = bearer(live_site, "fuzz", "admin", "panelist", persona="fuzz")
    tokens = st.sampled_from([everything, bearer(live_site, "fuzz"), {}])
    names = {"slug": tool, "a": tool, "b": "notion", "persona": "fuzz"}
    statuses: Counter[int] = Counter()

    @settings(max_examples=CASES_MAX, suppress_health_check=list(HealthCheck), database=None)
    @given(case=cases(live_site.url), token=tokens, real=st.booleans())
    def ask(case: Any, token: dict[str, str], real: bool) -> None:
        if real:
            case.path_parameters.update(
                {name: names[name] for name in case.path_parameters if name in names}
            )
        if isinstance(case.query, dict):
            case.query.pop("min_position", None)  # a far one waits, as it should
        answer = case.call(base_url=live_site.url, headers=token)
        statuses[answer.status_code] += 1
        if answer.status_code not in TOO_LONG_TO_READ:
            case.validate_response(answer, checks=[not_a_server_error])
            said = description["paths"][case.operation.path][case.operation.method]
            check_answer(description, said["responses"], answer)

    ask()
    assert head(live_site) > before
    assert statuses[200] > CASES_MAX / 20, statuses
    assert statuses.keys() & {400, 401, 403, 404} == {400, 401, 403, 404}, statuses
