"""Addresses in running text: with a scheme, without one, in any disguise that `fold` takes off."""

from __future__ import annotations

import re
from collections.abc import Iterator

from linkify_it import LinkifyIt  # type: ignore[import-untyped]  # it has no types

from .folding import fold, unfolded

Span = tuple[int, int]

# What Markdown takes away can stand between the parts: backslashes, emphasis.
_BETWEEN = r"[\\*_~`]{0,4}"
_START = re.compile(
    rf"""
    (?<![a-z0-9])[a-z][a-z0-9+.\-]{{1,30}}{_BETWEEN}:{_BETWEEN}[/\\]{_BETWEEN}[/\\]  # any scheme with its slashes
    | (?<![a-z])(?:https?|ftps?|sftp|wss?|file){_BETWEEN}:{_BETWEEN}[/\\]                 # known ones with only one
    | (?:java|vb|live)script{_BETWEEN}:(?=\S)
    | mailto{_BETWEEN}:(?=\S)
    | (?<![a-z])file{_BETWEEN}:(?=\S)
    | (?<![a-z])data{_BETWEEN}:(?=[^\s,]{{0,100}}(?:;base64|/[a-z0-9.+\-]+[;,])|,\S)
    | (?<![a-z0-9.])www\d{{0,3}}{_BETWEEN}\.(?=[^\s.])
    | (?<![:/\\])(?<![^\W_])[/\\]{{2,}}  # behind a word it is a path, behind the end of emphasis none
        (?=[^\s/\\]+\.[a-z\u00a1-\uffff]|\[[0-9a-f:]+\]|localhost|\d+\.\d+\.\d+\.\d+)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_MARKUP = re.compile(r"[*_~`|\[\]<>()]")
_RUN = re.compile(r"(?:[^\s<>\"'`|\[\]{}^]|\[[0-9a-f:.]+\](?=[:/]|$))*", re.IGNORECASE)
_TO_BLANK = re.compile(r"[^\s<>\"]*")
_BEHIND = re.compile(r"[.,;:!?)\]}*_~]+$")
# Endings that are as often those of files, words or names in code: only a path behind them makes an address.
_DOUBTFUL = frozenset(
    """ai am an as at be by cc cd co de do es et fm gg go gs hm hr ht hu id ie im in info int io is it la li ls lt ma
    md me mk ml mm mo ms mt mu my name nc ne ni no nr nu om pa pe ph pl pm pn pr pro ps pt pw py qa re rs ru sc sd se sh
    si sk sm sn so sr st sv sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug us uy va vc ve vg vi vn vu web wf
    ws ye yt za zm zw""".split()  # noqa: SIM905 - a hundred quoted words read worse
)
_MORE_ENDINGS = ["app", "biz", "blog", "cloud", "club", "dev", "live", "online", "shop", "site", "store", "tech", "xyz"]
_HOST = re.compile(r"[^/?#:]*")


def _linkifier() -> LinkifyIt:
    made = LinkifyIt(options={"fuzzy_link": True, "fuzzy_email": True, "fuzzy_ip": False})
    return made.tlds(_MORE_ENDINGS, True)


_LINKIFY = _linkifier()


def bare_addresses(source: str) -> Iterator[tuple[Span, str]]:
    """Give the places of addresses in running text, each with what stands there up to the next blank."""
    folded = fold(source)
    for read in (folded,) if folded.text == source else (folded, unfolded(source)):
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
    if "." not in text:
        return
    for found in _LINKIFY.match(text) or ():
        if found.schema == "mailto:":
            yield found.index, found.last_index
        elif not found.schema:
            written = text[found.index : found.last_index]
            host = _HOST.match(written)
            name = host[0] if host else ""
            ending = name.rpartition(".")[2]
            in_code = text[found.last_index : found.last_index + 1] in {"(", "="}
            if len(name) < len(written) or not (ending.lower() in _DOUBTFUL or ending[:1].isupper() or in_code):
                yield found.index, found.last_index
