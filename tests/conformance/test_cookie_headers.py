"""What a `Cookie` header may look like, and whose visitor is found in it.

The sections are those of RFC 6265 (HTTP State Management Mechanism), of its revision
draft-ietf-httpbis-rfc6265bis-22 where it says "bis", and of RFC 9113 (HTTP/2).
"""

import pytest

from tests.e2e.asking import browser, get, new_tool, problem, put, visitor_token

FOUND = [
    ("4.2.1: the form in which browsers send it", b"a=b; visitor=%s; c=d"),
    ("4.2.2: in any order", b"visitor=%s; a=b"),
    ("4.1.1: a value may have =", b"a=b=c==; visitor=%s"),
    ("4.1.1: a value may be in quotes", b'a="b"; visitor=%s'),
    ("4.1.1: a value may be empty", b"a=; visitor=%s"),
    ("5.4: values as others once set them: commas, spaces", b'a=1, 2, "3; visitor=%s'),
    ("5.4: values of any bytes", b"a=\x80\xff\xc3\xa9; visitor=%s"),
    ("5.4: names of any bytes", b"\xc3\xa9=b; visitor=%s"),
    ("5.4: percent signs mean nothing", b"visito%%72=x; visitor=%s"),
    ("4.2.1 and robustness: no space after ;", b"a=b;visitor=%s;c=d"),
    ("robustness: more white space around a pair", b"a=b ; \t visitor=%s \t ; c=d"),
    ("robustness: empty pairs", b";; a=b;; ; visitor=%s; ;"),
    ("bis 5.8.3: no name, sent as the value alone", b"b; visitor=%s"),
    ("bis 5.8.3: no name, and a value like our name", b"visitor; visitor=%s"),
    ("bis 5.8.3: no name, sent with =", b"=visitor; visitor=%s"),
    (
        "4.1.2: attributes are not sent: these are names",
        b"Path=/x; Domain=y; visitor=%s; Expires=0",
    ),
    ("RFC 2965, obsolete: $Version is a name", b'$Version="1"; visitor=%s; $Path="/"'),
    ("5.4 (2): of two with a name the first, of the longer path", b"visitor=%s; visitor=other"),
    ("names are case-sensitive", b"Visitor=other; VISITOR=other; visitor=%s"),
    ("a longer name is another", b"visitors=other; avisitor=other; visitor =x; visitor=%s"),
    ("6.1: more cookies than browsers send", b"a=;" * 7_000 + b"visitor=%s"),
    ("6.1: a longer cookie than browsers send", b"a=" + b"b" * 20_000 + b"; visitor=%s"),
]
NOT_FOUND = [
    ("no cookie", b""),
    ("our name, and nothing", b"visitor="),
    ("5.4 (2): the first of two counts", b"visitor=other; visitor=%s"),
    ("of two the first counts, be it empty", b"visitor=; visitor=%s"),
    ("4.1.1: quotes are part of the value", b'visitor="%s"'),
    ("names are case-sensitive", b"Visitor=%s"),
    ("bis 5.8.3: no name, and our token as the value", b"%s"),
    ("bis 5.8.3: an empty name", b"=%s"),
    ("bis 5.8.3: an empty name, and a value like our cookie", b"=visitor=%s"),
    ("a comma separates no cookies", b"a=b, visitor=%s"),
    ("a comma ends no value", b"visitor=%s, a=b"),
    ("white space inside a pair is part of name and value", b"visitor = %s"),
    ("only space and tab are white space", b"a=b;\xa0visitor=%s"),
    ("only space and tab are white space", b"a=b;\x85visitor=%s"),
    ("a value of more than the token", b"visitor=%s=x"),
    ("values are not decoded", b"visitor=%%22%s%%22"),
    ("4.1.3.2 bis: the name of the secure cookie is another", b"__Host-visitor=%s"),
]


@pytest.fixture(scope="module")
def token(live_site) -> bytes:
    with browser(live_site.url) as http:
        return visitor_token(http).encode()


def kind(url: str, *cookies: bytes) -> str:
    """Who the API says is asking, with these headers."""
    answer = get(f"{url}/v1/me", headers=[(b"Cookie", cookie) for cookie in cookies])
    assert answer.status_code == 200, answer.text
    said: str = answer.json()["kind"]
    return said


@pytest.mark.parametrize(("rule", "cookie"), FOUND, ids=[rule for rule, _ in FOUND])
def test_the_visitor_is_found(live_site, token, rule, cookie):
    assert kind(live_site.url, cookie % token) == "visitor"


def test_several_headers_are_one(live_site, token):
    """RFC 9113, 8.2.3: HTTP/2 may send each cookie alone, and not every proxy joins them."""
    ours = b"visitor=" + token
    assert kind(live_site.url, b"a=b", ours, b"c=d") == "visitor"
    assert kind(live_site.url, ours, b"visitor=other") == "visitor"
    assert kind(live_site.url, b"visitor=other", ours) == "nobody"


def test_10_000_cookies_are_too_many(live_site):
    answer = get(f"{live_site.url}/v1/me", headers={"Cookie": "a=;" * 10_000})
    problem(answer, 431, "headers_too_large")


def test_a_request_of_a_stranger_is_known_by_any_of_them(live_site, token):
    """No page of another site changes anything by a cookie, in whichever header it comes."""
    path = f"{live_site.url}/v1/tools/{new_tool(live_site)}/vote"
    for cookies in ([b"visitor=" + token], [b"a=b", b"visitor=" + token]):
        headers = [(b"Cookie", cookie) for cookie in cookies]
        headers += [(b"Sec-Fetch-Site", b"cross-site"), (b"Origin", b"https://eve.example")]
        answer = put(path, headers=headers, json={"choice": "ship"})
        problem(answer, 403, "cross_origin")


@pytest.mark.parametrize(("rule", "cookie"), NOT_FOUND, ids=[rule for rule, _ in NOT_FOUND])
def test_no_visitor_is_found(live_site, token, rule, cookie):
    assert kind(live_site.url, cookie.replace(b"%s", token)) == "nobody"
