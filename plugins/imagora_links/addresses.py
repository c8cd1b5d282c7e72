"""Which addresses may stay: those that are written plainly and lead to an allowed host."""

from __future__ import annotations

import html
import re
from functools import cached_property

import idna

from .folding import is_invisible
from .options import LinksOptions

_PORTS = {"http": 80, "https": 443, "ftp": 21, "ws": 80, "wss": 443}
_ABSOLUTE = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*)://(?P<host>[^\s/?#\\@:%&<>\"'`|()\[\]{},;!*_]+)(?P<port>:\d{1,5})?"
)
_AFTER_HOST = re.compile(r"[/?#]|(?:[.,;:!?)\]}*_'\"`|]|\[\d{1,4}\])*$")
_MAIL = re.compile(r"(?:mailto:)?[A-Za-z0-9._+\-]+@(?P<host>[^\s@/?#\\%&,;:<>()]+?)[.,;:!?)*_'\"]*", re.IGNORECASE)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_STARTS = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[/\\]{2}|(?:javascript|vbscript|data):", re.IGNORECASE)


class Addresses:
    """Judges addresses by the options' hosts and schemes."""

    def __init__(self, options: LinksOptions) -> None:
        self._options = options

    @cached_property
    def _hosts(self) -> tuple[tuple[str, bool, int | None], ...]:
        listed = []
        for entry in self._options.hosts:
            name, _, port = entry.removeprefix("*.").partition(":")
            listed.append((_ascii(name) or name, entry.startswith("*."), int(port) if port else None))
        return tuple(listed)

    def allow_bare(self, written: str) -> bool:
        """Say whether an address in running text, with all that stands behind it up to a blank, may stay."""
        if "@" in written.split("/", maxsplit=1)[0] or written.lower().startswith("mailto:"):
            return self._allow_mail(written)
        match = _ABSOLUTE.match(written)
        if not match or any(is_invisible(character) for character in written):
            return False
        rest = written[match.end() :]
        if not _AFTER_HOST.match(rest) or "@" in rest.split("/")[0] or _STARTS.search(rest):
            return False
        scheme, host = match["scheme"].lower(), match["host"].rstrip(".")
        return scheme in self._options.schemes and self._allow_host(host, match["port"], _PORTS.get(scheme))

    def allow_destination(self, written: str) -> bool:
        """Say whether the destination of a link or a picture may stay."""
        address = html.unescape(written).strip(" ")
        if any(character.isspace() or is_invisible(character) for character in address):
            return False
        if _SCHEME.match(address):
            return self.allow_bare(address)
        doubtful = re.match(r"[/\\]{2}|[^/?#]*[:\\]|[^/?#]*%|[^/?#]*&", address)
        return self._options.relative and not doubtful

    def _allow_mail(self, written: str) -> bool:
        match = _MAIL.fullmatch(written)
        if not match or "mailto" not in self._options.schemes:
            return False
        return self._allow_host(match["host"], None, None)

    def _allow_host(self, written: str, port: str | None, usual: int | None) -> bool:
        host = _ascii(written)
        number = int(port[1:]) if port else usual
        return host is not None and any(
            (host.endswith(f".{name}") if below else host == name) and number == (usual if wanted is None else wanted)
            for name, below, wanted in self._hosts
        )


def _ascii(host: str) -> str | None:
    """Give a host as it is looked up, None where it is not a plain name in its own normal form."""
    lowered = host.lower()
    if lowered.isascii():
        return lowered if re.fullmatch(r"[a-z0-9\-]+(?:\.[a-z0-9\-]+)*", lowered) else None
    try:
        return idna.encode(lowered).decode("ascii")
    except idna.IDNAError:
        return None
