"""Where what is cited can be looked at: the item's own address on the web, or its place in this gateway."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from imagora import Passage
from starlette.requests import HTTPConnection

from .recipes import Served

OWN = "url"
"""The field of an item's metadata that says where it is on the web."""


def addresses_of(connection: HTTPConnection, served: Served, passages: Sequence[Passage]) -> dict[str, str]:
    """Give an address by passage's id."""
    return {passage.node_id: _address(connection, served, passage) for passage in passages}


def _address(connection: HTTPConnection, served: Served, passage: Passage) -> str:
    own = passage.node.metadata.get(OWN)
    if isinstance(own, str) and own.startswith(("http://", "https://")):
        return own
    return f"{connection.base_url}v1/items/{quote(served.name, safe='')}/{passage.node_id}"
