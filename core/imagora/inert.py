"""Strangers' words in a prompt, without what a model or its chat template would take for its own markup."""

from __future__ import annotations

import re

_MARKUP = re.compile(
    r"<(?=<?[|/]{0,2}(?:[|]|\w{1,20}[|]?>|SYS|im_|start_of|end_of))"  # <|…|>, <s>, <image>, </tool_call>
    r"|\|>|\[(?=/?(?:INST|SYSTEM|AVAILABLE_TOOLS|TOOL_))",
    re.IGNORECASE,
)
_OUTSIDE = str.maketrans({"<": "\u2039", "[": "(", "|": "\u00a6"})
_MARKER = re.compile(r"\[\s*((?:Image\s*)?\d{1,4})\s*\]", re.IGNORECASE)
_ROLE = re.compile(r"^(\s*)(system|user|assistant|human|ai|tool)(\s*:)", re.IGNORECASE | re.MULTILINE)
_TOKEN = re.compile(r"<\|([^|<>]{0,60})\|>")
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\U000e0000-\U000e007f]")


def inert(text: str) -> str:
    """Make special tokens, chat markup, role names at a line's start and citation markers mean nothing.

    A person reads the same: angle brackets become quotation marks of one angle, `[2]` becomes `(2)`, `System:` becomes
    `System -`.
    """
    # Every search is left out where a sign that it cannot do without is not there: most texts have none of them.
    if not text.isascii():
        text = _INVISIBLE.sub("", text)
    if "[" in text:
        text = _MARKER.sub(r"(\1)", text)
    if "<" in text or "|>" in text or "[" in text:
        text = _TOKEN.sub("\u2039\u00a6\\1\u00a6\u203a", text)
        text = _MARKUP.sub(lambda match: match[0].translate(_OUTSIDE), text)
    return _ROLE.sub(r"\1\2 -", text) if ":" in text else text
