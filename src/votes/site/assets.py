"""The files that pages refer to, each under an address that names its content.

An address stays as long as its file does, for other sites refer to the elements by it. The
elements' script finds its sheet by a relative address, so these two have one hash together. Pages
in another language than English have elements of their own: the script begins with their words.
"""

from base64 import b64encode
from functools import cache
from hashlib import sha256, sha384
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePath

import msgspec
from msgspec import Struct

from votes.languages import Language, language, speaking
from votes.site.element_words import words_of_elements

HASH_LENGTH = 16
_ELEMENTS, _SCRIPT = "elements/", "elements/elements.js"

MEDIA_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}


class Asset(Struct, frozen=True):
    """A served file, with its hash; `sri` is its Subresource Integrity value."""

    hash: str
    body: bytes
    media_type: str
    sri: str


Assets = dict[str, Asset]
"""By name: those of `elements/` begin with `elements/`, those of `assets/` stand alone."""


@cache
def assets() -> Assets:
    """The files of this release, read once."""
    return assets_of(files(__package__))


@cache
def assets_in(language: Language) -> Assets:
    """The files that pages in the language refer to."""
    if not language.is_translated:
        return assets()
    bodies = {name: file.body for name, file in assets().items() if name.startswith(_ELEMENTS)}
    bodies[_SCRIPT] = words_script(language) + b";" + bodies[_SCRIPT]
    return assets() | _with_one_hash(bodies)


def words_script(language: Language) -> bytes:
    """Says to the elements that come after it what they say in the language."""
    with speaking(language):
        return b"self.votesWords=" + msgspec.json.encode(words_of_elements())


def assets_of(site: Traversable) -> Assets:
    found = _with_one_hash(_bodies(site.joinpath("elements"), _ELEMENTS))
    for name, body in _bodies(site.joinpath("assets"), "").items():
        found |= _with_one_hash({name: body})
    return found


def _bodies(folder: Traversable, prefix: str) -> dict[str, bytes]:
    return {
        f"{prefix}{entry.name}": entry.read_bytes()
        for entry in folder.iterdir()
        if PurePath(entry.name).suffix in MEDIA_TYPES
    }


def _with_one_hash(bodies: dict[str, bytes]) -> Assets:
    digest = sha256()
    for name, body in sorted(bodies.items()):
        digest.update(f"{len(name)}:{name}:{len(body)}:".encode() + body)
    return {
        name: Asset(
            digest.hexdigest()[:HASH_LENGTH],
            body,
            MEDIA_TYPES[PurePath(name).suffix],
            f"sha384-{b64encode(sha384(body).digest()).decode()}",
        )
        for name, body in bodies.items()
    }


def asset_url(name: str) -> str:
    """The file's address for pages in the language that is spoken. Raises `KeyError`."""
    return f"/static/{assets_in(language())[name].hash}/{name}"


def sri(name: str) -> str:
    """The file's integrity value for pages in that language. Raises `KeyError`."""
    return assets_in(language())[name].sri
