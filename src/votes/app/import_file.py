"""The file of an import on its way: compressed, and encrypted with its user's key."""

import zlib

from cryptography.exceptions import InvalidTag

from votes.domain.person import Person
from votes.formats.files import FILE_BYTES_MAX

LEVEL = 1
_PLACE = [b"import"]


def seal(person: Person, data: bytes) -> bytes:
    return person.cipher.encrypt(zlib.compress(data, LEVEL), _PLACE)


def unseal(person: Person, sealed: bytes) -> bytes:
    """Raises `ValueError` for what `seal` has not made for this person."""
    try:
        return zlib.decompressobj().decompress(
            person.cipher.decrypt(sealed, _PLACE), FILE_BYTES_MAX
        )
    except (InvalidTag, zlib.error) as error:
        raise ValueError("not the file of this person") from error
