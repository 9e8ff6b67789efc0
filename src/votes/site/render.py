"""Templates to text. Everything is escaped, except what a template marks as markup.

A page's template is in the folder of the module that renders it: `catalogue/tool.html` is rendered
in `votes.site.catalogue`.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from msgspec import Struct

from votes.app.catalogue.listing import category_slug
from votes.http.edge.languages import ALONE
from votes.languages import language, translated, translated_plural
from votes.site import words
from votes.site.assets import asset_url, sri
from votes.site.verdicts import community_verdict, look

SITE_NAME = "Ship or skip"
DESCRIPTION_LENGTH_MAX = 200
_OUR_PAGES = re.compile(
    rf' (href|action)="/(?!{"|".join(map(re.escape, ALONE))})([^"]*)"(?! hreflang)'
)
"""Addresses of pages in a page; `hreflang` after one says that it is as it should be."""
TURN_S = 0.001
"""A page of a list takes some milliseconds to render."""

Turn = Callable[[], Awaitable[None]]


class Head(Struct, frozen=True):
    """The head of a page. `path` is its canonical address, `picture` the path of its image,
    `section` its part of the site."""

    title: str
    description: str
    path: str
    base: str
    section: str = ""
    picture: str | None = None
    linked_data: dict[str, Any] | None = None
    indexed: bool = True

    @property
    def address(self) -> str:
        """The page's address in the language that is spoken. Without the site's it is a path, which
        gets its language as all links do."""
        return f"{self.base}{language().root}{self.path}" if self.base else self.path


class Account(Struct, frozen=True):
    """What the head of a page offers to its reader.

    `login` says whether people can log in here. `name` is what the reader is called, None where
    nobody is logged in. `logout` is where the reader logs out: by our own form, at `LOGOUT`, or by
    a link to elsewhere. `moderates`, `reviews` and `administers` say which pages there are for a
    role of the reader's. `samples` says that some of the votes are samples of the demo, `mails`
    whether there is a weekly mail.
    """

    login: bool = False
    name: str | None = None
    logout: str | None = None
    samples: bool = False
    moderates: bool = False
    reviews: bool = False
    administers: bool = False
    mails: bool = False


LOGIN, LOGOUT = "/login", "/logout"
NOBODY = Account()


@cache
def environment() -> Environment:
    made = Environment(
        loader=PackageLoader("votes.site"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    made.policies["ext.i18n.trimmed"] = True
    made.install_gettext_callables(translated, translated_plural, newstyle=True)  # type: ignore[attr-defined]
    made.globals |= {
        "language": language,
        "asset_url": asset_url,
        "sri": sri,
        "site_name": SITE_NAME,
        "words": words,
        "look": look,
        "said": community_verdict,
        "category_slug": category_slug,
        "query": query,
        "LOGIN": LOGIN,
        "LOGOUT": LOGOUT,
        "login_path": login_path,
    }
    return made


def query(**fields: Any) -> str:
    """The fields with a value, as an address's query."""
    given = {name: value for name, value in fields.items() if value}
    return f"?{urlencode(given)}" if given else ""


def login_path(back: str, keep: str | None = None) -> str:
    """Where to log in, to come back to the path; `keep` is a tool that is bookmarked then."""
    return LOGIN + query(next=back if back != "/" else None, keep=keep)


def titled(text: str) -> str:
    """The title of a page that is about this."""
    return f"{text} · {SITE_NAME}"


def description(text: str) -> str:
    """A text for a page's head: its beginning, cut at a word."""
    text = " ".join(text.split())
    if len(text) <= DESCRIPTION_LENGTH_MAX:
        return text
    return text[: text.rfind(" ", 0, DESCRIPTION_LENGTH_MAX)].rstrip(",;:") + " …"


def page(template: str, head: Head, account: Account = NOBODY, **values: Any) -> str:
    """The page, whose links stay in its language. Raises jinja2's `UndefinedError` for a value that
    the template misses."""
    text = environment().get_template(template).render(head=head, account=account, **values)
    return _in_language(text)


async def page_by_turns(
    turn: Turn, template: str, head: Head, account: Account = NOBODY, **values: Any
) -> str:
    """The page, as `page` renders it. It waits for the next `turn` before it begins, each `TURN_S`,
    and at the end, as what led to it and what follows take their time too."""
    parts, clock = [], asyncio.get_running_loop().time
    await turn()
    until_s = clock() + TURN_S
    rendered = environment().get_template(template).generate(head=head, account=account, **values)
    for part in rendered:
        parts.append(part)
        if clock() > until_s:
            await turn()
            until_s = clock() + TURN_S
    text = _in_language("".join(parts))
    await turn()
    return text


def _in_language(text: str) -> str:
    root = language().root
    return _OUR_PAGES.sub(rf' \1="{root}/\2"', text) if root else text
