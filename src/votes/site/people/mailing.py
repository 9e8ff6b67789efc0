"""The weekly mail: signing up, confirming, choosing what is in it, ending it. All by plain forms.

A link in a mail is opened by programs too, which look for harm before the reader does. So a GET
changes nothing: each page has a button. Only the one-click end of RFC 8058 is a POST from a mail.
"""

from urllib.parse import parse_qsl

from litestar import get, post
from litestar.response.base import ASGIResponse

from votes.http.addresses import checked_address, require_mail
from votes.http.checks.limiting import Limited
from votes.http.checks.origins import require_own_page
from votes.http.deadlines import READ_S, WRITE_S, within
from votes.http.exchange import Http, services
from votes.http.hosts import base
from votes.languages import gettext, language, marked
from votes.site.forms import read_form
from votes.site.html import PRIVATE, Translated, redirect
from votes.site.reading import answer
from votes.site.render import Head, titled
from votes.store.subscriptions import PARTS, Subscription

DIGEST = "/digest"
ABOUT = marked(
    "One mail a week: new tools, verdicts that changed, the closest calls, two tools to compare."
)


@get(DIGEST)
async def digest(request: Http, asked: str | None = None) -> ASGIResponse:
    """What the mail is, and a form for it; or that a mail to confirm it is on its way."""
    require_mail(services(request).config)
    head = Head(titled(gettext("The weekly mail")), gettext(ABOUT), DIGEST, base(request))
    return await answer(request, "people/digest.html", head, asked=asked is not None)


@post(DIGEST, status_code=303, opt=Limited("mails").opt)
async def digest_form(request: Http) -> ASGIResponse:
    """The answer is the same whether the address is known or not."""
    require_own_page(request)
    require_mail(services(request).config)
    fields = await read_form(request)
    address = checked_address(fields.get("email", ""))
    with within(WRITE_S):
        await services(request).subscriptions.subscribe(address, language().tag)
    return redirect(f"{DIGEST}?asked=yes", 303, PRIVATE)


@get("/digest/confirm/{token:str}", opt=Limited("reads").opt)
async def confirm(request: Http, token: str) -> ASGIResponse:
    return await _page(request, gettext("Confirm"), token, await _found(request, token))


@post("/digest/confirm/{token:str}", status_code=303, opt=Limited("reads").opt)
async def confirm_form(request: Http, token: str) -> ASGIResponse:
    await _found(request, token)
    with within(WRITE_S):
        await services(request).subscriptions.confirm(token)
    return redirect(f"/digest/preferences/{token}", 303, PRIVATE)


@get("/digest/preferences/{token:str}", opt=Limited("reads").opt)
async def preferences(request: Http, token: str) -> ASGIResponse:
    return await _page(request, gettext("Your weekly mail"), token, await _found(request, token))


@post("/digest/preferences/{token:str}", status_code=303, opt=Limited("reads").opt)
async def preferences_form(request: Http, token: str) -> ASGIResponse:
    """`new`, `flipped`, `close` and `next` are the parts of the mail that stay in it."""
    await _found(request, token)
    fields = await read_form(request)
    parts = [part for part in PARTS if part in fields]
    if not parts:
        raise Translated("invalid_body", gettext("Choose one part at least, or unsubscribe."))
    with within(WRITE_S):
        await services(request).subscriptions.set_parts(token, parts)
    return redirect(f"/digest/preferences/{token}?saved=yes", 303, PRIVATE)


@get("/digest/unsubscribe/{token:str}", opt=Limited("reads").opt)
async def unsubscribe(request: Http, token: str) -> ASGIResponse:
    with within(READ_S):
        found = await services(request).subscriptions.find(token)
    return await _page(request, gettext("Unsubscribe"), token, found, leaving=True)


@post("/digest/unsubscribe/{token:str}", status_code=200, opt=Limited("reads").opt)
async def unsubscribe_form(request: Http, token: str) -> ASGIResponse:
    """One click of the reader, or of the program that shows the mail (RFC 8058): whatever the body
    says, and also if it was done before."""
    with within(WRITE_S):
        await services(request).subscriptions.unsubscribe(token)
    return await _page(request, gettext("Unsubscribe"), token, None, leaving=True)


async def _found(request: Http, token: str) -> Subscription:
    """The subscription. Raises `Translated`."""
    with within(READ_S):
        found = await services(request).subscriptions.find(token)
    if found is None:
        raise Translated("subscription_unknown", gettext("This link has ended: sign up once more."))
    return found


async def _page(
    request: Http, title: str, token: str, found: Subscription | None, *, leaving: bool = False
) -> ASGIResponse:
    head = Head(titled(title), gettext(ABOUT), request.url.path, base(request), indexed=False)
    saved = "saved" in dict(parse_qsl(request.url.query))
    return await answer(
        request,
        "people/subscription.html",
        head,
        private=True,
        token=token,
        found=found,
        saved=saved,
        leaving=leaving,
    )


ROUTES = [
    digest,
    digest_form,
    confirm,
    confirm_form,
    preferences,
    preferences_form,
    unsubscribe,
    unsubscribe_form,
]
