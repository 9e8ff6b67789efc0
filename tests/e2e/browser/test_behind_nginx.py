"""The site behind nginx as deploy/nginx.conf has it: TLS and HTTP/2, in a real browser."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.e2e.asking import new_tool
from tests.e2e.browser.conftest import Open, Vote, visit
from tests.polling import wait_for
from tests.site import Site, free_port, site

CONF = (Path(__file__).parents[3] / "deploy" / "nginx.conf").read_text()
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
PROTOCOLS = """() => Object.fromEntries(
  performance.getEntriesByType("resource").map(({ name, nextHopProtocol }) =>
    [new URL(name).pathname, nextHopProtocol]))"""

pytestmark = pytest.mark.skipif(NGINX is None, reason="NO nginx: IT IS NOT TESTED BEHIND ONE")

MAIN = """daemon off;
{user}
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  include {folder}/site.conf;
}}
"""


@pytest.fixture(scope="module")
def proxied() -> Iterator[Site]:
    with site(VOTES_TRUSTED_PROXIES="127.0.0.1/32") as running:
        yield running


@pytest.fixture(scope="module")
def front(proxied: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an nginx before the site."""
    with nginx(tmp_path_factory.mktemp("nginx"), free_port(), proxied.port) as url:
        yield url


@contextlib.contextmanager
def nginx(folder: Path, port: int, api: int) -> Iterator[str]:
    certificate = trustme.CA().issue_cert("localhost")
    certificate.private_key_and_cert_chain_pem.write_to_path(folder / "both.pem")
    replaced = {
        "127.0.0.1:8000": f"127.0.0.1:{api}",
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/ssl/votes.example.com.pem": f"{folder}/both.pem",
        "/etc/ssl/votes.example.com.key": f"{folder}/both.pem",
    }
    conf = CONF
    for old, new in replaced.items():
        assert old in conf
        conf = conf.replace(old, new)
    (folder / "site.conf").write_text(conf)
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder, user=user))
    command = [str(NGINX), "-p", str(folder), "-c", str(folder / "nginx.conf")]
    with (folder / "said").open("wb") as said, subprocess.Popen(command, stderr=said) as process:
        try:
            wait_for((folder / "pid").exists, "nginx")
            yield f"https://localhost:{port}"
        finally:
            process.terminate()


def test_a_vote_shows_in_another_window(proxied: Site, front: str, person: Open):
    slug = new_tool(proxied)
    url = f"{front}/tools/{slug}"
    one, other = (visit(person(ignore_https_errors=True), url) for _ in range(2))
    voted, watching = Vote(one, slug), Vote(other, slug)
    watching.shows(0, 0)
    voted.ship.click()
    watching.shows(1, 0)
    voted.skip.click()
    watching.shows(0, 1)
    one.reload()
    voted.shows(0, 1, "skip")
    protocols: dict[str, str] = one.evaluate(PROTOCOLS)
    assert set(protocols.values()) == {"h2"}
    assert [page.said for page in (one, other)] == [[], []]
    (cookie,) = one.context.cookies()
    assert (cookie["name"], cookie["secure"]) == ("__Host-visitor", True)


def test_a_form_votes_without_script(proxied: Site, front: str, person: Open):
    slug = new_tool(proxied)
    context: Any = person(ignore_https_errors=True, java_script_enabled=False)
    page = visit(context, f"{front}/tools/{slug}")
    page.locator("ship-vote button").first.click()
    Vote(page, slug).shows(1, 0, "ship")
    assert page.url.startswith(f"{front}/tools/{slug}")


def test_nginx_dies_and_the_numbers_converge(proxied: Site, person: Open, tmp_path: Path):
    slug = new_tool(proxied)
    port = free_port()
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    with nginx(tmp_path / "first", port, proxied.port) as url:
        page = visit(person(ignore_https_errors=True), f"{url}/tools/{slug}")
        vote = Vote(page, slug)
        vote.ship.click()
        vote.shows(1, 0, "ship")
    direct = visit(person(), f"{proxied.url}/tools/{slug}")
    Vote(direct, slug).skip.click()
    Vote(direct, slug).shows(1, 1, "skip")
    with nginx(tmp_path / "second", port, proxied.port):
        vote.shows(1, 1, "ship")
