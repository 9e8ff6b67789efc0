"""How people log in here, and what a page offers to its reader."""

from typing import Literal, assert_never
from urllib.parse import quote

from votes.http.checks.identity import Caller
from votes.http.exchange import Http, services
from votes.http.hosts import base, is_here
from votes.languages import language
from votes.site.render import LOGOUT, Account

Way = Literal["issuer", "elsewhere", "demo"]
"""By an issuer (OpenID Connect), at a login that the site has of its own, or as one likes."""
MODERATORS = {"moderator", "admin"}
BACK = "{next}"
"""In the address of a site's own login, where to come back to."""


def way(request: Http) -> Way | None:
    """How the sender of this request can log in; None where not at all."""
    config = services(request).config
    if config.oidc_issuer:
        return "issuer"
    if config.login_url:
        return "elsewhere"
    return "demo" if config.demo_login and is_here(request.scope) else None


def elsewhere(request: Http, address: str, path: str) -> str:
    """The address of a login or log-out elsewhere, which leads back to the path in the language
    that is spoken."""
    return address.replace(BACK, quote(base(request) + language().root + path, safe=""))


def account(request: Http, caller: Caller) -> Account:
    """What a page offers to this caller."""
    config = services(request).config
    found, samples, mails = way(request), config.samples, config.smtp_url is not None
    if caller.user is None:
        return Account(login=found is not None, samples=samples, mails=mails)
    user = caller.user
    return Account(
        login=found is not None,
        samples=samples,
        mails=mails,
        name=user.called,
        logout=_logout(request, found),
        moderates=bool(MODERATORS & user.roles),
        reviews="panelist" in user.roles and user.persona is not None,
        administers="admin" in user.roles,
    )


def _logout(request: Http, found: Way | None) -> str | None:
    address = services(request).config.logout_url
    match found:
        case "issuer" | "demo":
            return LOGOUT
        case "elsewhere":
            return elsewhere(request, address, "/") if address else None
        case None:
            return None
    assert_never(found)
