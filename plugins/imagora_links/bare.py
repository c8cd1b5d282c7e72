"""Addresses in running text: with a scheme, without one, in any disguise that `fold` takes off."""

from __future__ import annotations

import re
from collections.abc import Iterator

from linkify_it import LinkifyIt  # type: ignore[import-untyped]  # it has no types

from .folding import ESCAPE, TAG, fold, unfolded, without

Span = tuple[int, int]
PIECE = 600
"""How many characters without a blank are looked at together for names without a scheme; a host's has 253 at most."""

# What Markdown takes away can stand between the parts: backslashes, emphasis.
_BETWEEN = r"[\\*_~`]{0,4}"
_START = re.compile(
    rf"""
    (?<![a-z])[a-z][a-z0-9+.\-]{{1,30}}{_BETWEEN}:{_BETWEEN}[/\\]{_BETWEEN}[/\\]  # any scheme with its slashes
    | (?<![a-z])(?:https?|ftps?|sftp|wss?|file){_BETWEEN}:{_BETWEEN}[/\\]                 # known ones with only one
    | (?:java|vb|live)script{_BETWEEN}:(?=\S)
    | mailto{_BETWEEN}:(?=\S)
    | (?<![a-z])file{_BETWEEN}:(?=\S)
    | (?<![a-z])data{_BETWEEN}:(?=[^\s,]{{0,100}}(?:;base64|/[a-z0-9.+\-]+[;,])|,\S)
    | (?<![a-z0-9.])www\d{{0,3}}{_BETWEEN}\.(?=[^\s.])
    # Two slashes begin an address, but behind a word a path; not behind the end of emphasis, an escape or an entity.
    | (?:(?<![:/\\])(?<![^\W_])|(?<=[^\W_]|:)\\|&\#x?[0-9a-f]{{1,7}})[/\\]{{2,}}
        (?=[^\s/]{{1,300}}\.[a-z\u00a1-\uffff]|\[[0-9a-f:]+\]|localhost|\d+\.\d+\.\d+\.\d+|0x[0-9a-f]+[./:]|\d{{8,10}}[/:])
    """,
    re.IGNORECASE | re.VERBOSE,
)
_MARKUP = re.compile(r"[*_~`|\[\]<>()]")
_RUN = re.compile(r"(?:[^\s<>\"'`|\[\]{}^]|\[[0-9a-f:.]+\](?=[:/]|$))*", re.IGNORECASE)
_TO_BLANK = re.compile(r"[^\s<>\"]*")
_BEHIND = re.compile(r"[.,;:!?)\]}*_~]+$")
DOUBTFUL = frozenset(
    """ai am an as at be by cc cd co de do es et fm gg go gs hm hr ht hu id ie im in info int io is it la li ls lt ma
    md me mk ml mm mo ms mt mu my name nc ne ni no nr nu om pa pe ph pl pm pn pr pro ps pt pw py qa re rs ru sc sd se sh
    si sk sm sn so sr st sv sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug us uy va vc ve vg vi vn vu web wf
    ws ye yt za zm zw""".split()  # noqa: SIM905 - a hundred quoted words read worse
)
"""Endings that are as often those of files, words or names in code: only a path behind them makes an address."""
# With a capital, other endings are as often the word that begins after a full stop.
_NO_WORDS = frozenset({"app", "biz", "com", "edu", "gov", "mil", "org", "xyz"})
_DOT_NET = re.compile(r"[A-Z]{2,3}\.NET")
_MORE_ENDINGS = ["app", "biz", "blog", "cloud", "club", "dev", "live", "online", "shop", "site", "store", "tech", "xyz"]
_UNBROKEN = re.compile(r"\S+")
_HOST = re.compile(r"[^/?#:]*")


def _linkifier() -> LinkifyIt:
    made = LinkifyIt(options={"fuzzy_link": True, "fuzzy_email": True, "fuzzy_ip": False})
    return made.tlds(_MORE_ENDINGS, True)


_LINKIFY = _linkifier()


def bare_addresses(source: str) -> Iterator[tuple[Span, str]]:
    """Give the places of addresses in running text, each with what stands there up to the next blank."""
    folded = fold(source)
    written = unfolded(source)
    # A browser joins what stands around a stray end tag.
    untagged, untagged_as_written = without(TAG, folded), without(TAG, written)
    every = (without(ESCAPE, untagged), untagged, untagged_as_written, written, folded)
    readings = {read.text: read for read in every}
    for read in readings.values():
        unmarked = _MARKUP.sub(" ", read.text)
        found = {*_with_scheme(read.text), *_without_scheme(read.text), *_without_scheme(unmarked)}
        for start, end in sorted(found):
            yield _with_rest(source, read.span(start, end))


def _with_scheme(text: str) -> Iterator[Span]:
    for match in _START.finditer(text):
        run = _RUN.match(text, match.end())
        end = run.end() if run else match.end()
        yield match.start(), max(match.end(), end - len(_behind(text[match.end() : end])))


def _with_rest(source: str, span: Span) -> tuple[Span, str]:
    rest = _TO_BLANK.match(source, span[1])
    return span, source[span[0] : rest.end() if rest else span[1]]


def _behind(run: str) -> str:
    match = _BEHIND.search(run)
    return match[0] if match else ""


def _without_scheme(text: str) -> Iterator[Span]:
    for start, end in _pieces(text):
        piece = text[start:end]
        for found_start, found_end in _linkified(piece):
            ends_early = found_end == len(piece)
            run = _TO_BLANK.match(text, end) if ends_early else None
            yield start + found_start, run.end() if run else start + found_end


def _pieces(text: str) -> Iterator[Span]:
    """Give the runs between blanks that have a full stop; long ones in pieces that overlap by more than a host's name.

    linkify looks at a run again from each of its characters, so that one of 30,000 would take minutes.
    """
    for run in _UNBROKEN.finditer(text):
        for start in range(run.start(), run.end(), PIECE // 2) if "." in run[0] else ():
            yield start, min(start + PIECE, run.end())
            if start + PIECE >= run.end():
                break


def _linkified(text: str) -> Iterator[Span]:
    for found in _LINKIFY.match(text) or ():
        if found.schema == "mailto:":
            yield found.index, found.last_index
        elif not found.schema:
            written = text[found.index : found.last_index]
            host = _HOST.match(written)
            name = host[0] if host else ""
            ending = name.rpartition(".")[2]
            begins = ending.istitle() and ending.lower() not in _NO_WORDS
            in_code = text[found.last_index : found.last_index + 1] in {"(", "="}
            if len(name) < len(written) or not (
                ending.lower() in DOUBTFUL or begins or in_code or _DOT_NET.fullmatch(name)
            ):
                yield found.index, found.last_index
