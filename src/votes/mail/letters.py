"""Mails as text and HTML, with their headers."""

from collections.abc import Collection
from contextlib import AbstractContextManager
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from functools import cache
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from css_inline import CSSInliner
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from msgspec import Struct
from msgspec.structs import replace

from votes.app.digest import Digest
from votes.languages import (
    ENGLISH,
    Languages,
    gettext,
    language,
    long_day,
    marked,
    marked_plural,
    ngettext,
    number,
    speaking,
    translated,
    translated_plural,
)
from votes.store.subscriptions import Due, Part

SITE_NAME = "Ship or skip"
FROM_FOLDER = f"{SITE_NAME} <digest@localhost>"
LABELS = {
    "none": marked("No votes yet"),
    "too_early": marked("Too early"),
    "pending": marked("Pending"),
    "ship": marked("Ship"),
    "skip": marked("Skip"),
    "mixed": marked("Mixed"),
    "split": marked("Split"),
}
"""Of each verdict, as on the pages."""
_POLICY = SMTP.clone(max_line_length=990)
"""A folded address would be an encoded word, which no reader of List-Unsubscribe knows."""


class Letter(Struct, frozen=True):
    """A mail as it is sent. `id` is the same whenever this mail to this reader is written."""

    id: str
    sender: str
    to: str
    content: bytes


class Letters(Struct, frozen=True):
    """Writes mails, in the languages that there are, whose links lead to `base`, like
    `https://example.com`."""

    base: str
    mail_from: str
    languages: Languages

    def confirmation(self, due: Due, at: datetime) -> Letter:
        """Asks whether the address wants the weekly mail."""
        with self._speaking(due):
            subject = gettext("Please confirm: the weekly mail of %(site)s", site=SITE_NAME)
            return self._letter("confirm", due, subject, at, {})

    def weekly(self, digest: Digest, due: Due, at: datetime) -> Letter | None:
        """The mail of a week, with the parts that the reader wants; None if these say nothing."""
        wanted = of_parts(digest, due.parts)
        if not wanted.says_something and not (wanted.close or wanted.next):
            return None
        with self._speaking(due):
            return self._letter(digest.week, due, subject_of(digest), at, {"digest": wanted})

    def weekly_texts(self, digest: Digest, due: Due) -> tuple[str, str]:
        """The whole mail of a week as text and HTML."""
        with self._speaking(due):
            return self._rendered("digest", due, subject=subject_of(digest), digest=digest)

    def _speaking(self, due: Due) -> AbstractContextManager[None]:
        """The language of the reader; English where it is gone from the site."""
        return speaking(self.languages.get(due.language, self.languages[ENGLISH]))

    def _rendered(self, name: str, due: Due, **values: Any) -> tuple[str, str]:
        """The text and the HTML. Their links lead to pages in the language that is spoken."""
        pages = self.base + language().root
        values |= {
            "base": pages,
            "site_name": SITE_NAME,
            "labels": LABELS,
            "unsubscribe": f"{pages}/digest/unsubscribe/{due.token}",
            "confirm": f"{pages}/digest/confirm/{due.token}",
            "preferences": f"{pages}/digest/preferences/{due.token}",
        }
        text, html = (
            _environment().get_template(f"{name}.{kind}").render(values) for kind in ("txt", "html")
        )
        return text, CSSInliner(load_remote_stylesheets=False).inline(html)

    def _letter(
        self, name: str, due: Due, subject: str, at: datetime, values: dict[str, Any]
    ) -> Letter:
        text, html = self._rendered("digest" if values else name, due, subject=subject, **values)
        host = urlsplit(self.base).hostname or "localhost"
        reader = sha256(due.token.encode()).hexdigest()[:32]
        message = EmailMessage(policy=_POLICY)
        message["From"] = self.mail_from
        message["To"] = Address(addr_spec=due.address)
        message["Subject"] = subject
        message["Date"] = format_datetime(at)
        message["Message-ID"] = f"<{name}.{reader}@{host}>"
        message["List-Id"] = f"{SITE_NAME} weekly <digest.{host}>"
        message["List-Unsubscribe"] = f"<{self.base}/digest/unsubscribe/{due.token}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text, cte="quoted-printable")
        message.add_alternative(html, subtype="html", cte="quoted-printable")
        sender = parseaddr(self.mail_from)[1]
        return Letter(f"{name}.{reader}", sender, due.address, message.as_bytes())


def subject_of(digest: Digest) -> str:
    """Such as "3 verdicts changed, 12 new tools"."""
    parts = [
        ngettext(*texts, count)
        for texts, count in (
            (
                marked_plural("%(count)s verdict changed", "%(count)s verdicts changed"),
                digest.flipped_total,
            ),
            (marked_plural("%(count)s new tool", "%(count)s new tools"), digest.new_total),
        )
        if count
    ]
    if parts:
        return gettext("This week: %(news)s", news=", ".join(parts))
    return gettext("This week on %(site)s", site=SITE_NAME)


def of_parts(digest: Digest, parts: Collection[Part]) -> Digest:
    """The digest with these parts alone."""
    left_out: dict[str, Any] = {}
    if "new" not in parts:
        left_out |= {"new": [], "new_total": 0}
    if "flipped" not in parts:
        left_out |= {"flipped": [], "flipped_total": 0}
    if "close" not in parts:
        left_out["close"] = []
    if "next" not in parts:
        left_out["next"] = None
    return replace(digest, **left_out)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("votes.mail"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    made.policies["ext.i18n.trimmed"] = True
    made.install_gettext_callables(translated, translated_plural, newstyle=True)  # type: ignore[attr-defined]
    made.globals |= {"language": language, "number": number}
    made.filters["day"] = long_day
    return made
