"""The files that pages refer to, each under an address that names its content.

An address stays as long as its file does, for other sites refer to the elements by it. The
elements' script finds its sheet by a relative address, so these two have one hash together.
"""

from base64 import b64encode
from functools import cache
from hashlib import sha256, sha384
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePath

from msgspec import Struct

HASH_LENGTH = 16

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


def assets_of(site: Traversable) -> Assets:
    found = _with_one_hash(_bodies(site.joinpath("elements"), "elements/"))
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
    """The address of the file. Raises `KeyError` for a missing one."""
    return f"/static/{assets()[name].hash}/{name}"


def sri(name: str) -> str:
    """The file's integrity value for pages. Raises `KeyError`."""
    return assets()[name].sri
