"""The condition of a request: `If-Match`."""

from votes.domain.conditions import AnyOf
from votes.http.errors import Refused
from votes.http.etags import BETWEEN
from votes.http.exchange import Http, header


def if_match(request: Http) -> AnyOf:
    """The tags of `If-Match` (RFC 9110, 13.1.1), None without it. Of a tag of a response that says
    more than the thing, that of the thing. Raises `Refused`."""
    condition = header(request, b"if-match")
    if condition is None:
        return None
    tags = tuple(tag.strip() for tag in condition.split(","))
    if tags != ("*",) and not all(len(t) > 2 and t[0] == t[-1] == '"' for t in tags):
        raise Refused("invalid_parameter", 'If-Match: "TAG", or *.')
    return tuple(tag.strip('"').partition(BETWEEN)[0] for tag in tags)
