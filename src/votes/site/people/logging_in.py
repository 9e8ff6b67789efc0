"""Logging in and out: at an issuer, at the site's own login, or in a demo as one likes."""

import secrets
from datetime import timedelta
from typing import Annotated, assert_never

import structlog
from litestar import get, post
from litestar.params import Parameter, QueryParameter
from litestar.response.base import ASGIResponse
from msgspec import Struct

from votes.app.bookmarks import lists as bookmarks
from votes.config import Config
from votes.domain.bookmarks import bookmark
from votes.domain.terms import PersonaSlug, is_slug
from votes.engine.ports import Unavailable
from votes.http.checks.identity import LOGIN as SESSION
from votes.http.checks.identity import identity
from votes.http.checks.limiting import Limited
from votes.http.checks.origins import FROM_HERE, require_own_page
from votes.http.errors import RETRY_AFTER_S, Refused
from votes.http.exchange import Http, header, services, tool_id, write_as
from votes.http.hosts import base
from votes.http.logins.openid import Begun, LoginFailed, OpenId
from votes.http.logins.sessions import Signed
from votes.http.logins.tokens import User
from votes.http.moved import Moved
from votes.languages import ENGLISH, gettext, language, marked
from votes.resources import now
from votes.site import words
from votes.site.account import elsewhere, way
from votes.site.forms import is_local, read_form
from votes.site.html import PRIVATE, Translated, as_text, redirect
from votes.site.reading import answer, here, reader
from votes.site.render import LOGIN, LOGOUT, Head, query, titled

BACK, LOGGED_OUT = f"{LOGIN}/back", "/logged-out"
BEGUN_S = 600
"""So much time has a person at the issuer."""
BEGUN_MAX = 8
"""With so many logins begun in one browser the next one forgets them: their cookies would fill the
head of each request."""
STATE_BYTES = 16
SECRET_BYTES = 32
SENT_LENGTH_MAX = 4_000
"""Of what an issuer sends, and more than a path may have."""
SENT_FROM = b"sec-fetch-site"
CANCELLED = "access_denied"
TRY_AGAIN = ("retry-after", str(RETRY_AFTER_S))

DEMO = {
    "member": User("demo-member", name=marked("A member")),
    "panelist": User(
        "demo-panelist", frozenset({"panelist"}), PersonaSlug("builder"), marked("A panelist")
    ),
    "moderator": User("demo-moderator", frozenset({"moderator"}), name=marked("A moderator")),
    "admin": User("demo-admin", frozenset({"admin"}), name=marked("An admin")),
}
"""Whom one can be in a demo."""

Sent = Annotated[str | None, Parameter(max_length=SENT_LENGTH_MAX)]

logger = structlog.get_logger("votes.login")


class Login(Struct):
    """What the pages of one process need to log people in at an issuer."""

    issuer: OpenId
    begun: Signed[Begun]


def login_of(config: Config) -> Login | None:
    """None where there is no issuer."""
    if config.oidc_issuer is None:
        return None
    issuer = OpenId(config.oidc_issuer, config.oidc_client_id or "", config.oidc_client_secret)
    return Login(issuer, Signed(config.secret_keys, "login", Begun))


def _login(request: Http) -> Login:
    login: Login = request.app.state.login
    return login


@get(LOGIN, opt=Limited("reads").opt)
async def log_in(request: Http, next: Sent = None, keep: Sent = None) -> ASGIResponse:  # noqa: A002
    """Lead to the login, and back to the path `next`. `keep` is the slug of a tool to bookmark.

    A page elsewhere cannot make its reader log in: whom it sends here is asked first.
    """
    back = _path(next)
    match way(request):
        case None:
            raise Translated("not_found", gettext("Nobody logs in on this site."))
        case "demo":
            return await _page(request, "demo", back, keep=keep)
        case "elsewhere":
            address = services(request).config.login_url or ""
            return redirect(elsewhere(request, address, back), 303, PRIVATE)
        case "issuer":
            if (await reader(request)).user is not None:
                return redirect(back, 303, PRIVATE)
            site = header(request, SENT_FROM)
            if site is not None and site not in FROM_HERE:
                return await _page(request, "ask", back)
            return await _begin(request, back, keep if site == "same-origin" else None)
        case other:
            assert_never(other)


def _path(path: str | None) -> str:
    if path and not is_local(path):
        raise Refused("invalid_parameter", "next: a path of this site.")
    return path or "/"


async def _begin(request: Http, back: str, keep: str | None) -> ASGIResponse:
    login = _login(request)
    begun = Begun(
        secrets.token_urlsafe(STATE_BYTES),
        secrets.token_urlsafe(SECRET_BYTES),
        secrets.token_urlsafe(SECRET_BYTES),
        back,
        keep if keep and is_slug(keep) else None,
        language().tag,
    )
    try:
        address = await login.issuer.begin(begun, _address_back(request))
    except Unavailable as error:
        return await _away(request, error, back)
    text = login.begun.sign(begun, now() + timedelta(seconds=BEGUN_S))
    who = identity(request)
    cookie = as_text(who.cookie(request, _name(begun.state), text, BEGUN_S))
    others = who.names_sent(request, _name(""))
    forgotten = others if len(others) >= BEGUN_MAX else []
    gone = [as_text(who.cookie(request, name, "", 0)) for name in forgotten]
    return redirect(address, 303, PRIVATE, cookie, *gone)


def _address_back(request: Http) -> str:
    """As the issuer knows it. Raises `Unavailable` where this site knows no name of its own."""
    if not (at := base(request)):
        raise Unavailable("VOTES_PUBLIC_URL is not set, nor is the Host in VOTES_ALLOWED_HOSTS")
    return at + BACK


