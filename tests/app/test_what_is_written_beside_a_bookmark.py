"""What a user writes beside a bookmark is encrypted with the user's key, and only that opens it."""

import os
from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.domain.names import BOLT, NOTION
from votes.app.bookmarks.lists import keep
from votes.app.bookmarks.sealing import seal, unseal
from votes.domain.bookmarks import bookmark
from votes.domain.bookmarks.bookmark import Annotations
from votes.domain.person import Person
from votes.domain.terms import CollectionId, PersonId, ToolId

AT = datetime(2026, 1, 1, tzinfo=UTC)
ANN, BOB = (Person(PersonId(name), os.urandom(64), AT) for name in ("ann", "bob"))
EMPTY = Annotations()

# "C": controls, and what shows text in another order, which nobody may write.
texts = st.text(st.characters(exclude_categories=["C"]) | st.just("\n"), max_size=40)
lines = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=20)
ids = st.from_regex(r"[A-Za-z0-9_-]{1,9}", fullmatch=True)
ranks = st.from_regex(r"[0-9A-Za-z]{0,9}[1-9A-Za-z]", fullmatch=True)
tags = st.lists(lines, max_size=3).map(tuple)
annotations = st.builds(Annotations, texts, tags, st.none() | ids, st.none() | ranks)


def opened(person: Person, tool: ToolId, sealed: bytes) -> Annotations | None:
    return unseal(person.cipher, bookmark.stream(person.id, tool), sealed)


@given(annotations)
def test_it_comes_back_as_it_was(written):
    assert opened(ANN, NOTION, seal(ANN, NOTION, written)) == written.canonical()


@given(annotations)
@example(Annotations("", (" b ", "a", "b")))
def test_written_again_in_other_words_for_the_same_it_is_the_same(written):
    spaced = replace(written, tags=tuple(f" {tag} " for tag in written.tags))
    assert seal(ANN, NOTION, spaced) == seal(ANN, NOTION, written)


@given(annotations.filter(lambda written: written.canonical() != EMPTY))
def test_elsewhere_or_with_another_key_it_cannot_be_read(written):
    sealed = seal(ANN, NOTION, written)
    assert opened(ANN, BOLT, sealed) is opened(BOB, NOTION, sealed) is None
    assert unseal(BOB.cipher, bookmark.stream(ANN.id, NOTION), sealed) is None
    others = {seal(ANN, BOLT, written), seal(BOB, NOTION, written), sealed}
    assert len(others) == 3


@given(annotations, st.data())
def test_a_changed_byte_leaves_nothing_of_it(written, data):
    sealed = bytearray(seal(ANN, NOTION, Annotations("x" + written.note)))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    assert opened(ANN, NOTION, bytes(sealed)) is None


@given(st.binary(max_size=60))
def test_bytes_of_another_program_are_no_text(sealed):
    assert opened(ANN, NOTION, sealed) == (None if sealed else EMPTY)


def test_what_was_sealed_and_is_no_annotation_is_no_text():
    place = [bookmark.stream(ANN.id, NOTION).encode()]
    for text in (b"null", b"[]", b"{", b'{"note": 5}', b'{"more": ""}'):
        assert opened(ANN, NOTION, ANN.cipher.encrypt(text, place)) is None


def test_nothing_written_is_nothing_stored():
    assert seal(ANN, NOTION, Annotations("", (" ",))) == b""


def test_the_text_is_not_in_the_bytes():
    sealed = seal(ANN, NOTION, Annotations("canary", ("canary",), CollectionId("canary")))
    assert b"canary" not in sealed


def test_a_command_without_annotations_leaves_them():
    assert keep(ANN, NOTION, None, AT).annotations is None
    assert keep(ANN, NOTION, EMPTY, AT).annotations == b""
