"""What refusals say to the visitors of pages, in their language. Other layers say it in English."""

import re

from votes.languages import ENGLISH, gettext, language, marked, translated

KNOWN = (
    # Files of bookmarks, and what is left out of them.
    marked("The file is empty."),
    marked("The file has more than 32 MiB."),
    marked("The file has more than 50,000 entries: split it."),
    marked("The file has more than 4,000,000 values."),
    marked("The file has more than 1,000,000 tags."),
    marked("The file is lost: send it again."),
    marked("The folders are nested more than 100 deep."),
    marked("The table has no column `url`."),
    marked("The table cannot be read."),
    marked("There are no bookmarks in the file."),
    marked("There is no list of bookmarks in the file."),
    marked("This file cannot be read."),
    marked("This file takes too much memory."),
    marked("This is an archive: unpack it, and take the file with the bookmarks."),
    marked("This is no JSON."),
    marked("This is no file of bookmarks."),
    marked("You can keep 100,000 pages that are no tools: remove some."),
    marked("The bookmarks change all the time. Send the file again."),
    marked("A script is no page."),
    marked("It has no address."),
    marked("It has more than 65,536 bytes."),
    marked("Other imports wait: try again in a moment."),
    marked("There is no such import, or it is of another day."),
    marked("file: choose one."),
    # Bookmarks and collections.
    marked(
        "A collection may be inside another one that is at the top, if there is none inside it."
    ),
    marked("A field is given twice."),
    marked("It is not as `If-Match` has it: read it again."),
    marked("It has been moved to this place too often."),
    marked("The bookmark is in another collection."),
    marked("The bookmarks change all the time."),
    marked("The account is being erased."),
    marked("The cursor cannot be used."),
    marked("The form cannot be read."),
    marked("There are 1,000 collections already."),
    marked("There has never been a collection at this address."),
    marked("There is no such bookmark any more."),
    marked("There is no such collection any more."),
    marked("There is no such collection to be inside of."),
    marked("This collection is not public any more."),
    marked("tag: say which one."),
    # Votes, tools and reviews.
    marked("Others kept changing the same thing. Try again."),
    marked("The address does not name two tools of the catalogue."),
    marked("There are not so many tools."),
    marked("There is no such ruling."),
    marked("There is no such tool in the catalogue."),
    marked("This needs the role admin."),
    marked("This needs the role moderator."),
    marked("This needs the role panelist, with a persona."),
    marked("This site sends no mail: VOTES_SMTP_URL is not set."),
    marked("Too many commands are waiting. Try again shortly."),
)
QUOTING = (
    (
        r"There is no tool (?P<slug>.+) in the catalogue\.",
        marked("There is no tool %(slug)s in the catalogue."),
    ),
    (
        r"(?P<slug>.+) is, or once was, the name of a tool: it leads there\.",
        marked("%(slug)s is, or once was, the name of a tool: it leads there."),
    ),
    (
        r"This needs the role panelist with the persona (?P<persona>.+)\.",
        marked("This needs the role panelist with the persona %(persona)s."),
    ),
    (
        r"There was no response within (?P<time>\d+) s\.",
        marked("There was no response within %(time)s s."),
    ),
    (
        r".+: (?P<most>\d+) are taken within (?P<time>\d+) s\. Try again in (?P<again>\d+) s\.",
        marked("At most %(most)s are taken within %(time)s s. Try again in %(again)s s."),
    ),
    (r"email: .+", marked("This is no address of a mail, such as name@example.com.")),
    # What msgspec says of the fields of a form.
    (
        r"Expected `str` of length <= (?P<most>\d+)\b.*",
        marked("A text is too long: %(most)s characters at most."),
    ),
    (
        r"Expected `array` of length <= (?P<most>\d+) - at `\$\.tags`",
        marked("These are too many tags: %(most)s at most."),
    ),
    (r"Expected `str` of length >= \d+\b.*", marked("A field is empty that has to say something.")),
    (
        r"Expected `str` matching regex .* - at `\$\.url`",
        marked("This is no address of a page: it begins with http:// or https://."),
    ),
    (r"Expected `str` matching regex .*", marked("A text has characters that cannot stand in it.")),
)
"""Those that quote what was sent, or a limit, as regular expressions; and how they are said."""


def said(detail: str) -> str | None:
    """The detail in the language that is spoken, or its beginning, up to a colon. None where it is
    known in English alone, and another one is spoken."""
    for pattern, sentence in QUOTING:
        if (found := re.fullmatch(pattern, detail, re.DOTALL)) is not None:
            return gettext(sentence, **found.groupdict())
    beginning = detail.partition(": ")[0] + "."
    for known in (detail, beginning):
        if (told := translated(known)) != known:
            return told
    return detail if language().locale.language == ENGLISH else None
