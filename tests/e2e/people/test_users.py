"""Users: a JWT signed with the shared secret, in a header or in the cookie of the settings."""

import json
import time
from typing import Any

import httpx
import jwt
import pytest

from tests.e2e.asking import (
    authorization,
    bearer,
    get,
    hmac_token,
    problem,
    put,
    request,
    secrets_of,
    unique,
)
from tests.e2e.conftest import AUDIENCE, ISSUER
from tests.site import Site

HS256 = b'{"alg":"HS256"}'
MISSING = object()
FAR_S = 2**33
ADA = b'{"sub":"ada","roles":["admin"],"exp":%d}' % FAR_S
BAD_CLAIMS: dict[str, dict[str, Any]] = {
    "expired": {"exp": 1},
    "without an end": {"exp": MISSING},
    "not yet valid": {"nbf": 2**33},
    "issued in the future": {"iat": 2**33},
    "without a subject": {"sub": MISSING},
    "subject is empty": {"sub": ""},
    "subject has a NUL": {"sub": "a\0b"},
    "subject has a line break": {"sub": "a\nb"},
    "subject has a bidi override": {"sub": "a\u202eb"},
    "subject is too long": {"sub": "a" * 201},
    "roles are a string": {"roles": "admin"},
    "roles are null": {"roles": None},
    "roles are numbers": {"roles": [1]},
    "roles are an object": {"roles": {"admin": True}},
    "persona is no slug": {"persona": "Some One"},
    "persona is a list": {"persona": ["builder"]},
}
BAD_PAYLOADS = [
    b"",
    b"null",
    b"[]",
    b'"a"',
    b"\xff",
    b"{",
    b'{"sub":5,"exp":8589934592}',
    b'{"sub":["a"],"exp":8589934592}',
    b'{"sub":"\\ud800","exp":8589934592}',
    b'{"sub":"a","exp":null}',
    b'{"sub":"a","exp":"soon"}',
    b'{"sub":"a","exp":[1]}',
    b'{"sub":"a","exp":1e999}',
    b'{"sub":"a","exp":NaN}',
    b'{"sub":"a","exp":8589934592,"nbf":{}}',
    b'{"sub":"a","exp":8589934592,"x":' + b"9" * 5_000 + b"}",
    b'{"sub":"a","exp":8589934592,"x":' + b"[" * 5_000,
]
BAD_AUTHORIZATIONS = [
    "",
    "Bearer",
    "Bearer a",
    "Bearer a.b",
    "Bearer a.b.c",
    "Bearer ...",
    "Bearer é.é.é",
    "Basic YTpi",
    "Visitor",
    "Token a.b.c",
    "Bearer " + "a" * 8_000,
    "Bearer " + "." * 8_000,
    "Visitor " + "a" * 8_000,
]


def signed(site: Site, payload: bytes, header: bytes = HS256, key: bytes = b"") -> dict[str, str]:
    """A token of any bytes, rightly signed unless with another key."""
    key = key or secrets_of(site)["jwt_secret"].encode()
    return authorization(hmac_token(header, payload, key))


def ask(site: Site, headers: Any) -> httpx.Response:
    return get(f"{site.url}/v1/me", headers=headers)


@pytest.mark.parametrize("claims", BAD_CLAIMS.values(), ids=BAD_CLAIMS)
def test_a_token_with_bad_claims_is_refused(live_site, claims):
    said = {"sub": "ada", "exp": FAR_S, **claims}
    token = jwt.encode(
        {key: said[key] for key in said if said[key] is not MISSING},
        secrets_of(live_site)["jwt_secret"],
        algorithm="HS256",
    )
    answer = ask(live_site, authorization(token))
    problem(answer, 401, "token_invalid")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("payload", BAD_PAYLOADS)
def test_a_rightly_signed_token_of_nonsense_is_refused(live_site, payload):
    problem(ask(live_site, signed(live_site, payload)), 401, "token_invalid")


def test_a_token_without_an_end_says_what_it_lacks(live_site):
    said = problem(ask(live_site, signed(live_site, b'{"sub":"ada"}')), 401, "token_invalid")
    assert '"exp"' in said["detail"]
    assert ask(live_site, signed(live_site, ADA)).json()["id"] == "ada"


def test_a_token_that_expires_after_all_time_is_good(live_site):
    payload = b'{"sub":"a","exp":' + b"9" * 400 + b"}"
    assert ask(live_site, signed(live_site, payload)).json()["id"] == "a"


