"""E-mail and IP addresses."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

import tldextract
from presidio_analyzer import Pattern
from presidio_analyzer.predefined_recognizers import EmailRecognizer

from .evidence import Span, SpanRecognizer, labelled_otherwise

_PRIVATE_SUFFIXES = (
    "corp",
    "example",
    "home",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "test",
)
# Presidio calls tldextract as it comes: it fetches the list of public suffixes and writes a cache. This one reads the
# list that its package carries.
_SUFFIXES = tldextract.TLDExtract(cache_dir=None, suffix_list_urls=(), extra_suffixes=_PRIVATE_SUFFIXES)

_V4 = re.compile(
    r"(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|[01]?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|[01]?\d?\d)(?:/\d\d?)?(?![\w/])(?!\.\d)"
)
_V6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
_FEW_GROUPS = 3
_LOCAL = r"[\w!#$%&'*+\-/=?^`{|}~]"
_LABEL = r"\w+(?:-+\w+)*"
_EMAIL = rf"\b{_LOCAL}(?:[\w!#$%&'*+\-/=?^`{{|}}~.]*{_LOCAL})?@{_LABEL}(?:\.{_LABEL})+\b"


class OfflineEmailRecognizer(EmailRecognizer):
    """Presidio's, with the list of public suffixes from the package, and with the suffixes of private networks.

    A suffix is asked for because "logo@2x.png" is a picture's name. The pattern is our own because the one of older
    releases misses domains in the ASCII form of other scripts, such as xn--bcher-kva.example.
    """

    def __init__(self, supported_language: str = "en") -> None:
        super().__init__(patterns=[Pattern("e-mail address", _EMAIL, 0.5)], supported_language=supported_language)

    def validate_result(self, pattern_text: str) -> bool:
        """Say whether the domain ends in a suffix that exists."""
        return _SUFFIXES(pattern_text.rpartition("@")[2]).fqdn != ""


class PlainIpRecognizer(SpanRecognizer):
    """Finds addresses of both versions; not four-part version numbers that say so, nor part of a longer number."""

    entity = "IP_ADDRESS"
    words = re.compile(r"\b(?:ip|ipv4|ipv6|address|host|server|client|login|logged|connect\w*)\b", re.IGNORECASE)

    def spans(self, text: str) -> Iterator[Span]:
        """Give addresses; short ones of version 6, such as ::1, need a word near."""
        for found in _V4.finditer(text):
            yield *found.span(), 0.3 if labelled_otherwise(text, found.start()) else 0.7
        for found in _V6.finditer(text):
            written = _address(found[0])
            if written:
                start, end = found.start(), found.start() + len(written)
                groups = len(re.findall(r"[0-9A-Fa-f]+", written))
                yield start, end, 0.8 if groups >= _FEW_GROUPS or self.near(text, start, end) else 0.3


def _address(written: str) -> str:
    """Give the address without the full stop or colon of the sentence, "" where it is none."""
    for candidate in (written, written.rstrip("."), written.rstrip(".:")):
        try:
            return str(ipaddress.IPv6Address(candidate)) and candidate
        except ValueError:
            continue
    return ""
