"""People log in at an issuer (OpenID Connect), who is honest here, mistaken, or away."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.e2e.asking import api_beside, browser, get, head, request, secrets_of, unique
from tests.e2e.logins.provider import CLIENT, SECRET, agreed, begun, logged_in, provider
from tests.e2e.pages.reading import named, one, page, words
from votes.http.logins.openid import Begun
from votes.http.logins.sessions import Signed
from votes.resources import now
from votes.site.forms import NEXT_LENGTH_MAX
from votes.site.people.logging_in import BEGUN_MAX

pytestmark = pytest.mark.filterwarnings("ignore:get_jwt_config:DeprecationWarning")
STRANGER = rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def running():
    with provider() as one:
        yield one


@pytest.fixture
def issuer(running):
    running.reset()
    yield running
    running.reset()


@pytest.fixture(scope="module")
def url(live_site, running):
    with api_beside(live_site, **running.settings()) as address:
        yield address


@pytest.fixture
def http(url):
    with browser(url) as client:
        yield client


@pytest.fixture
def tool(live_site, url, tool):
    """One that this process knows too."""
    seen = {"min_position": head(live_site)}
    assert get(f"{url}/v1/tools/{tool}", params=seen).status_code == 200
    return tool


def me(http: httpx.Client) -> tuple[str, str | None, bool]:
    said = http.get("/v1/me").json()
    return said["kind"], said["id"], said["login_ended"]


def is_nobody(http: httpx.Client) -> bool:
    return me(http) == ("nobody", None, False) and "login" not in http.cookies


def heading(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert "no-store" in answer.headers["cache-control"]
    return str(re.findall("<h1>(.*?)</h1>", answer.text)[0])


def begun_cookies(http: httpx.Client) -> dict[str, str]:
    return {name: text for name, text in http.cookies.items() if name.startswith("login-")}


def test_somebody_logs_in_and_is_known_everywhere(http, issuer, tool):
    ada = issuer.knows(unique("ada"), name="Ada Lovelace")
    answer = logged_in(http, ada, next=f"/tools/{tool}#vote")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/tools/{tool}#vote")
    assert me(http) == ("user", ada, False)
    assert not begun_cookies(http)
    for path in ("/", f"/tools/{tool}", "/votes", "/docs", "/verdicts", "/rulings", "/status"):
        answer = http.get(path)
        assert answer.headers["cache-control"] == "private, no-store", path
        assert "Ada Lovelace" in answer.text
        assert "Ada Lovelace" not in get(str(http.base_url) + path).text
    http.put(f"/v1/me/bookmarks/{tool}", json={"note": "Mine."}).raise_for_status()
    assert "kept by Ada Lovelace" in http.get("/bookmarks").text
    state = http.get("/v1/me/state", params={"tools": tool}).json()
    assert state[tool]["bookmarked"] is True


def test_the_login_asks_as_the_standards_want(http, issuer):
    address = begun(http)
    asked = {name: value for name, (value,) in parse_qs(urlsplit(address).query).items()}
    back = f"{http.base_url}/login/back"
    assert asked.pop("redirect_uri") == back
    assert (asked.pop("client_id"), asked.pop("scope")) == (CLIENT, "openid profile")
    assert (asked.pop("response_type"), asked.pop("code_challenge_method")) == ("code", "S256")
    assert {name: len(value) for name, value in asked.items()} == {
        "state": 22,
        "nonce": 43,
        "code_challenge": 43,
    }
    http.get(agreed(http, address, issuer.knows(unique("ada"))))
    sent = issuer.tokens[-1]
    assert (sent["redirect_uri"], sent["grant_type"]) == (back, "authorization_code")
    assert SECRET not in str(sent["authorization"]) + str(sent["code"])
    assert "client_secret" not in sent


def test_what_the_visitor_voted_becomes_the_users(http, issuer, tool):
    http.post(f"/tools/{tool}/vote", data={"choice": "ship"})
    ada = issuer.knows(unique("ada"))
    logged_in(http, ada)
    assert http.get("/v1/me/state", params={"tools": tool}).json()[tool]["vote"] == "ship"
    with browser(str(http.base_url)) as elsewhere:
        logged_in(elsewhere, ada)
        assert tool in elsewhere.get("/votes").text


def test_a_bookmark_that_led_to_the_login_is_done(http, issuer, tool):
    link = one(page(http, f"/tools/{tool}"), "a", class_="quiet-button").get("href")
    back = agreed(http, http.get(link).headers["location"], issuer.knows(unique("ada")))
    assert http.get(back).headers["location"] == f"/tools/{tool}#vote"
    state = http.get("/v1/me/state", params={"tools": tool}).json()
    assert state[tool]["bookmarked"] is True


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_nobody_elsewhere_has_something_bookmarked(http, issuer, tool, site):
    answer = http.get("/login", params={"keep": tool}, headers={"Sec-Fetch-Site": site})
    if answer.status_code == 200:
        assert tool not in answer.text
        answer = http.get("/login")
    http.get(agreed(http, answer.headers["location"], issuer.knows(unique("ada"))))
    assert http.get("/v1/me/bookmarks").json()["bookmarks"] == []


def test_a_tool_that_is_gone_does_not_prevent_the_login(http, issuer):
    ada = issuer.knows(unique("ada"))
    assert logged_in(http, ada, keep=unique("gone")).status_code == 303
    assert me(http)[0] == "user"


ROLES = [
    ({"roles": ["moderator", "service", "root"]}, {"moderator"}, None),
    ({"roles": ["panelist"], "persona": "builder"}, {"panelist"}, "builder"),
    ({"persona": "builder"}, set(), None),
    ({"groups": ["admin"], "role": "admin"}, set(), None),
]


@pytest.mark.parametrize(("claims", "roles", "persona"), ROLES)
def test_roles_are_those_of_a_session(http, issuer, claims, roles, persona):
    logged_in(http, issuer.knows(unique("ada"), **claims))
    said = http.get("/v1/me").json()
    assert (set(said["roles"]), said["persona"]) == (roles, persona)
    assert http.get("/moderation").status_code == (200 if "moderator" in roles else 403)


def bent(**claims):
    """What bends an ID token; None takes a claim away."""
    return lambda said: {k: v for k, v in {**said, **claims}.items() if v is not None}


BENT = {
    "another nonce": bent(nonce="another"),
    "no nonce": bent(nonce=None),
    "another issuer": bent(iss="https://evil.example"),
    "no issuer": bent(iss=None),
    "another audience": bent(aud="another"),
    "no audience": bent(aud=None),
    "another party": bent(azp="another"),
    "audiences without a party": bent(aud=[CLIENT, "another"]),
    "expired": bent(exp=1),
    "without an end": bent(exp=None),
    "of tomorrow": bent(iat=2**33),
    "not yet": bent(nbf=2**33),
    "nobody": bent(sub=None),
    "no name": bent(sub=""),
    "a number": bent(sub=5),
    "a name with a NUL": bent(sub="ada\0"),
    "a name that is too long": bent(sub="a" * 300),
    "roles of no kind": bent(roles="admin"),
}


@pytest.mark.parametrize("how", BENT)
def test_an_id_token_that_is_not_of_this_login_is_refused(http, issuer, how):
    issuer.bend = BENT[how]
    answer = logged_in(http, issuer.knows(unique("ada")))
    assert heading(answer, 400) == "That login did not work"
    assert is_nobody(http)
    assert not begun_cookies(http)


def test_an_id_token_of_a_strangers_key_is_refused(http, issuer):
    issuer.sign_with = STRANGER
    assert heading(logged_in(http, issuer.knows(unique("ada"))), 400) == "That login did not work"
    assert is_nobody(http)


def test_an_id_token_for_several_that_names_us_is_taken(http, issuer):
    issuer.bend = bent(aud=[CLIENT, "another"], azp=CLIENT)
    assert logged_in(http, issuer.knows(unique("ada"))).status_code == 303


def test_a_name_that_cannot_be_shown_is_not(http, issuer):
    ada = issuer.knows(unique("ada"), name="\u202eecila", preferred_username="a" * 121)
    assert logged_in(http, ada).status_code == 303
    assert ada in words(one(page(http, "/"), "span", class_="account-name"))


def test_what_comes_back_must_be_of_a_login_of_this_browser(http, issuer):
    ada = issuer.knows(unique("ada"))
    with browser(str(http.base_url)) as attacker:
        theirs = agreed(attacker, begun(attacker), ada)
        for back in (theirs, "/login/back", "/login/back?code=x", "/login/back?state=x&code=x"):
            assert heading(http.get(back), 400) == "This login is over"
        mine = begun(http)
        (state,) = parse_qs(urlsplit(mine).query)["state"]
        code = parse_qs(urlsplit(theirs).query)["code"][0]
        answer = http.get("/login/back", params={"state": state, "code": code})
        assert heading(answer, 400) == "That login did not work"
        assert is_nobody(http)


def test_cookies_that_are_mixed_up_are_none(http, live_site, issuer):
    address = begun(http)
    back = agreed(http, address, issuer.knows(unique("ada")))
    ((name, text),) = begun_cookies(http).items()
    begin = Begun("another", "n", "v", "/")
    keys = [secrets_of(live_site)["secret_key"].encode()]
    end = now() + timedelta(minutes=1)
    forged = {
        "of another login": Signed(keys, "login", Begun).sign(begin, end),
        "for another purpose": Signed(keys, "session", Begun).sign(begin, end),
        "of a stranger": Signed([b"k" * 32], "login", Begun).sign(begin, end),
        "too old": Signed(keys, "login", Begun).sign(begin, now() - timedelta(seconds=1)),
        "nothing": "",
        "unsigned": jwt.encode({"state": "another", "exp": end}, "", algorithm="none"),
    }
    for how, value in forged.items():
        with browser(str(http.base_url)) as other:
            other.cookies.set(name, value)
            assert heading(other.get(back), 400) == "This login is over", how
            other.cookies.clear()
            other.cookies.set("login", text)  # a login that has begun is no session
            assert me(other) == ("nobody", None, True)
    assert http.get(back).status_code == 303


def test_a_code_counts_once(http, issuer):
    ada = issuer.knows(unique("ada"))
    address = begun(http)
    kept = begun_cookies(http)
    back = agreed(http, address, ada)
    assert http.get(back).status_code == 303
    assert heading(http.get(back), 400) == "This login is over"
    with browser(str(http.base_url)) as thief:
        thief.cookies.update(kept)
        assert heading(thief.get(back), 400) == "That login did not work"
        assert is_nobody(thief)
    assert me(http) == ("user", ada, False)


def test_two_logins_at_once_both_end(http, issuer):
    ada, addresses = issuer.knows(unique("ada")), [begun(http, next=f"/?q={n}") for n in "ab"]
    for number, address in zip("ab", addresses, strict=True):
        assert http.get(agreed(http, address, ada)).headers["location"] == f"/?q={number}"


def test_however_many_logins_one_begins_the_head_of_requests_stays_small(http, issuer):
    for _ in range(3 * BEGUN_MAX):
        address = begun(http)
        assert len(begun_cookies(http)) <= BEGUN_MAX
    http.get(agreed(http, address, issuer.knows(unique("ada"))))
    assert me(http)[0] == "user"


def test_coming_back_twice_at_once_logs_in_once(http, issuer):
    back = agreed(http, begun(http), issuer.knows(unique("ada")))
    sent = {"Cookie": "; ".join(f"{name}={text}" for name, text in http.cookies.items())}
    with ThreadPoolExecutor() as threads:
        asked = [threads.submit(get, back, headers=sent) for _ in range(4)]
        statuses = sorted(one.result().status_code for one in asked)
    assert statuses == [303, 400, 400, 400]


@pytest.mark.parametrize("next_", ["//evil.example", "https://evil.example", "/\\evil", "/a\tb"])
def test_it_leads_to_no_other_site(http, issuer, next_):
    assert "does not add up" in heading(http.get("/login", params={"next": next_}), 400)


def test_the_longest_way_back_is_kept(http, issuer):
    longest = "/?q=" + "x" * (NEXT_LENGTH_MAX - 4)
    answer = logged_in(http, issuer.knows(unique("ada")), next=longest)
    assert answer.headers["location"] == longest


def test_whom_another_site_sends_is_asked_first(http, issuer):
    for site in ("cross-site", "same-site"):
        asking = page(http, "/login?next=/votes", headers={"Sec-Fetch-Site": site})
        assert "localhost" in words(one(asking, "p", class_="lede"))
        links = [link.get("href") for link in named(asking, "a", class_="button")]
        assert links == ["/login?next=%2Fvotes", "/"]
        assert not http.cookies


def test_who_did_not_want_to_is_told_kindly(http, issuer):
    for error, told in (
        ("access_denied", "You are not logged in"),
        ("x", "That login did not work"),
    ):
        (state,) = parse_qs(urlsplit(begun(http, next="/votes")).query)["state"]
        answer = http.get("/login/back", params={"state": state, "error": error})
        assert heading(answer, 400) == told
        assert "/login?next=%2Fvotes" in answer.text
        assert is_nobody(http)


def test_a_code_of_another_issuer_is_refused(http, issuer):
    ada = issuer.knows(unique("ada"))
    back = agreed(http, begun(http), ada)
    assert heading(http.get(f"{back}&iss=https://evil.example"), 400) == "That login did not work"
    back = agreed(http, begun(http), ada)
    assert http.get(f"{back}&iss={issuer.url}").status_code == 303


@pytest.mark.parametrize("status", [500, 503, 200, 404])
def test_an_issuer_that_is_away_is_told_and_stops_no_vote(http, issuer, tool, status):
    back = agreed(http, begun(http, next=f"/tools/{tool}"), issuer.knows(unique("ada")))
    issuer.refuse = status
    answer = http.get(back)
    assert heading(answer, 503) == "Logging in does not work just now"
    assert answer.headers["retry-after"]
    assert f"/login?next=%2Ftools%2F{tool}" in answer.text
    assert http.put(f"/v1/tools/{tool}/vote", json={"choice": "ship"}).status_code == 200
    issuer.refuse = None
    assert logged_in(http, issuer.knows(unique("ada"))).status_code == 303


def test_without_an_issuer_pages_and_votes_go_on(live_site, tool):
    settings = {"VOTES_OIDC_ISSUER": "http://127.0.0.1:1", "VOTES_OIDC_CLIENT_ID": "votes"}
    with api_beside(live_site, **settings) as url, browser(url) as http:
        for path in ("/login", "/login?next=/votes"):
            assert heading(http.get(path), 503) == "Logging in does not work just now"
        assert http.put(f"/v1/tools/{tool}/vote", json={"choice": "ship"}).status_code == 200
        assert http.get(f"/tools/{tool}").status_code == 200
        assert heading(http.get("/logged-out"), 200) == "You are logged out"


def test_behind_tls_cookies_are_secure_and_the_name_is_ours(live_site, issuer):
    public = {"VOTES_PUBLIC_URL": "https://votes.example.com"}
    proxies = {"VOTES_TRUSTED_PROXIES": "127.0.0.0/8"}
    with (
        api_beside(live_site, **issuer.settings(), **public, **proxies) as url,
        browser(url) as http,
    ):
        http.headers.update({"X-Forwarded-Proto": "https", "Host": "votes.example.com"})
        answer = http.get("/login")
        (back,) = parse_qs(urlsplit(answer.headers["location"]).query)["redirect_uri"]
        assert back == "https://votes.example.com/login/back"
        sent, rules = answer.headers["set-cookie"].split("; ", 1)
        assert sent.startswith("__Host-login-")
        assert rules == "Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure"
        with browser() as plain:
            came = agreed(plain, answer.headers["location"], issuer.knows(unique("ada")))
        path = came.removeprefix("https://votes.example.com")
        (session, gone) = http.get(path, headers={"Cookie": sent}).headers.get_list("set-cookie")
        assert session.startswith("__Host-login=")
        assert session.endswith("; Path=/; Max-Age=1814400; HttpOnly; SameSite=Lax; Secure")
        assert gone == f"{sent.partition('=')[0]}=; Path=/; Max-Age=0; {rules[21:]}"


def test_somebody_logs_out_here_and_may_do_so_there(http, issuer):
    ada = issuer.knows(unique("ada"))
    logged_in(http, ada)
    for site in ("cross-site", "same-site", ""):
        headers = {"Sec-Fetch-Site": site, "Origin": "https://evil.example"}
        assert http.post("/logout", headers=headers).status_code == 403
        without = request("POST", f"{http.base_url}/logout", headers=headers)
        assert (without.status_code, "set-cookie" in without.headers) == (403, False)
    assert me(http) == ("user", ada, False)
    assert one(page(http, "/votes"), "form", action="/logout").get("method") == "post"
    answer = http.post("/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/logged-out")
    assert is_nobody(http)
    (there, _) = named(page(http, "/logged-out"), "a", class_="button")
    asked = urlsplit(there.attrib["href"])
    assert f"{asked.scheme}://{asked.netloc}" == issuer.url
    assert parse_qs(asked.query) == {
        "client_id": [CLIENT],
        "post_logout_redirect_uri": [f"{http.base_url}/"],
    }
