"""What draft-ietf-httpapi-idempotency-key-header-07 asks of a server. README.md says what we do of
each section; the tests have its number.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.e2e.asking import (
    ABOUT,
    api_beside,
    bearer,
    events,
    new_tool,
    problem,
    put,
    request,
    unique,
)
from tests.site import Site

SHIP, SKIP = {"choice": "ship"}, {"choice": "skip"}
KEY = '"8e03978e-40d5-43e8-bc93-6894a57f9324"'
"""The draft's own example (2.2)."""


@pytest.fixture
def me(live_site) -> dict[str, str]:
    return bearer(live_site, unique("user"))


@pytest.fixture
def vote(live_site) -> str:
    """The address of one's vote on a tool that nobody else uses."""
    return f"{live_site.url}/v1/tools/{new_tool(live_site)}/vote"


def written(site: Site, vote: str) -> int:
    """How many events there are about the tool of the vote."""
    return events(site, ABOUT, vote.split("/")[-2])


def keyed(who: dict[str, str], *keys: str | bytes) -> list[tuple[str, Any]]:
    return [*who.items(), *(("Idempotency-Key", key) for key in keys)]


SYNTAX = [
    ("2.1: a String", KEY, KEY),
    ("2.1: with a space", '"a b"', '"a b"'),
    ("RFC 9651, 3.3.3: with a quote in it", r'"a\"b\\c"', r'"a\"b\\c"'),
    ("RFC 9651, 3.1.2: with a parameter, which means nothing", f"{KEY};a=1", KEY),
    ("more than the draft: a key without quotes", "8e03", "8e03"),
    ("more than the draft: both are one key", KEY.strip('"'), KEY),
    ("more than the draft: quotes in the middle", 'a"b', r'"a\"b"'),
    ("more than the draft: other tokens of RFC 9651", "?1", '"?1"'),
    ("more than the draft: as long as may be", "~" * 255, "~" * 255),
    ("as long as may be", f'"{"~" * 253}"', "~" * 253),
]


