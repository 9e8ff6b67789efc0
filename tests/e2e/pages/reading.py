"""How the tests read pages: strictly parsed, found by class and name, followed by their links."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit
from xml.etree.ElementTree import Element

import html5lib
import httpx

PAIR = "/compare/claude-haiku-open-weights-vs-mistral-3-small"
PAGES = (
    *("/", "/?sort=new", "/?q=note", "/?category=llm", "/?q=nothing-of-this-name"),
    *("/tools/mistral-3-small", "/tools/notion", "/tools/notion/badge", PAIR, "/compare"),
    *("/bookmarks", "/votes", "/status", "/verdicts", "/about", "/privacy", "/rulings", "/docs"),
)


def parsed(text: str) -> Element:
    """The page; raises where it is not well-formed HTML."""
    found: Element = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)
    return found


def page(http: httpx.Client, path: str, status: int = 200, **options: Any) -> Element:
    """The page at the path, which must be there, be HTML and be well-formed."""
    answer = http.get(path, **options)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return parsed(answer.text)


def words(element: Element | None) -> str:
    """The element's text, with its spaces single."""
    assert element is not None
    return " ".join("".join(element.itertext()).split())


def named(tree: Element, kind: str, **attributes: str) -> list[Element]:
    """The elements of this kind whose attributes hold these words; `class_` is for `class`."""
    wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
    return [
        element
        for element in tree.iter()
        if str(element.tag).rpartition("}")[2] == kind
        and all(value in element.get(name, "").split() for name, value in wanted.items())
    ]


def one(tree: Element, kind: str, **attributes: str) -> Element:
    found = named(tree, kind, **attributes)
    assert len(found) == 1, f"{len(found)} {kind} with {attributes}"
    return found[0]


def attribute(element: Element, name: str) -> str:
    """What the element has under this name, which must be there."""
    value = element.get(name)
    assert value is not None, f"{element.tag} without {name}"
    return value


def section(tree: Element, name: str) -> Element:
    """The section that is labelled by the heading with this id."""
    return one(tree, "section", aria_labelledby=name)


def addresses(tree: Element, at: str) -> Iterator[str]:
    """What the page points to on its own site, as paths."""
    for element in tree.iter():
        for name in ("href", "src", "action"):
            target = urljoin(at, element.get(name) or at)
            if urlsplit(target).netloc == urlsplit(at).netloc:
                yield re.sub(r"\Ahttps?://[^/]+|#.*", "", target)


def title(tree: Element) -> str:
    """What the page is called; drawings in it have titles of their own."""
    return words(one(one(tree, "head"), "title"))


def meta(tree: Element, name: str) -> str | None:
    """What the head says under a name or property."""
    for element in tree.iter("meta"):
        if name in (element.get("name"), element.get("property")):
            return element.get("content")
    return None
