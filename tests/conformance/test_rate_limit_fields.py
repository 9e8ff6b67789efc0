"""`RateLimit` and `RateLimit-Policy` as draft-ietf-httpapi-ratelimit-headers-10 has them: lists of
RFC 9651, read by the parser of an author of that RFC."""

from typing import Any

import http_sf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.e2e.asking import (
    api_beside,
    authorization,
    bearer,
    browser,
    members,
    new_tool,
    unique,
    visitor_token,
)
from tests.e2e.checks import file_of_bookmarks
from votes.config import LIMIT_RATE_MAX, LIMIT_WINDOW_S_MAX, Rate
from votes.http.checks.limiting import rate_limit_fields
from votes.limits.limiter import Verdict, used_us
from votes.limits.policies import MICROSECONDS, POLICIES, Limit

Fields = tuple[bytes, bytes]
"""`RateLimit-Policy` and `RateLimit`."""


def integer(value: object) -> bool:
    return type(value) is int and value >= 0


def faults(policy_field: bytes, limit_field: bytes, retry_after_s: int | None) -> list[str]:
    """What the draft, by its section, does not allow in the fields of a response."""
    policies, limits = members(policy_field), members(limit_field)
    quotas = {name: parameters.get("q") for name, parameters in policies}
    said = {
        "3: policies are a list that is not empty": bool(policies),
        "3: the name of a policy is a String": all(type(name) is str for name, _ in policies),
        "3: each policy is named once": len(quotas) == len(policies),
        "3.1.1: q is an Integer": all(integer(quota) for quota in quotas.values()),
        "3.1.3: w is an Integer beyond 0": all(
            integer(parameters.get("w")) and parameters["w"] for _, parameters in policies
        ),
        "3.1: there is nothing else": all(
            parameters.keys() == {"q", "w"} for _, parameters in policies
        ),
        "4.1: a limit is that of a policy": {name for name, _ in limits} <= quotas.keys(),
        "4: the name of a limit is a String": all(type(name) is str for name, _ in limits),
        "4.1: of one limit": len(limits) == 1,
        "4.1: there is r and t": all(parameters.keys() == {"r", "t"} for _, parameters in limits),
        "4.1.1: r is an Integer": all(integer(parameters.get("r")) for _, parameters in limits),
        "4.1.2: t is an Integer": all(integer(parameters.get("t")) for _, parameters in limits),
    }
    found = [rule for rule, holds in said.items() if not holds]
    for name, parameters in () if found else limits:
        if parameters["r"] > quotas[name]:
            found.append("4.1.1: what is left is a part of the quota")
        if retry_after_s is not None and retry_after_s < parameters["t"]:
            found.append("6: Retry-After is not earlier than t")
        if retry_after_s is not None and parameters["r"]:
            found.append("a limit that refuses has nothing left")
    return found


rates = st.integers(1, LIMIT_WINDOW_S_MAX).flatmap(
    lambda window_s: st.builds(Rate, st.integers(1, LIMIT_RATE_MAX * window_s), st.just(window_s))
)


@st.composite
def verdicts(draw: st.DrawFn) -> Verdict:
    """Of a request that counts towards any limits, each used as far as it may be."""
    limits = [
        Limit.of(policy, draw(rates))
        for policy in draw(st.lists(st.sampled_from(POLICIES), unique=True))
    ]
    results = [draw(st.integers(-2 * limit.burst_us, limit.burst_us)) for limit in limits]
    return Verdict([(limit, "somebody") for limit in limits], results)


def fields_of(verdict: Verdict) -> Fields | None:
    fields = dict(rate_limit_fields({"votes.verdict": verdict}))
    return (fields[b"ratelimit-policy"], fields[b"ratelimit"]) if fields else None


@given(verdicts())
def test_the_fields_of_any_limits_are_as_the_draft_says(verdict):
    fields = fields_of(verdict)
    hard = [limit for limit, _ in verdict.charges if not limit.soft]
    assert (fields is None) == (not hard)
    if fields is not None:
        retry_after_s = verdict.retry_after_s if verdict.refused_by else None
        assert faults(*fields, retry_after_s) == []
        policies = members(fields[0])
        assert policies == [
            (limit.name, {"q": limit.rate.quantity, "w": limit.rate.window_s}) for limit in hard
        ]
        assert http_sf.ser(policies).encode() == fields[0]


