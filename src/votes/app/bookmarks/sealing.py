"""What a user writes for themselves is encrypted here before a command is decided, and decrypted
after its event is read."""

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from votes.domain.bookmarks import bookmark, collection
from votes.domain.bookmarks.bookmark import Annotations, Sealed
from votes.domain.bookmarks.collection import Named
from votes.domain.person import Person
from votes.domain.terms import ToolId
from votes.engine.log import Stream

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Annotations).decode
_decode_named = msgspec.json.Decoder(Named).decode
NOTHING = Annotations()


def seal(person: Person, tool: ToolId, written: Annotations) -> Sealed:
    """Encrypt the canonical form, for this bookmark alone: in another stream it cannot be read."""
    canonical = written.canonical()
    if canonical == NOTHING:
        return b""
    return person.cipher.encrypt(_encode(canonical), [bookmark.stream(person.id, tool).encode()])


def unseal(cipher: AESSIV, stream: Stream, sealed: Sealed) -> Annotations | None:
    """What is written beside the bookmark in the stream; None where it cannot be read, as only
    another program stores it."""
    try:
        return _decode(cipher.decrypt(sealed, [stream.encode()])) if sealed else NOTHING
    except (InvalidTag, msgspec.MsgspecError):
        return None


def seal_named(person: Person, named: Named) -> Sealed:
    """Encrypt what is written of a collection, for its stream alone."""
    place = collection.stream(person, named.id)
    return person.cipher.encrypt(_encode(named), [place.encode()])


def unseal_named(cipher: AESSIV, stream: Stream, sealed: Sealed) -> Named | None:
    """What is written of the collection in the stream; None where it cannot be read, as only
    another program stores it."""
    try:
        return _decode_named(cipher.decrypt(sealed, [stream.encode()]))
    except (InvalidTag, msgspec.MsgspecError):
        return None
