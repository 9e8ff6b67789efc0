"""What refusals say to the visitors of pages, in their language. Other layers say it in English."""

from votes.languages import ENGLISH, language, marked, translated

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
    marked("It is not as `If-Match` has it: read it again."),
    marked("It has been moved to this place too often."),
    marked("The bookmark is in another collection."),
    marked("The bookmarks change all the time."),
    marked("The account is being erased."),
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


def said(detail: str) -> str | None:
    """The detail in the language that is spoken, or its beginning, up to a colon. None where it is
    known in English alone, and another one is spoken."""
    beginning = detail.partition(": ")[0] + "."
    for known in (detail, beginning):
        if (told := translated(known)) != known:
            return told
    return detail if language().locale.language == ENGLISH else None
