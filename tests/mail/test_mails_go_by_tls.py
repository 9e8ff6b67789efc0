"""`VOTES_SMTP_URL` by TLS and with a login, to a real server: neither a mail nor a password goes to
one that cannot show who it is."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from tests.mail.post import LETTERS, Post, readers, written
from tests.site import free_port
from votes.mail.delivery import deliver
from votes.mail.sending import NoServer, mailer_of
from votes.store.subscriptions import Subscriptions

PASSWORD = "p@ss:w/ö%rd"
IN_AN_ADDRESS = "p%40ss%3Aw%2F%C3%B6%25rd"


class Watched(Post):
    """A server that notes how each mail came, and who logged in with what."""

    def __init__(self) -> None:
        super().__init__()
        self.secure: list[bool] = []
        self.logins: list[tuple[str, str]] = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        over_tls = server.transport.get_extra_info("ssl_object") or session.ssl
        self.secure.append(over_tls is not None)
        return await super().handle_DATA(server, session, envelope)

    def login(self, _server, _session, _envelope, _mechanism, said: object) -> AuthResult:
        assert isinstance(said, LoginPassword)
        self.logins.append((said.login.decode(), said.password.decode()))
        known = self.logins[-1] == ("ada", PASSWORD)
        return AuthResult(success=known, handled=False)


pytestmark = [
    # aiosmtpd leaves the socket of a handshake that failed to the garbage,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    # and warns of servers that take a password without TLS, which one of these is.
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS"),
]


@pytest.fixture
def subscriptions(store):
    return Subscriptions(store)


@pytest.fixture
def post():
    return Watched()


@pytest.fixture
def authority(monkeypatch, tmp_path):
    """Whom this process believes about servers, and nobody else."""
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    return made


def context_of(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    return context


@asynccontextmanager
async def serving(post, implicit=None, starttls=None, login=False) -> AsyncIterator[str]:
    """Where a mail server of this test is: by TLS from the start, by STARTTLS, or plain."""
    loop, port = asyncio.get_running_loop(), free_port()
    options = {"tls_context": starttls, "auth_require_tls": False}
    if login:
        options |= {"authenticator": post.login, "auth_required": True}
    server = await loop.create_server(
        lambda: SMTP(post, hostname="localhost", loop=loop, **options),
        *("127.0.0.1", port),
        ssl=implicit,
    )
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize(
    ("scheme", "offered", "secure"),
    [
        ("smtps", "implicit", True),
        ("starttls", "starttls", True),
        ("smtp", "starttls", True),
        ("smtp", "nothing", False),
    ],
)
async def test_mails_go_by_tls_as_the_url_says(
    subscriptions, store, post, authority, scheme, offered, secure
):
    addresses = await readers(subscriptions, store, 3)
    await written(subscriptions)
    contexts = {} if offered == "nothing" else {offered: context_of(authority)}
    async with serving(post, **contexts) as where:
        assert await deliver(subscriptions, mailer_of(f"{scheme}://{where}"), LETTERS) == 3
    assert post.mails == dict.fromkeys(addresses, 1)
    assert post.secure == [secure] * 3


async def refused(subscriptions, store, post, url, where) -> str:
    """Nothing is sent there, and nothing is lost; what is said of it."""
    await readers(subscriptions, store, 2)
    await written(subscriptions)
    with pytest.raises(NoServer) as told:
        await deliver(subscriptions, mailer_of(url.format(where)), LETTERS)
    assert post.taken == []
    assert (await subscriptions.counts()).bounced == 0
    return str(told.value)


@pytest.mark.parametrize("url", ["starttls://{}", "smtp://ada:secret@{}", "smtps://{}"])
async def test_a_server_without_tls_gets_nothing(subscriptions, store, post, authority, url):
    async with serving(post, login="ada" in url) as where:
        said = await refused(subscriptions, store, post, url, where)
    assert "secret" not in said
    assert post.logins == []


@pytest.mark.parametrize(("scheme", "by"), [("smtps", "implicit"), ("starttls", "starttls")])
@pytest.mark.parametrize("whose", ["of a stranger", "of another name"])
async def test_a_server_that_is_not_who_it_should_be_gets_nothing(
    subscriptions, store, post, authority, scheme, by, whose
):
    context = (
        context_of(trustme.CA())
        if whose == "of a stranger"
        else context_of(authority, "mail.example.com")
    )
    url = f"{scheme}://ada:secret@{{}}"
    async with serving(post, **{by: context}, login=True) as where:
        said = await refused(subscriptions, store, post, url, where)
    assert "secret" not in said
    assert post.logins == []


@pytest.mark.parametrize(
    ("scheme", "by"), [("smtps", "implicit"), ("starttls", "starttls"), ("smtp", "starttls")]
)
async def test_a_login_is_what_the_url_says(subscriptions, store, post, authority, scheme, by):
    await readers(subscriptions, store, 2)
    await written(subscriptions)
    async with serving(post, **{by: context_of(authority)}, login=True) as where:
        url = f"{scheme}://ada:{IN_AN_ADDRESS}@{where}"
        assert await deliver(subscriptions, mailer_of(url), LETTERS) == 2
    assert set(post.logins) == {("ada", PASSWORD)}
    assert post.secure == [True, True]


async def test_a_wrong_password_sends_nothing_and_is_not_told(
    subscriptions, store, post, authority
):
    url = "smtps://ada:not-the-one@{}"
    async with serving(post, implicit=context_of(authority), login=True) as where:
        said = await refused(subscriptions, store, post, url, where)
    assert "535" in said
    assert "not-the-one" not in said
