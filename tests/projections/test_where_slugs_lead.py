"""A slug leads to the first tool that took it."""

import pytest

from tests.domain.histories import START
from votes.domain.tool import SlugTaken, slug_stream
from votes.engine.log import Recorded
from votes.engine.read_models import ReadModels
from votes.projections import PROJECTIONS
from votes.projections.slugs import SLUGS


def led_by(*takers):
    """Where the slug leads after these tools took it, one after another."""
    models = ReadModels(PROJECTIONS, "here")
    models.fold(
        Recorded(position, slug_stream("atlas"), position, SlugTaken(tool), START, tool)
        for position, tool in enumerate(takers, 1)
    )
    return dict(models.items(SLUGS))


@pytest.mark.parametrize("takers", [("id-1",), ("id-1", "id-2"), ("id-1", "id-2", "id-1")])
def test_it_leads_to_the_first_whatever_comes(takers):
    assert led_by(*takers) == {"atlas": "id-1"}


def test_before_it_is_taken_it_leads_nowhere():
    assert led_by() == {}
