"""Numbered placeholders that live as long as one request, and the way back for what the asker gave."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .entities import KNOWN_ENTITIES

PLACEHOLDER = re.compile(rf"<(?:{'|'.join(sorted(KNOWN_ENTITIES))})(?:_\d+|:[0-9a-f]{{16}})?>")
# Whatever could start an address: once one has begun, a value behind it could be part of it and leave with a click or
# with a picture that a browser loads by itself.
_LINK = re.compile(r"\]\(|\]\[|\]:|//|\bwww\.|<\s*[a-z/!]|\b[a-z][a-z0-9+.\-]*:(?=\S)", re.IGNORECASE)


@dataclass(repr=False)
class Placeholders:
    """Which value has which placeholder in this request; its repr shows no value."""

    _by_value: dict[tuple[str, str], str] = field(default_factory=dict)
    _asked: dict[str, str] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Placeholders({len(self._by_value)} values)"

    def of(self, entity: str, value: str, *, asked: bool) -> str:
        """Give the value's placeholder, the same each time; asked: the value stood in the query, and may come back."""
        placeholder = self._by_value.get((entity, value))
        if placeholder is None:
            self._counts[entity] = self._counts.get(entity, 0) + 1
            placeholder = f"<{entity}_{self._counts[entity]}>"
            self._by_value[entity, value] = placeholder
        if asked:
            self._asked[placeholder] = value
        return placeholder

    def put_back(self, text: str) -> str:
        """Give the text with the asker's own values in their places, up to the first thing that looks like a link."""
        blank = PLACEHOLDER.sub(lambda match: " " * len(match[0]), text)
        link = _LINK.search(blank)
        end = link.start() if link else len(text)
        return PLACEHOLDER.sub(lambda match: self._asked.get(match[0], match[0]), text[:end]) + text[end:]
