"""The options of the guardrail `links`."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from imagora import Options
from pydantic import AfterValidator, Field

ABOUT = """
A link in an answer can carry away what the model has read, and a picture does so without a click. So every address
goes whose scheme and host are not in the recipe. What is allowed must also be written plainly: an address with a user
name, a backslash, an entity or a percent sign in its host, an invisible character or another port goes, since programs
do not agree on where it leads. Markdown and HTML are read by markdown-it and Python's HTML parser, and besides them by
patterns that see what a more lenient program could make a link of, in code as well. Where anything is left after that,
the text is refused. A name without scheme and path stays where its ending is as often a file's or a word's: `notes.md`.
"""

_HOST = re.compile(r"(?:\*\.)?[^\s/:@*?#\\.]+(?:\.[^\s/:@*?#\\.]+)*(?::\d{1,5})?")


def _host(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise ValueError(f"'{value}' is not a host; write 'shop.example', '*.shop.example' or 'shop.example:8443'")
    return value.lower()


def _scheme(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9+.\-]+", value) or value in {"javascript", "vbscript", "data", "file"}:
        raise ValueError(f"'{value}' cannot be allowed; schemes are written as 'https', and never run or hold content")
    return value


class LinksOptions(Options):
    """Which addresses may stay, and what is done with the others."""

    hosts: tuple[Annotated[str, AfterValidator(_host)], ...] = Field(
        default=(),
        description="the hosts that addresses may lead to, e.g. shop.example; '*.shop.example' means every name below "
        "it and not itself; ':8443' behind it means that port instead of the scheme's own; none means no address",
    )
    schemes: tuple[Annotated[str, AfterValidator(_scheme)], ...] = Field(
        default=("https",),
        description="the schemes that addresses may have; with 'mailto', e-mail addresses at the allowed hosts stay",
    )
    relative: bool = Field(
        default=False,
        description="whether links and pictures without a host may stay, e.g. [next](page-2); they lead to wherever "
        "the answer is shown",
    )
    action: Literal["redact", "refuse"] = Field(
        default="redact",
        description="redact: other addresses are taken out; refuse: a text with another address is stopped",
    )
    keep_text: bool = Field(
        default=True,
        description="whether the words of a link and the description of a picture stay where its address goes; "
        "otherwise '\u2039link removed\u203a' stands there",
    )
