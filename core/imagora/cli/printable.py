"""Text of others on a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """Give text that cannot move the cursor or colour the terminal: control characters are shown as escapes."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)
