"""A language of the tests: each message of the program between brackets."""

from pathlib import Path

from votes.languages.__main__ import messages

TAG = "eo"
"""A language that Babel knows, and that the program has not."""
OPEN, CLOSE = "⟦", "⟧"


def write_pseudo(folder: Path) -> Path:
    """Leave its file in the folder; return the folder."""
    from babel.messages.pofile import write_po

    catalogue = messages()
    catalogue.locale = TAG
    for message in catalogue:
        if message.id:
            one_or_more = [message.id] if isinstance(message.id, str) else message.id
            said = tuple(f"{OPEN}{text}{CLOSE}" for text in one_or_more)
            message.string = said[0] if isinstance(message.id, str) else said
    folder.mkdir(exist_ok=True)
    with (folder / f"{TAG}.po").open("wb") as file:
        write_po(file, catalogue)
    return folder
