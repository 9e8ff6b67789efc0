"""What the elements say on pages in other languages; `source/elements.js` has the English."""

from babel.core import Locale

from votes.languages import gettext, language, percent, translated_plural
from votes.site import words
from votes.site.verdicts import look

COUNTED_MAX = 1_000
"""A number up to this has each of a language's plural forms."""


def words_of_elements() -> dict[str, str]:
    """By what the script calls them, with `{}` for a value; the forms of "vote" by their names in
    the CLDR."""
    texts = {call: look(call).label for call in ("none", "too_early", "too_close", "split")}
    texts |= {
        "lang": language().tag,
        "ship": gettext("Ship"),
        "skip": gettext("Skip"),
        "bookmark": gettext("Bookmark"),
        "remove": gettext("Remove"),
        "Vote on {}": gettext("Vote on %(name)s", name="{}"),
        "Bookmark {}": gettext("Bookmark %(name)s", name="{}"),
        "Remove {}": gettext("Remove %(name)s", name="{}"),
        "{}% ship": gettext("%(share)s ship", share=percent(0).replace("0", "{}")),
        "Your vote is taken back": gettext("Your vote is taken back"),
        "Bookmarked": gettext("Bookmarked"),
        "Bookmark removed": gettext("Bookmark removed"),
        "No bookmarks yet": gettext("No bookmarks yet"),
        "Not listed": gettext("Not listed"),
        "Not reachable": gettext("Not reachable"),
        "Not saved": gettext("Not saved"),
        "Not saved yet, trying again": gettext("Not saved yet, trying again"),
    }
    for choice in ("ship", "skip"):
        side = words.side(choice)
        texts[f"Your vote: {choice}"] = gettext("Your vote: %(side)s", side=side)
        texts[f"leaning {choice}"] = gettext("leaning %(side)s", side=side)
    return texts | _forms(language().locale)


def _forms(locale: Locale) -> dict[str, str]:
    """Votes in each plural form."""
    samples = {locale.plural_form(count): count for count in reversed(range(COUNTED_MAX))}
    return {
        form: translated_plural("%(count)s vote", "%(count)s votes", count) % {"count": "{}"}
        for form, count in samples.items()
    }
