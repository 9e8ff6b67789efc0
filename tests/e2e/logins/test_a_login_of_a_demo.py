"""In a demo on this machine anybody is whoever they like; nowhere else."""

import pytest

from tests.e2e.asking import api_beside, browser, problem, request
from tests.e2e.pages.reading import named, one, page, words
from votes.cli.up import may_be_anybody
from votes.config import NOT_IN_A_DEMO, Config, ConfigError, load
from votes.site.people.logging_in import DEMO

SET = {
    "VOTES_LOGIN_URL": "https://example.com/login",
    "VOTES_OIDC_ISSUER": "https://login.example.com",
    "VOTES_PUBLIC_URL": "https://votes.example.com",
    "VOTES_ALLOWED_HOSTS": "votes.example.com",
    "VOTES_TRUSTED_PROXIES": "10.0.0.0/8",
}
MAY = {"member": 403, "panelist": 403, "moderator": 200, "admin": 200}


def be(http, who: str, **headers: str):
    return http.post("/login", data={"as": who, "next": "/votes"}, headers=headers)


def test_one_click_makes_everybody(live_site, tool):
    for who, status in MAY.items():
        with browser(live_site.url) as http:
            form = one(page(http, "/login?next=/votes"), "form", class_="people")
            buttons = {button.get("value") for button in named(form, "button")}
            assert buttons == DEMO.keys() == MAY.keys()
            answer = be(http, who)
            assert (answer.status_code, answer.headers["location"]) == (303, "/votes")
            assert str(DEMO[who].name) in words(
                one(page(http, "/votes"), "span", class_="account-name")
            )
            assert http.get("/moderation").status_code == status
    review = {"score": 90, "choice": "ship", "body": "Good."}
    with browser(live_site.url) as http:
        be(http, "panelist")
        answer = http.put(f"/v1/tools/{tool}/reviews/builder", json=review)
        assert answer.status_code == 201


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "votes.example.com"},
        {"Host": "127.0.0.1.example.com"},
        {"X-Forwarded-For": "192.0.2.1"},
        {"X-Forwarded-Host": "votes.example.com"},
        {"X-Real-IP": "192.0.2.1"},
        {"Forwarded": "for=192.0.2.1"},
        {"Via": "1.1 proxy"},
    ],
)
def test_it_is_not_there_for_what_comes_from_elsewhere(live_site, headers):
    with browser(live_site.url) as http:
        for answer in (be(http, "admin", **headers), http.get("/login", headers=headers)):
            assert answer.status_code == 404
            assert "set-cookie" not in answer.headers
        assert "Log in" not in http.get("/", headers=headers).text


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": ""}])
def test_no_other_page_logs_its_reader_in(live_site, headers):
    with browser(live_site.url) as http:
        answer = be(http, "admin", Origin="https://evil.example", **headers)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


def test_it_takes_nobody_else_and_leads_to_no_other_site(live_site):
    with browser(live_site.url) as http:
        assert be(http, "root").status_code == 400
        sent = {"as": "admin", "next": "//evil.example"}
        assert http.post("/login", data=sent).status_code == 400
        assert not http.cookies


def test_without_a_demo_there_is_none_and_its_sessions_are_over(live_site, guarded):
    with browser(live_site.url) as http:
        be(http, "admin")
        session = http.cookies["login"]
        assert http.get("/v1/me").json()["roles"] == ["admin"]
    with api_beside(live_site) as url, browser(url) as http:
        for where in (url, guarded):
            same_origin = {"Sec-Fetch-Site": "same-origin"}
            sent = request("POST", f"{where}/login", data={"as": "admin"}, headers=same_origin)
            assert sent.status_code == 404
            assert request("GET", f"{where}/login").status_code == 404
        http.cookies.set("login", session)
        said = http.get("/v1/me").json()
        assert (said["kind"], said["login_ended"]) == ("nobody", True)
        problem(http.get("/v1/moderation/queue"), 401, "not_authenticated")
        assert "Your login has ended" in http.get("/bookmarks").text


def test_a_real_site_does_not_start_as_a_demo(live_site):
    assert SET.keys() == set(NOT_IN_A_DEMO)
    for name, value in SET.items():
        env = {"VOTES_DEMO_LOGIN": "on", name: value}
        if name == "VOTES_OIDC_ISSUER":
            env["VOTES_OIDC_CLIENT_ID"] = "votes"
        with pytest.raises(ConfigError, match=f"VOTES_DEMO_LOGIN.*{name}"):
            load(env)
        assert not may_be_anybody(load(env | {"VOTES_DEMO_LOGIN": "off"}), "127.0.0.1")
    assert may_be_anybody(Config(), "127.0.0.1")
    for host in ("0.0.0.0", "::", "192.0.2.1", "127.0.0.1.example.com"):
        assert not may_be_anybody(Config(), host)


def test_it_serves_on_loopback_alone(live_site, monkeypatch):
    env = {
        "VOTES_POSTGRES_URL": live_site.servers.api_url,
        "VOTES_REDIS_URL": live_site.servers.redis_api_url,
        "VOTES_SECRET_KEYS": "k" * 32,
        "VOTES_DEMO_LOGIN": "on",
    }
    monkeypatch.setattr(live_site, "env", live_site.env | env)
    told = live_site.votes("api", "--host", "0.0.0.0")
    assert told.returncode == 1
    assert told.stderr.strip().splitlines()[-1].startswith("votes: VOTES_DEMO_LOGIN: ")
