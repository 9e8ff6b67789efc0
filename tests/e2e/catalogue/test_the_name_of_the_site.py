"""The names by which a site is reached: what a `Host` can make it say, and that there is one."""

import json
import socket
from xml.etree import ElementTree

import pytest

from tests.e2e.asking import api_beside, get, problem
from tests.e2e.pages.reading import PAIR, attribute, meta, one, parsed

ATOM = "{http://www.w3.org/2005/Atom}"
PAGES = ("/", "/tools/notion", PAIR, "/compare", "/?sort=new")
PATHS: tuple[str, ...] = (
    *PAGES,
    "/feed.xml",
    "/og/notion.png",
    "/status",
    "/no-such-page",
    "/elements.json",
)
PATHS += ("/v1/tools", "/v1/tools/notion/tally", "/v1/live?tools=notion", "/v1/me", "/health/ready")
PATHS += ("/openapi.json", "/docs", "/health/live")
HOSTS = {
    "none": b"",
    "two": b"Host: 127.0.0.1\r\nHost: example.com\r\n",
    "the same twice": b"Host: 127.0.0.1\r\nHost: 127.0.0.1\r\n",
    "in two cases": b"HOST: 127.0.0.1\r\nhost: 127.0.0.1\r\n",
    "empty": b"Host:\r\n",
    "two in one": b"Host: 127.0.0.1, example.com\r\n",
    "a path": b"Host: example.com/path\r\n",
    "a login": b"Host: a@example.com\r\n",
    "markup": b'Host: "><script>\r\n',
    "half an address": b"Host: [::1\r\n",
    "no port": b"Host: example.com:\r\n",
    "a port that is none": b"Host: 127.0.0.1:99999\r\n",
    "bytes": b"Host: \xff\xfe\r\n",
}


def said(port: int, request: bytes) -> tuple[bytes, bytes]:
    """The head and the body of the answer to these bytes."""
    with socket.create_connection(("127.0.0.1", port), 10) as raw:
        raw.sendall(request)
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return head, body


@pytest.mark.parametrize("hosts", HOSTS.values(), ids=HOSTS)
def test_a_request_names_one_site_once(live_site, hosts):
    for path in PATHS:
        start = f"GET {path} HTTP/1.1\r\nConnection: close\r\n".encode()
        head, body = said(live_site.port, start + hosts + b"\r\n")
        assert head.startswith(b"HTTP/1.1 400"), (path, head)
        if b"problem+json" in head:  # else the server itself refused it
            assert json.loads(body)["code"] == "invalid_parameter"


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "OPTIONS", "HEAD"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_so_does_a_request_of_any_kind(live_site, method, version):
    for path in ("/v1/tools/notion/vote", "/v1/visitors", "/v1/live", "/tools/notion/vote"):
        start = f"{method} {path} HTTP/{version}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        head, _ = said(live_site.port, start.encode())
        assert head.split()[1] == b"400", (path, head)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "192.168.1.5:8000", "a"])
def test_a_name_that_nobody_vouches_for_works_and_is_not_repeated(live_site, host):
    headers = {"Host": host}
    for path in PAGES:
        answer = get(live_site.url + path, headers=headers)
        assert answer.status_code == 200
        assert f"//{host}" not in answer.text
        canonical = attribute(one(parsed(answer.text), "link", rel="canonical"), "href")
        assert canonical.startswith("/")
        assert not canonical.startswith("//")
    feed = get(f"{live_site.url}/feed.xml", headers=headers).text
    assert f"//{host}" not in feed
    links = [attribute(link, "href") for link in ElementTree.fromstring(feed).iter(f"{ATOM}link")]
    assert [link for link in links if not link.startswith("/")] == []
    assert get(f"{live_site.url}/v1/tools/notion/tally", headers=headers).status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1:80", "localhost", "LOCALHOST:8000", "[::1]:8000"])
def test_this_machine_is_known_by_its_names(live_site, host):
    tree = parsed(get(f"{live_site.url}/tools/notion", headers={"Host": host}).text)
    canonical = f"http://{host.lower()}/tools/notion"
    assert one(tree, "link", rel="canonical").get("href") == canonical
    assert meta(tree, "og:url") == canonical


def test_the_settings_say_the_one_address(live_site):
    with api_beside(live_site, VOTES_PUBLIC_URL="https://votes.example.com") as url:
        for host in ("evil.example", "localhost", "votes.example.com"):
            answer = get(f"{url}/tools/notion", headers={"Host": host})
            tree = parsed(answer.text)
            canonical = one(tree, "link", rel="canonical").get("href")
            assert canonical == "https://votes.example.com/tools/notion"
            assert meta(tree, "og:image") == "https://votes.example.com/og/notion.png"
            assert '"https://votes.example.com/tools/notion#tool"' in answer.text
            assert "evil.example" not in answer.text
            feed = ElementTree.fromstring(get(f"{url}/feed.xml", headers={"Host": host}).text)
            assert feed.findtext(f"{ATOM}id") == "https://votes.example.com/feed.xml"


def test_or_the_names_that_are_believed(live_site):
    hosts = "a.example.com, b.example.com:8443"
    proxies = "127.0.0.0/8"
    believed = {
        "a.example.com": "https://a.example.com",
        "A.example.com": "https://a.example.com",
        "b.example.com:8443": "https://b.example.com:8443",
        "localhost": "https://localhost",
        "a.example.com:8443": "",
        "b.example.com": "",
        "c.a.example.com": "",
    }
    with api_beside(live_site, VOTES_ALLOWED_HOSTS=hosts, VOTES_TRUSTED_PROXIES=proxies) as url:
        for host, base in believed.items():
            headers = {"Host": host, "X-Forwarded-Proto": "https"}
            tree = parsed(get(f"{url}/tools/notion", headers=headers).text)
            assert one(tree, "link", rel="canonical").get("href") == f"{base}/tools/notion"


def test_a_host_that_is_no_name_is_told_as_a_problem(live_site):
    problem(get(live_site.url, headers={"Host": 'evil"><script>'}), 400, "invalid_parameter")
