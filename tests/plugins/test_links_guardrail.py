"""What the guardrail `links` says of texts: no form of an address comes through, and no harmless text is touched."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

import pytest
from imagora.stages import Scope, Verdict
from imagora.testing import ComponentContract, GuardrailContract

pytest.importorskip("linkify_it", reason="needs the extra: pip install 'imagora[links]'")

from imagora_links.bare import PIECE
from imagora_links.folding import fold
from imagora_links.guardrail import REMOVED, LinksGuardrail
from imagora_links.options import LinksOptions

from . import link_forms

HOSTS = ("good.example", "*.shop.example")


def guardrail(**options: Any) -> LinksGuardrail:
    return LinksGuardrail(LinksOptions.model_validate({"hosts": HOSTS, **options}))


def check(text: str, **options: Any) -> Verdict:
    (verdict,) = asyncio.run(guardrail(**options).acheck([text], "answer", Scope()))
    return verdict


class TestPlugin(ComponentContract):
    plugin = "imagora_links"


class TestRedacting(GuardrailContract):
    @pytest.fixture
    def stage(self) -> LinksGuardrail:
        return guardrail()

    @pytest.fixture
    def dirty(self) -> list[tuple[str, str]]:
        return [("[here](https://evil.com)", "evil.com"), ("![a](//leak.io/x)", "leak.io"), ("www.bad.org", "bad.org")]


class TestRefusing(TestRedacting):
    action = "refuse"

    @pytest.fixture
    def stage(self) -> LinksGuardrail:
        return guardrail(action="refuse")


def test_the_zoo_has_more_than_200_forms_and_every_one_is_another() -> None:
    assert len(set(link_forms.FORMS)) == len(link_forms.FORMS) > 200
    assert all(link_forms.CANARY in fold(form).text for form in link_forms.FORMS)


@pytest.mark.parametrize("around", ["{}", "See {}\n\n[1].", "> {}", "`x` {}\n\n`y`"])
def test_no_form_of_an_address_comes_through(around: str) -> None:
    through = []
    for form in link_forms.FORMS:
        verdict = check(around.replace("{}", form))
        if verdict.action == "pass" or link_forms.CANARY in fold(verdict.text).text:
            through.append((form, verdict))
    assert through == []


def test_forms_are_taken_out_and_hardly_ever_refused() -> None:
    assert [form for form in link_forms.FORMS if check(form).action != "redact"] == []
    assert {check(form, action="refuse").action for form in link_forms.FORMS} == {"refuse"}


@pytest.mark.parametrize("text", link_forms.HARMLESS)
def test_harmless_texts_are_untouched(text: str) -> None:
    assert check(text) == Verdict("pass", text)
    assert check(text, hosts=()) == Verdict("pass", text)


@pytest.mark.parametrize("text", link_forms.ALLOWED)
def test_allowed_addresses_stay(text: str) -> None:
    assert check(text) == Verdict("pass", text)
    assert check(text, hosts=()).action == "redact"


@pytest.mark.parametrize(
    ("text", "left", "reasons"),
    [
        ("See [the shop](https://evil.com/a 'b') [1].", "See the shop [1].", ("LINK",)),
        ("![a kettle](//evil.com/x.png)", "a kettle", ("PICTURE",)),
        ("![](//evil.com/x.png)", REMOVED, ("PICTURE",)),
        ("at https://evil.com/a, or (https://evil.com).", f"at {REMOVED}, or ({REMOVED}).", ("ADDRESS",)),
        ("[it][r] [1]\n\n[r]: https://evil.com 'x'\n\nend", "[it][r] [1]\n\n\n\nend", ("DEFINITION",)),
        ("a <a href='//evil.com'>kettle</a> [1]", "a kettle [1]", ("TAG",)),
        ("https://evil.com/x[1] and [2]", f"{REMOVED}[1] and [2]", ("ADDRESS",)),
        ("[a](https://evil.com) [b](https://good.example)", "a [b](https://good.example)", ("LINK",)),
    ],
)
def test_what_stands_around_an_address_stays(text: str, left: str, reasons: tuple[str, ...]) -> None:
    verdict = check(text)
    assert verdict.text == left and set(reasons) <= set(verdict.reasons)


def test_without_keep_text_the_words_of_a_link_go_with_it() -> None:
    assert check("see [the shop](//evil.com) [1]", keep_text=False).text == f"see {REMOVED} [1]"
    assert check("see <a href='//evil.com'>the shop</a> [1]", keep_text=False).text == f"see {REMOVED} [1]"
    assert check("![a kettle](x.png)", keep_text=False).text == REMOVED


def test_relative_addresses_stay_where_the_recipe_says_so() -> None:
    for text in ("[next](page-2)", "[top](#top)", "![a](/p/a.png)", "<a href='x/y'>a</a>"):
        assert check(text).action == "redact"
        assert check(text, relative=True).action == "pass"
    for text in ("[a](//evil.com)", "[a](/\\evil.com)", "[a](x:y)", "[a](javascript:x)", "[a](&#47;/evil.com)"):
        assert check(text, relative=True).action == "redact"


def test_hosts_ports_and_schemes_are_compared_as_they_are_looked_up() -> None:
    allowed = {
        "hosts": ("b\u00fccher.example", "x.example:8443", "*.y.example"),
        "schemes": ("https", "http", "mailto"),
    }
    for address in (
        "https://b\u00fccher.example/a",
        "https://xn--bcher-kva.example/a",
        "https://X.example:8443/",
        "http://a.b.y.example",
        "http://a.y.example:80/",
        "mailto:anna@a.y.example",
        "anna@b\u00fccher.example",
    ):
        assert check(f"see {address} there", **allowed).action == "pass", address
    for address in (
        "https://bucher.example",
        "https://x.example/",
        "https://x.example:443/",
        "https://y.example",
        "https://notay.example",
        "http://a.y.example:443/",
        "mailto:?to=anna@a.y.example",
        "mailto:a@evil.com,b@a.y.example",
        "mailto:anna@y.example",
    ):
        assert check(f"see {address} there", **allowed).action == "redact", address


@pytest.mark.parametrize(
    "options",
    [
        {"hosts": ["https://shop.example"]},
        {"hosts": ["shop.example/x"]},
        {"hosts": ["*"]},
        {"hosts": ["a.*.example"]},
        {"schemes": ["javascript"]},
        {"schemes": ["https://"]},
    ],
)
def test_wrong_hosts_and_schemes_are_told(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is not a host|cannot be allowed"):
        LinksOptions.model_validate(options)


@pytest.mark.parametrize(
    "piece",
    ["[", "](", "<a ", "<a href=", "[a](", "![", "&amp;", "%25", "\\", "(", "a@", "//a", "<!--", "[a]:", "http:"],
)
def test_a_text_made_to_take_long_does_not(piece: str) -> None:
    started = time.process_time()
    check(piece * (20_000 // len(piece)))
    assert time.process_time() - started < 20, "not a bound on speed: what is quadratic here takes minutes"


def test_what_is_taken_out_leaves_nothing_to_take_out() -> None:
    for form in link_forms.FORMS:
        once = check(form).text
        assert check(once) == Verdict("pass", once), form
    assert not re.search(r"https?:", check(" ".join(link_forms.FORMS[:60]), hosts=()).text)


def test_a_long_run_of_names_is_read_in_pieces_and_an_address_across_two_of_them_goes() -> None:
    filling = "a.b+c-" * 1_000
    for before in (*range(PIECE // 2 - 18, PIECE // 2 + 2), *range(PIECE - 18, PIECE + 2)):
        left = check(f"{filling[:before]}+secret.evil.com/{'p' * 900}?x={filling[:600]}").text
        assert "evil" not in left
        assert "ppp" not in left