def _name(state: str) -> str:
    """The cookie of a login that has begun: each has its own, for a person may begin several."""
    return f"{SESSION}-{state}"


@get(BACK, opt=Limited("reads").opt)
async def come_back(
    request: Http,
    state_sent: Annotated[
        str | None, QueryParameter(name="state", max_length=SENT_LENGTH_MAX)
    ] = None,
    code: Sent = None,
    error: Sent = None,
    iss: Sent = None,
) -> ASGIResponse:
    """Where the issuer sends the browser to, with a code or an error. It knows one address, so a
    login in another language than English goes on from here at that of its language."""
    if way(request) != "issuer":
        raise Translated("not_found", gettext("Nobody logs in on this site."))
    who, login = identity(request), _login(request)
    sent = who.sent(request, _name(state_sent)) if state_sent else None
    begun = login.begun.read(sent) if sent else None
    if begun is None or begun.state != state_sent:
        return await _page(request, "late", "/", 400)
    if root := _root_of(begun):
        sent_back = query(state=state_sent, code=code, error=error, iss=iss)
        return redirect(f"{root}{BACK}{sent_back}", 303, PRIVATE)
    done = as_text(who.cookie(request, _name(begun.state), "", 0))
    if error is not None or not code:
        logger.info("no login", error=error if error == CANCELLED else "of the issuer")
        kind = "cancelled" if error == CANCELLED else "failed"
        return await _page(request, kind, begun.next, 400, done)
    try:
        user = await login.issuer.end(begun, _address_back(request), code, iss)
    except LoginFailed as failed:
        logger.warning("no login", reason=str(failed))
        return await _page(request, "failed", begun.next, 400, done)
    except Unavailable as failed:
        return await _away(request, failed, begun.next, done)
    return await _logged_in(request, user, begun.next, begun.keep, done)


def _root_of(begun: Begun) -> str:
    """With what the addresses of the login's language begin, where English is spoken; nothing where
    that is its own, and where the site has the language no more."""
    spoken = language()
    roots = {place.tag: place.root for place in spoken.places}
    return roots.get(begun.language, "") if spoken.tag == ENGLISH else ""


async def _logged_in(
    request: Http, user: User, back: str, keep: str | None, *headers: tuple[str, str]
) -> ASGIResponse:
    """Begin the session, do what the login was for, and lead back."""
    who = identity(request)
    text, age_s = who.sessions.begin(user, now())
    session = as_text(who.cookie(request, SESSION, text, age_s))
    if keep is not None:
        await _bookmarked(request, user, keep)
    return redirect(back, 303, PRIVATE, session, *headers)


async def _bookmarked(request: Http, user: User, slug: str) -> None:
    """Bookmark the tool, if that can be done now: its page has the button."""
    try:
        tool, at = await tool_id(request, slug), now()
        await write_as(
            request,
            user,
            bookmark.decider,
            lambda person: bookmarks.keep(person, tool, None, at),
        )
    except (Refused, Moved, Unavailable) as error:
        logger.info("not bookmarked", error=type(error).__name__)


@post(LOGIN, status_code=303, opt=Limited("writes").opt)
async def be(request: Http) -> ASGIResponse:
    """In a demo: become the one of `DEMO` whom `as` names."""
    if way(request) != "demo":
        raise Translated("not_found", gettext("Nobody logs in on this site like this."))
    require_own_page(request)
    fields = await read_form(request)
    user = DEMO.get(fields.get("as", ""))
    if user is None:
        raise Refused("invalid_body", f"as: one of {', '.join(DEMO)}.")
    keep = fields.get("keep") or None
    return await _logged_in(request, user, _path(fields.get("next")), keep)


@post(LOGOUT, status_code=303, opt=Limited("writes").opt)
async def log_out(request: Http) -> ASGIResponse:
    """End the session of this browser."""
    require_own_page(request)
    gone = as_text(identity(request).cookie(request, SESSION, "", 0))
    return redirect(LOGGED_OUT, 303, PRIVATE, gone)


@get(LOGGED_OUT, opt=Limited("reads").opt)
async def logged_out(request: Http) -> ASGIResponse:
    """Says so, and where to log out of the issuer too."""
    at = None
    if way(request) == "issuer":
        back = f"{base(request)}/" if base(request) else ""
        at = await _login(request).issuer.end_session(back)
    return await _page(request, "logged_out", "/", logout_there=at)


async def _away(
    request: Http, error: Unavailable, back: str, *headers: tuple[str, str]
) -> ASGIResponse:
    logger.warning("no login", error=str(error))
    return await _page(request, "away", back, 503, TRY_AGAIN, *headers)


async def _page(
    request: Http,
    kind: str,
    back: str,
    status: int = 200,
    *headers: tuple[str, str],
    keep: str | None = None,
    logout_there: str | None = None,
) -> ASGIResponse:
    """A page about logging in, of a kind that the template knows.

    Where the login is at an issuer, its link to another language leads to the page to come back to:
    a link to the login would begin it, with all that a page elsewhere has put into the address.
    """
    head = Head(titled(gettext("Log in")), gettext("Logging in."), back, "", indexed=False)
    made = await answer(
        request,
        "people/login.html",
        head,
        private=True,
        status=status,
        kind=kind,
        here=here(request) if kind in ("demo", "logged_out") else back,
        back=back,
        keep=keep,
        logout_there=logout_there,
        issuer=words.site(services(request).config.oidc_issuer or ""),
        people=DEMO,
    )
    for name, value in headers:
        made.headers.add(name, value)
    return made


ROUTES = [log_in, come_back, be, log_out, logged_out]
