"""Tags and folders in one text, as a cell of a table or an attribute has them."""

from collections.abc import Sequence

import msgspec

_LIST = msgspec.json.Decoder(list[str])
_SEPARATORS = ",|;"
WIDE = " / "
"""Between folders where a name may have a `/`."""


def read_tags(text: str) -> tuple[str, ...]:
    """Tags between commas, or else bars or semicolons; a list, as in JSON or without quotes."""
    if (tags := _list(text)) is not None:
        return tags
    text = text.strip()
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    found = (separator for separator in _SEPARATORS if separator in text)
    return tuple(text.split(next(found, ",")))


def read_listed(text: str) -> tuple[str, ...]:
    """Tags between commas alone; or a list in JSON."""
    tags = _list(text)
    return tags if tags is not None else tuple(text.split(","))


def write_tags(tags: Sequence[str]) -> str:
    """What both of these read as these tags: a list in JSON only where it must be."""
    unclear = any(separator in tag for tag in tags for separator in _SEPARATORS)
    return _json(tags) if unclear or (tags and tags[0].startswith("[")) else ",".join(tags)


def read_folder(text: str, between: str | None = None) -> tuple[str, ...]:
    """A path with this between its folders, by default ` / ` or else `/`; or a list in JSON."""
    if (path := _list(text)) is not None:
        return path
    return tuple(text.split(between or (WIDE if WIDE in text else "/")))


def write_folder(path: Sequence[str]) -> str:
    """What `read_folder` reads as this path."""
    unclear = any("/" in name for name in path)
    return _json(path) if unclear or (path and path[0].startswith("[")) else WIDE.join(path)


def _list(text: str) -> tuple[str, ...] | None:
    if not text.lstrip().startswith("["):
        return None
    try:
        return tuple(_LIST.decode(text))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _json(texts: Sequence[str]) -> str:
    return msgspec.json.encode(list(texts)).decode()
