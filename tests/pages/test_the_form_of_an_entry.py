"""What the catalogue says of a tool goes into the fields of a form, and comes back from them."""

from hypothesis import given
from hypothesis import strategies as st

from votes.domain.tool import Entry, Plan
from votes.site.staff.cataloguing import changes, entry_of, fields_of

lines = st.text(st.characters(categories=("L", "N", "P", "S"), exclude_characters="|"), max_size=9)
names = lines.filter(bool)
prices = st.none() | st.floats(0, 1e300) | st.integers(0, 10**6).map(float)
plans = st.builds(Plan, st.builds("{}|{}".format, names, lines) | names, prices, lines)
entries = st.builds(
    Entry,
    names,
    names,
    lines,
    st.lists(lines.filter(bool), max_size=3).map("\n\n".join),
    st.none() | st.just("https://atlas.example/a?b=c"),
    lines,
    lines,
    st.lists(plans, max_size=4).map(tuple),
)


@given(entries)
def test_an_entry_comes_back_as_it_was(entry):
    fields = {name: text.replace("\n", "\r\n") for name, text in fields_of(entry).items()}
    assert entry_of(fields) == entry
    assert changes(entry, entry_of(fields)) == []


@given(entries, entries)
def test_what_changes_is_said_of_each_field_that_differs(before, after):
    differing = {
        field
        for field in Entry.__struct_fields__
        if getattr(before, field) != getattr(after, field)
    }
    assert {change.label for change in changes(before, after)} == {
        {"name": "Name", "url": "Website", "best_for": "Best for"}.get(field, field.capitalize())
        for field in differing
    }