@given(rates, st.data())
def test_what_is_left_is_more_after_t_seconds_and_not_a_second_before(rate, data):
    limit = Limit.of(POLICIES[0], rate)
    result = data.draw(st.integers(-2 * limit.burst_us, limit.burst_us))
    fields = fields_of(Verdict([(limit, "somebody")], [result]))
    assert fields is not None
    ((_, said),) = members(fields[1])

    def left(after_s: int) -> int:
        used = used_us(result, limit) - after_s * MICROSECONDS
        return max(limit.burst_us - used, 0) // limit.interval_us

    assert left(0) == said["r"]
    assert left(said["t"]) > said["r"]
    assert left(said["t"] - 1) <= said["r"]


def test_limits_that_are_not_known_are_not_told():
    limit = Limit.of(POLICIES[0], Rate(1, 1))
    assert fields_of(Verdict([(limit, "somebody")], unknown=True)) is None


@pytest.mark.parametrize(
    ("policies", "limits", "rule"),
    [
        (b"a;q=1;w=1", b'"a";r=1;t=1', "3: the name of a policy is a String"),
        (b'"a";q=1.0;w=1', b'"a";r=1;t=1', "3.1.1: q is an Integer"),
        (b'"a";q="1";w=1', b'"a";r=1;t=1', "3.1.1: q is an Integer"),
        (b'"a";q;w=1', b'"a";r=1;t=1', "3.1.1: q is an Integer"),
        (b'"a";q=1;w=0', b'"a";r=1;t=1', "3.1.3: w is an Integer beyond 0"),
        (b'"a";q=1;w=1, "a";q=2;w=1', b'"a";r=1;t=1', "3: each policy is named once"),
        (b'"a";q=1;w=1', b'"b";r=1;t=1', "4.1: a limit is that of a policy"),
        (b'"a";q=1;w=1', b'"a";r=-1;t=1', "4.1.1: r is an Integer"),
        (b'"a";q=1;w=1', b'"a";r=1;t=0.5', "4.1.2: t is an Integer"),
        (b'"a";q=1;w=1', b'"a";r=2;t=1', "4.1.1: what is left is a part of the quota"),
        (b'"a";q=1;w=1', b'"a";r=0;t=9', "6: Retry-After is not earlier than t"),
        (b'"a";q=1;w=1', b'"a";r=1;t=1', "a limit that refuses has nothing left"),
    ],
)
def test_a_field_that_the_draft_does_not_allow_is_seen(policies, limits, rule):
    assert rule in faults(policies, limits, 8)


def test_the_fields_of_real_responses(live_site):
    """Of each kind of request that is limited, within its limit and beyond it."""
    hard = [policy for policy in POLICIES if not policy.soft]
    settings = {policy.setting: "2/600" for policy in hard}
    settings["VOTES_TRUSTED_PROXIES"] = "127.0.0.0/8"
    with browser(live_site.url) as http:
        visitor = authorization(visitor_token(http), "Visitor")
    user, far = bearer(live_site, unique("user")), {"X-Forwarded-For": "203.0.113.7"}
    tool = new_tool(live_site)
    requests: list[tuple[str, str, dict[str, Any]]] = [
        ("PUT", f"/v1/tools/{tool}/vote", {"json": {"choice": "ship"}, "headers": user}),
        ("DELETE", f"/v1/tools/{tool}/vote", {"headers": visitor | far}),
        ("POST", "/v1/visitors", {"headers": far}),
        ("PUT", f"/v1/me/bookmarks/{tool}", {"json": {}, "headers": user}),
        ("GET", f"/v1/tools/{tool}/trend", {"headers": far}),
        ("GET", "/v1/live?tools=notion", {"headers": far}),
        (
            "POST",
            "/v1/digest/subscriptions",
            {"json": {"email": "ada@example.com"}, "headers": far},
        ),
    ]
    file = {"content": file_of_bookmarks(tool), "headers": user}
    requests.append(("POST", "/v1/me/bookmarks/import", file))
    told = set()
    with api_beside(live_site, **settings) as url, browser(url) as http:
        for method, path, options in requests:
            for _ in range(3):
                with http.stream(method, path, **options) as answer:
                    policies, limits = (
                        answer.headers[name].encode() for name in ("RateLimit-Policy", "RateLimit")
                    )
                    again_s = answer.headers.get("Retry-After")
                assert (again_s is not None) == (answer.status_code == 429)
                assert faults(policies, limits, int(again_s) if again_s else None) == []
                told |= {name for name, _ in members(policies)}
            assert answer.status_code == 429, path
    assert told == {policy.name for policy in hard}
