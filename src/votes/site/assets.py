"""The files that pages refer to, under an address that names their content.

One hash stands for all of them, so a script finds its sheet by a relative address, and a page never
mixes files of two releases.
"""

from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from hashlib import sha256, sha384
from importlib.resources import files
from importlib.resources.abc import Traversable

from msgspec import Struct

HASH_LENGTH = 16

MEDIA_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
}


class Asset(Struct, frozen=True):
    """A file as it is served; `sri` is its Subresource Integrity value."""

    body: bytes
    media_type: str
    sri: str


class Assets(Struct, frozen=True):
    """All files by name: those of `elements/` begin with `elements/`, the others stand alone."""

    hash: str
    by_name: dict[str, Asset]


@cache
def assets() -> Assets:
    """The files of this release, read once."""
    web = files(__package__)
    found = dict(_files(web.joinpath("assets"), "")) | dict(
        _files(web.joinpath("elements"), "elements/")
    )
    digest = sha256()
    for name, asset in sorted(found.items()):
        digest.update(f"{len(name)}:{name}:{len(asset.body)}:".encode() + asset.body)
    return Assets(digest.hexdigest()[:HASH_LENGTH], found)


def _files(folder: Traversable, prefix: str) -> Iterator[tuple[str, Asset]]:
    if not folder.is_dir():
        return
    for entry in folder.iterdir():
        ending = entry.name[entry.name.rfind(".") :]
        if entry.is_dir():
            yield from _files(entry, f"{prefix}{entry.name}/")
        elif ending in MEDIA_TYPES:
            body = entry.read_bytes()
            sri = f"sha384-{b64encode(sha384(body).digest()).decode()}"
            yield f"{prefix}{entry.name}", Asset(body, MEDIA_TYPES[ending], sri)


def asset_url(name: str) -> str:
    """Where the file is served. Raises `KeyError` for one that there is not."""
    known = assets()
    _ = known.by_name[name]
    return f"/static/{known.hash}/{name}"


def sri(name: str) -> str:
    """What a page demands the file's bytes to be. Raises `KeyError`."""
    return assets().by_name[name].sri