BAD_HEADERS = [b'{"alg":"none"}', b'{"alg":"None"}', b'{"alg":"HS512"}', b'{"alg":"RS256"}', b"{}"]
BAD_HEADERS += [b"[]", b'{"alg":null}', b'{"alg":["HS256"]}', b"\xff"]
BAD_HEADERS += [b'{"alg":"HS256","kid":%s}' % kid for kid in (b"[1]", b"{}", b"5", b"null")]
BAD_HEADERS += [b'{"alg":"HS256","crit":["x"]}', b'{"alg":"HS256","x":' + b"[" * 5_000]


@pytest.mark.parametrize("header", BAD_HEADERS, ids=lambda header: ascii(header)[:30])
def test_a_token_of_another_algorithm_is_refused(live_site, header):
    problem(ask(live_site, signed(live_site, ADA, header)), 401, "token_invalid")


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE"])
def test_a_token_without_a_signature_is_refused(live_site, alg):
    header = b'{"alg":"%s"}' % alg.encode()
    said = hmac_token(header, ADA, b"x").rpartition(".")[0]
    for token in (f"{said}.", said, f"{said}.x"):
        problem(ask(live_site, authorization(token)), 401, "token_invalid")


def test_a_token_that_another_signed_is_refused(live_site):
    for key in (b"x" * 32, secrets_of(live_site)["secret_key"].encode()):
        headers = signed(live_site, b'{"sub":"a"}', key=key)
        problem(ask(live_site, headers), 401, "token_invalid")


@pytest.mark.parametrize("value", BAD_AUTHORIZATIONS, ids=lambda value: value[:20])
def test_a_bad_authorization_is_refused_wherever_it_is_looked_at(live_site, tool, value):
    headers = {"Authorization": value.encode("latin-1")}
    problem(ask(live_site, headers), 401, "token_invalid")
    path = f"{live_site.url}/v1/tools/{tool}/vote"
    answer = put(path, json={"choice": "ship"}, headers=headers)
    problem(answer, 401, "token_invalid")
    assert "set-cookie" not in answer.headers


def test_a_user_is_one_voter_in_all_sessions(live_site, tool):
    subject, path = unique("user"), f"{live_site.url}/v1/tools/{tool}/vote"
    first = put(path, json={"choice": "ship"}, headers=bearer(live_site, subject, jti="1"))
    second = put(path, json={"choice": "skip"}, headers=bearer(live_site, subject, jti="2"))
    assert second.json()["previous"] == "ship"
    assert "set-cookie" not in first.headers


def test_a_user_who_was_a_visitor_changes_the_visitors_vote(http, live_site, tool):
    path = f"/v1/tools/{tool}/vote"
    http.put(path, json={"choice": "ship"})
    answer = http.put(path, json={"choice": "skip"}, headers=bearer(live_site, unique("user")))
    assert answer.json()["previous"] == "ship"


def test_unknown_roles_and_claims_do_no_harm(live_site):
    headers = bearer(live_site, "ada", "root", "ADMIN", "", extra={"admin": True})
    me = ask(live_site, headers).json()
    assert me["roles"] == ["", "ADMIN", "root"]
    path = f"{live_site.url}/v1/tools/notion"
    problem(request("DELETE", path, headers=headers), 403, "forbidden")


GOOD = {"iss": ISSUER, "aud": AUDIENCE}


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        (GOOD, 200),
        ({**GOOD, "aud": ["other", AUDIENCE]}, 200),
        ({"iss": ISSUER}, 401),
        ({"aud": AUDIENCE}, 401),
        ({}, 401),
        ({**GOOD, "iss": f"{ISSUER}/"}, 401),
        ({**GOOD, "aud": "Votes"}, 401),
        ({**GOOD, "aud": []}, 401),
        ({**GOOD, "aud": 5}, 401),
        ({**GOOD, "iss": [ISSUER]}, 401),
    ],
)
def test_issuer_and_audience_are_as_the_settings_say(live_site, guarded, claims, status):
    payload = json.dumps({"sub": "ada", "exp": int(time.time()) + 60, **claims})
    answer = get(f"{guarded}/v1/me", headers=signed(live_site, payload.encode()))
    assert answer.status_code == status, answer.text


def test_a_user_may_come_by_the_cookie_of_the_settings(live_site, guarded):
    token = bearer(live_site, "ada", **GOOD)["Authorization"].removeprefix("Bearer ")
    cookie = {"Cookie": f"a=b; session={token}; visitor=x"}
    assert get(f"{guarded}/v1/me", headers=cookie).json()["id"] == "ada"
    assert get(f"{live_site.url}/v1/me", headers=cookie).json()["kind"] == "nobody"
    other = bearer(live_site, "bob", **GOOD)
    assert get(f"{guarded}/v1/me", headers=cookie | other).json()["id"] == "bob"
