"""Mails as text and HTML, with their headers."""

from collections.abc import Collection
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
from votes.store.subscriptions import Due, Part

SITE_NAME = "Ship or skip"
FROM_FOLDER = f"{SITE_NAME} <digest@localhost>"
LABELS = {
    "none": "No votes yet",
    "too_early": "Too early",
    "pending": "Pending",
    "ship": "Ship",
    "skip": "Skip",
    "mixed": "Mixed",
    "split": "Split",
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
    """Writes mails whose links lead to `base`, like `https://example.com`."""

    base: str
    mail_from: str

    def confirmation(self, due: Due, at: datetime) -> Letter:
        """Asks whether the address wants the weekly mail."""
        subject = f"Please confirm: the weekly mail of {SITE_NAME}"
        return self._letter("confirm", due, subject, at, {})

    def weekly(self, digest: Digest, due: Due, at: datetime) -> Letter | None:
        """The mail of a week, with the parts that the reader wants; None if these say nothing."""
        wanted = of_parts(digest, due.parts)
        if not wanted.says_something and not (wanted.close or wanted.next):
            return None
        return self._letter(digest.week, due, subject_of(digest), at, {"digest": wanted})

    def weekly_texts(self, digest: Digest, due: Due) -> tuple[str, str]:
        """The whole mail of a week as text and HTML."""
        return self._rendered("digest", due, subject=subject_of(digest), digest=digest)

    def _rendered(self, name: str, due: Due, **values: Any) -> tuple[str, str]:
        """The text and the HTML."""
        values |= {
            "base": self.base,
            "site_name": SITE_NAME,
            "labels": LABELS,
            "unsubscribe": f"{self.base}/digest/unsubscribe/{due.token}",
            "confirm": f"{self.base}/digest/confirm/{due.token}",
            "preferences": f"{self.base}/digest/preferences/{due.token}",
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
    said = [
        f"{number} {word}{'' if number == 1 else 's'}{after}"
        for number, word, after in (
            (digest.flipped_total, "verdict", " changed"),
            (digest.new_total, "new tool", ""),
        )
        if number
    ]
    return f"This week: {', '.join(said)}" if said else f"This week on {SITE_NAME}"


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


def day(at: datetime) -> str:
    return f"{at.day} {at:%B %Y}"


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("votes.mail"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters["day"] = day
    return made
