"""What other programs make of what the guardrail `links` lets through: three Markdowns and a browser's HTML."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from imagora.stages import Scope

pytest.importorskip("linkify_it", reason="needs the extra: pip install 'imagora[links]'")

import html5lib
import markdown
import mistune
from imagora_links.bare import DOUBTFUL
from imagora_links.guardrail import LinksGuardrail
from imagora_links.options import LinksOptions
from linkify_it import LinkifyIt
from markdown_it import MarkdownIt

from . import link_forms

STAGE = LinksGuardrail(LinksOptions(hosts=("good.example", "*.shop.example")))
LINKIFYING = MarkdownIt("gfm-like", {"html": True, "linkify": True})
MISTUNE = mistune.create_markdown(escape=False, plugins=["url", "table", "footnotes", "strikethrough"])
LINKIFIER = LinkifyIt()
GOOD = re.compile(r"https://(?:good\.example|[a-z0-9.-]+\.shop\.example)\.?(?::443)?(?:[/?#]|$)", re.IGNORECASE)
STRICT = {"as HTML", "markdown-it"}
HOLDING = {
    "href", "src", "srcset", "action", "formaction", "data", "poster", "background", "ping", "cite", "codebase",
    "longdesc", "{http://www.w3.org/1999/xlink}href", "to", "from", "values", "srcdoc", "manifest", "dynsrc", "lowsrc",
}  # fmt: skip


def renderings(text: str) -> Iterator[tuple[str, str]]:
    yield "as HTML", text
    yield "markdown-it", LINKIFYING.render(text)
    yield "mistune", str(MISTUNE(text))
    yield "markdown", markdown.markdown(text, extensions=["extra"])


def is_harmless(address: str) -> bool:
    """Say whether an address is allowed, leads nowhere, or is one of those that the guardrail says it leaves."""
    ours = not address or address.startswith(("\u2039link", "<"))
    return bool(GOOD.match(address)) or ours or is_nowhere(address) or is_doubtful(address)


def is_nowhere(address: str) -> bool:
    """Say whether nobody can have the host of an address, for its name has characters that no name can have."""
    authority = re.match(r"(?:https?:)?//([^/?#]*)", _plain(address), re.IGNORECASE)
    host = unquote(authority[1]).rpartition("@")[2] if authority else ""
    return bool(re.search(r"['\"<>|^`{}]|.\[", host))


def is_doubtful(address: str) -> bool:
    """Say whether a name without a path is as often a file's, like `notes.md`; who links all names adds http."""
    named = re.fullmatch(r"http://[^/?#@:%]+\.(\w+)", address)
    return named is not None and (named[1].lower() in DOUBTFUL or named[1].istitle())


def leads_away(address: str) -> bool:
    return bool(re.match(r"[a-z][a-z0-9+.-]*:|//", _plain(address), re.IGNORECASE))


def _plain(address: str) -> str:
    return re.sub(r"[\t\n\r]", "", address).replace("\\", "/").strip()


def outside(rendered: str, *, relative: bool = False) -> list[str]:
    """Give the addresses in an HTML document that a browser would follow or load, and that are not allowed.

    Relative ones count where it is asked for: programs differ most in what they take for a relative link.
    """
    found = []
    for element in html5lib.parse(rendered, namespaceHTMLElements=False).iter():
        if not isinstance(element.tag, str):
            continue
        if element.tag in {"script", "style", "iframe", "object", "embed", "base", "meta"}:
            found.append(element.tag)
        for name, value in element.attrib.items():
            if (re.match(r"on\w", str(name)) and value) or (name == "style" and "url" in value):
                found.append(f"{name}={value}")
            elif str(name) in HOLDING and not value.startswith(("#fn", "#ref")):  # the footnotes' own
                parts = [value] if name != "srcset" else [part.split()[0] for part in value.split(",") if part.split()]
                found += [part for part in parts if (relative or leads_away(part)) and not is_harmless(part)]
        for words in (element.text, element.tail):
            for match in LINKIFIER.match(words or "") or ():
                if match.schema and leads_away(match.url) and not is_harmless(match.url):
                    found.append(match.url)
    return found


def let_through(text: str) -> str:
    (verdict,) = asyncio.run(STAGE.acheck([text], "answer", Scope()))
    return verdict.text


@pytest.mark.parametrize("around", ["{}", "- a {}\n\n  b [1]"])
def test_no_program_finds_an_address_in_what_is_left_of_the_zoo(around: str) -> None:
    seen = []
    for form in link_forms.FORMS:
        left = let_through(around.replace("{}", form))
        seen += [
            (form, left, name, bad) for name, rendered in renderings(left) if (bad := outside(rendered, relative=True))
        ]
    assert seen == []


def test_the_programs_do_find_the_addresses_in_most_of_the_zoo_itself() -> None:
    found = [form for form in link_forms.FORMS if any(outside(rendered) for _, rendered in renderings(form))]
    assert len(found) > 150


PIECES = (
    "[", "]", "(", ")", "<", ">", "!", "`", "\\", "\n", "\n\n", " ", "&", ";", ":", "/", "//", "'", '"', "*", "_", "=",
    "\t", "\u200b", "\u202e", "@", "#", "?", "%3a", "%2f", "&colon;", "&#58;", "&#x2f;", "&Tab;", "&NewLine;", "&lt;",
    "https", "http:", "javascript:", "data:text/html,", "mailto:", "www.", "evil.com", "good.example",
    "https://good.example/", "https://evil.com", "//evil.com", "\\\\evil.com", "a", "[a]", "[a]:", "[a][b]", "](", "![",
    "<a ", "href=", "<img ", "src=", "srcset=", "<svg>", "<script>", "</script>", "<!--", "-->", "<style>", "</a>",
    "<math>", "<textarea>", "</textarea>", "<b>", "title=", "onerror=", "[1]", "> ", "- ", "    ", "| ", "$", "{", "}",
)  # fmt: skip


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(PIECES), min_size=2, max_size=14).map("".join))
def test_whatever_is_written_no_program_finds_an_outside_address_in_what_is_left(text: str) -> None:
    left = let_through(text)
    for name, rendered in renderings(left):
        assert outside(rendered, relative=name in STRICT) == [], (name, text, left)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(link_forms.FORMS), st.sampled_from(link_forms.FORMS), st.data())
def test_two_forms_within_each_other_leave_nothing(outer: str, inner: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(outer)))
    left = let_through(outer[:place] + inner + outer[place:])
    for name, rendered in renderings(left):
        assert outside(rendered, relative=name in STRICT) == [], (name, left)


@settings(max_examples=120, deadline=None)
@given(st.text(alphabet=st.characters(categories=["L", "N", "Zs"], include_characters=",;!?()'\"-+*\n"), max_size=300))
def test_words_and_numbers_are_never_touched(text: str) -> None:
    assert let_through(text) == text
