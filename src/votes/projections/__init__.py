"""The projections, one subject a file, and the list of them."""

from votes import __version__
from votes.domain.bookmarks.bookmark import BOOKMARK_EVENTS
from votes.domain.bookmarks.collection import COLLECTION_EVENTS, CollectionShared
from votes.domain.bookmarks.unmatched import UNMATCHED_EVENTS
from votes.domain.events import EVENT_TYPES
from votes.domain.link import LINK_EVENTS
from votes.domain.person import SubjectErased
from votes.engine.projection import Projections
from votes.projections.bulk import BULK
from votes.projections.cohorts import COHORTS
from votes.projections.findings import BURSTS, CLUSTERS
from votes.projections.over_time import HOURS, MARKS, MONTHS
from votes.projections.profiles import PROFILES
from votes.projections.rulings import RULINGS
from votes.projections.slugs import SLUGS
from votes.projections.tallies import TALLIES

PROJECTIONS = Projections(
    [TALLIES, PROFILES, SLUGS, MONTHS, HOURS, MARKS, COHORTS, RULINGS, CLUSTERS, BURSTS],
    events=EVENT_TYPES,
    ignored=(
        *BOOKMARK_EVENTS,
        *COLLECTION_EVENTS,
        *UNMATCHED_EVENTS,
        CollectionShared,
        *LINK_EVENTS,
        SubjectErased,
    ),
    release=__version__,
    bulk=BULK,
)