@pytest.mark.parametrize(("rule", "first", "again"), SYNTAX, ids=[rule for rule, *_ in SYNTAX])
def test_a_key_is_accepted(vote, me, rule, first, again):
    answers = [put(vote, json=SHIP, headers=keyed(me, key)) for key in (first, again)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json()["changed"] is True
    assert answers[1].content == answers[0].content


NO_KEYS: list[tuple[str, list[str | bytes]]] = [
    ("nothing", [""]),
    ("an empty String", ['""']),
    ("a String without its end", ['"a']),
    ("only a quote", ['"']),
    ("what follows the String", ['"a" b']),
    ("a list of Strings", ['"a", "b"']),
    ("two headers with Strings", ['"a"', '"b"']),
    ("two headers with one String", ['"a"', '"a"']),
    ("an escape that there is not", [r'"\a"']),
    ("a String of other than ASCII", [b'"\xc3\xa9"']),
    ("a tab in the String", ['"a\tb"']),
    ("a parameter that is none", ['"a";A=1']),
    ("256 characters", ["~" * 256]),
    ("256 characters with the quotes", [f'"{"~" * 254}"']),
    ("20 kB of parameters", ['"a"' + ";a=1" * 5_000]),
]


@pytest.mark.parametrize(("rule", "keys"), NO_KEYS, ids=[rule for rule, _ in NO_KEYS])
def test_what_is_no_key_is_refused_and_nothing_is_written(live_site, vote, me, rule, keys):
    before = written(live_site, vote)
    problem(put(vote, json=SHIP, headers=keyed(me, *keys)), 400, "invalid_idempotency_key")
    assert written(live_site, vote) == before


def test_other_strings_are_other_keys(vote, me):
    """2.2: what makes keys unique is the resource's to say: each character counts."""
    keys = ['"a"', '"A"', '"a "', '"b"']
    answers = [
        put(vote, json=choice, headers=keyed(me, key))
        for key, choice in zip(keys, (SHIP, SKIP) * 2, strict=True)
    ]
    assert [answer.json()["changed"] for answer in answers] == [True] * 4


def test_2_3_the_description_says_that_keys_do_not_expire(live_site):
    parameters = [
        parameter
        for operations in _description(live_site)["paths"].values()
        for operation in operations.values()
        for parameter in operation.get("parameters", [])
        if parameter.get("name") == "Idempotency-Key"
    ]
    assert parameters
    for parameter in parameters:
        assert "for ever" in parameter["description"]
        assert not parameter.get("required", False)


def _description(site: Site) -> dict[str, Any]:
    answer = request("GET", f"{site.url}/openapi.json")
    said: dict[str, Any] = answer.json()
    return said


def test_2_4_the_fingerprint_is_of_what_the_body_says(live_site, me):
    """Other bytes that say the same are the same request."""
    path = f"{live_site.url}/v1/me/bookmarks/{new_tool(live_site)}"
    headers = [*keyed(me, KEY), ("Content-Type", "application/json")]
    first, again = (
        put(path, content=body, headers=headers)
        for body in (b'{"note":"a","tags":["b"]}', b' {"tags": ["b"], "note": "\\u0061"}')
    )
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content


def test_2_6_a_repeated_request_gets_the_result_of_the_first(live_site, vote, me):
    first = put(vote, json=SHIP, headers=keyed(me, KEY))
    put(vote, json=SKIP, headers=me)
    before = written(live_site, vote)
    again = [put(vote, json=SHIP, headers=keyed(me, KEY)) for _ in range(3)]
    assert {(answer.status_code, answer.content) for answer in again} == {(200, first.content)}
    assert written(live_site, vote) == before


def test_2_6_an_error_is_not_kept(live_site, me):
    """Not as the draft has it: a refused request changed nothing, so it may succeed later."""
    slug = unique("tool")
    path = f"{live_site.url}/v1/tools/{slug}/vote"
    problem(put(path, json=SHIP, headers=keyed(me, KEY)), 404, "tool_unknown")
    admin = bearer(live_site, "an-admin", "admin")
    put(f"{live_site.url}/v1/tools/{slug}", json={"name": "a", "category": "b"}, headers=admin)
    assert put(path, json=SHIP, headers=keyed(me, KEY)).json()["changed"] is True


def test_2_6_requests_at_once_all_get_the_result_of_the_first(live_site, vote, me):
    """Not as the draft has it: a request beside the first waits, and is no conflict (409)."""
    before = written(live_site, vote)
    with api_beside(live_site) as other, ThreadPoolExecutor(16) as threads:
        paths = [vote, vote.replace(live_site.url, other)] * 32
        answers = list(
            threads.map(lambda path: put(path, json=SHIP, headers=keyed(me, KEY)), paths)
        )
    assert {(answer.status_code, answer.content) for answer in answers} == {
        (200, answers[0].content)
    }
    assert answers[0].json()["changed"] is True
    assert written(live_site, vote) == before + 1


def test_2_6_of_two_payloads_at_once_one_is_done(live_site, vote, me):
    before = written(live_site, vote)
    with api_beside(live_site) as other, ThreadPoolExecutor(16) as threads:
        asked = [
            (path, said)
            for path in (vote, vote.replace(live_site.url, other))
            for said in (SHIP, SKIP)
        ]
        answers = list(
            threads.map(lambda pair: put(pair[0], json=pair[1], headers=keyed(me, KEY)), asked * 8)
        )
    done = [answer for answer in answers if answer.status_code == 200]
    assert len(done) == len(answers) // 2
    assert len({answer.content for answer in done}) == 1
    for answer in answers:
        if answer not in done:
            problem(answer, 422, "idempotency_key_reused")
    assert written(live_site, vote) == before + 1


def test_2_7_a_request_without_a_key_is_accepted(vote, me):
    """No operation requires a key."""
    assert put(vote, json=SHIP, headers=me).json()["changed"] is True


def test_2_7_a_key_with_another_payload_is_refused(live_site, vote, me):
    put(vote, json=SHIP, headers=keyed(me, KEY))
    before = written(live_site, vote)
    said = problem(put(vote, json=SKIP, headers=keyed(me, KEY)), 422, "idempotency_key_reused")
    assert "another request" in said["detail"]
    assert written(live_site, vote) == before
    assert put(vote, json=SHIP, headers=keyed(me, KEY)).status_code == 200


def test_5_a_key_is_its_senders_own(live_site, vote):
    """Who knows another's key does not get the other's result."""
    users = [bearer(live_site, unique("user")) for _ in range(2)]
    answers = [
        put(vote, json=said, headers=keyed(user, KEY))
        for user, said in zip(users, (SHIP, SKIP), strict=True)
    ]
    assert [answer.json()["changed"] for answer in answers] == [True, True]
