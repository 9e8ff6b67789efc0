"""What an admin does to the catalogue, for programs and for people."""

from votes.domain import tool as tools
from votes.domain.conditions import AnyOf
from votes.domain.terms import ToolId, ToolSlug
from votes.domain.tool import Entry, Tool
from votes.engine.handle import Outcome
from votes.http.errors import Refused
from votes.http.exchange import Http, tool_ids, write_as
from votes.http.logins.tokens import User
from votes.resources import new_tool_id


async def list_tool(
    request: Http, slug: ToolSlug, entry: Entry, admin: User, tags: AnyOf = None
) -> Outcome[Tool]:
    """List the tool to which the slug leads, or revise it; where the slug is free, a new one. With
    tags only if the listed entry has one of them; with none of them, only if none is listed.

    Raises what `write` does.
    """
    tool = (await tool_ids(request, [slug])).get(slug)
    command = tools.ListTool(tool or new_tool_id(), slug, entry, tags)
    try:
        outcome, _ = await write_as(request, admin, tools.decider, lambda _: command)
    except Refused as refused:
        if tool is not None or refused.rejected.code != "slug_taken":
            raise
        return await list_tool(request, slug, entry, admin, tags)  # somebody listed it meanwhile
    return outcome


async def rename(request: Http, tool: ToolId, slug: ToolSlug, admin: User) -> Outcome[Tool]:
    """Give the tool another slug. Raises what `write` does."""
    command = tools.RenameTool(tool, slug)
    outcome, _ = await write_as(request, admin, tools.decider, lambda _: command)
    return outcome


async def delist(request: Http, tool: ToolId, admin: User) -> Outcome[Tool]:
    """Take the tool out of the catalogue. Raises what `write` does."""
    command = tools.DelistTool(tool)
    outcome, _ = await write_as(request, admin, tools.decider, lambda _: command)
    return outcome
