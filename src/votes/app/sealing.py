"""What a user writes beside a bookmark is encrypted here before a command is decided, and decrypted
after its event is read."""

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from votes.domain.bookmark import Annotations, Sealed, stream
from votes.domain.person import Person
from votes.domain.terms import ToolId
from votes.engine.log import Stream

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Annotations).decode
NOTHING = Annotations()


def seal(person: Person, tool: ToolId, written: Annotations) -> Sealed:
    """Encrypt the canonical form, for this bookmark alone: in another stream it cannot be read."""
    canonical = written.canonical()
    if canonical == NOTHING:
        return b""
    return person.cipher.encrypt(_encode(canonical), [stream(person.id, tool).encode()])


def unseal(cipher: AESSIV, bookmark: Stream, sealed: Sealed) -> Annotations:
    """What is written beside the bookmark in the stream; nothing where it cannot be read, as only
    another program stores it."""
    try:
        return _decode(cipher.decrypt(sealed, [bookmark.encode()])) if sealed else NOTHING
    except (InvalidTag, msgspec.MsgspecError):
        return NOTHING
