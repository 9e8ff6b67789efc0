"""`python -m votes.languages [FILE.po]...`: takes all messages into the files.

A file that is not there is begun, for the language that its name is. What a file says already
stays; what the program no longer says goes.
"""

import sys
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent
METHODS = [("**.py", "python"), ("**/templates/**", "jinja2")]
OPTIONS = {"**/templates/**": {"trimmed": "true", "trim_blocks": "true", "silent": "false"}}
KEYWORDS = {
    "gettext": None,
    "ngettext": (1, 2),
    "marked": None,
    "marked_plural": (1, 2),
    "_": None,
}


def messages() -> Catalog:
    """All that pages and mails say, in the order of the files that say it."""
    catalogue = Catalog()
    for path, _, message, _, context in extract_from_dir(ROOT, METHODS, OPTIONS, KEYWORDS):
        catalogue.add(message, locations=[(path, 0)], context=context)
    return catalogue


def update(file: Path) -> None:
    """Take all messages into the file."""
    catalogue = Catalog(file.stem, header_comment="# The words of pages and mails.", fuzzy=False)
    if file.exists():
        with file.open("rb") as source:
            catalogue = read_po(source, file.stem)
    catalogue.update(messages(), no_fuzzy_matching=True, update_creation_date=False)
    text = BytesIO()
    write_po(text, catalogue, width=0, ignore_obsolete=True, include_lineno=False)
    file.write_bytes(text.getvalue().rstrip() + b"\n")


if __name__ == "__main__":
    for name in sys.argv[1:] or Path(__file__).parent.glob("*.po"):
        update(Path(name))
