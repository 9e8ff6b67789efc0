"""The tools, persons, visitors and rulings that most tests mean."""

from votes.domain.terms import PersonId, RulingId, ToolId, VisitorId

ATLAS, BOLT, NOTION = ToolId("atlas"), ToolId("bolt"), ToolId("notion")
ANN, BOB, CYD = PersonId("ann"), PersonId("bob"), PersonId("cyd")
HERE, THERE = VisitorId("here"), VisitorId("there")
FIRST, SECOND = RulingId("first"), RulingId("second")
