"""What the guardrail `grounding` says of answers: what no shown passage supports is flagged, dropped or refused."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from imagora import Passage
from imagora.stages import Place, Scope, Verdict
from imagora.testing import ComponentContract, GuardrailContract
from imagora_benchmarks.grounding import CLAIMS, SUPPORTED, sentences, shares, stopped
from imagora_grounding.claims import claims, content, denies
from imagora_grounding.guardrail import GroundingGuardrail
from imagora_grounding.options import GroundingOptions
from imagora_grounding.quantities import Quantity, quantities, supported
from llama_index.core.schema import MediaResource, Node, TextNode

KETTLE = "A red kettle of steel. It weighs 900 g and holds 1.7 litres. It is dishwasher safe."
LAMP = "A brass lamp, made in Ghent in 1962. The bulb is not included."


def passage(text: str, **metadata: Any) -> Passage:
    return Passage(node=TextNode(text=text, metadata=metadata), score=1.0)


SHOWN = (passage(KETTLE, title="Kettle", price=24.9), passage(LAMP, title="Lamp"))


def guardrail(embedder: Any = None, **options: Any) -> GroundingGuardrail:
    return GroundingGuardrail(GroundingOptions.model_validate(options), embedder)


def check(answer: str, place: Place = "answer", shown: tuple[Passage, ...] = SHOWN, **options: Any) -> Verdict:
    (verdict,) = asyncio.run(guardrail(**options).acheck([answer], place, Scope(passages=shown)))
    return verdict


class TestPlugin(ComponentContract):
    plugin = "imagora_grounding"


class TestDropping(GuardrailContract):
    places = ("answer",)

    @pytest.fixture
    def stage(self) -> GroundingGuardrail:
        return guardrail(action="drop")

    @pytest.fixture
    def dirty(self) -> list[tuple[str, str]]:
        return [
            ("The red circle weighs 77 kg. It is a red circle.", "77 kg"),
            ("It is a red circle. It was painted by Ada Brunn.", "Ada Brunn"),
            ("Elephants live in herds and eat grass. It is a red circle.", "Elephants"),
        ]

    def check(self, stage: Any, texts: list[str], place: Place = "query") -> list[Verdict]:
        known = (*(f"a drawing of a {colour} {form}" for colour in COLOURS for form in FORMS), "Straße two blanks")
        return asyncio.run(stage.acheck(texts, place, Scope(passages=tuple(map(passage, known)))))


COLOURS = ("red", "green", "blue", "yellow", "black", "white", "orange", "purple", "grey")
FORMS = ("circle", "square", "triangle", "star", "cross", "ring", "bar", "stripes", "grid")


class TestRefusing(TestDropping):
    action = "refuse"

    @pytest.fixture
    def stage(self) -> GroundingGuardrail:
        return guardrail(action="refuse")


@pytest.mark.parametrize(
    "answer",
    [
        "The kettle weighs 900 g [1].",
        "The kettle weighs 0.9 kg [1]. It holds 1,700 ml [1].",
        "The kettle costs 24.90 euro [1].",
        "It is dishwasher safe [1]. The lamp was made in Ghent [2].",
        "Kettle: A red kettle of steel [1].",
        "The bulb of the lamp is not included [2].",
        "1. The red kettle [1]\n2. The brass lamp [2]",
        "I do not know how old it is. Do you want the kettle?",
        "Nothing in the index answers this.",
        "",
    ],
)
def test_what_passages_say_passes(answer: str) -> None:
    assert check(answer) == Verdict("pass", answer)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("The kettle weighs 950 g [1].", "NUMBER"),
        ("The kettle weighs 900 kg [1].", "NUMBER"),
        ("The kettle holds two litres [1].", "NUMBER"),
        ("The lamp was made in 1926 [2].", "NUMBER"),
        ("The lamp was made in Porto [2].", "NAME"),
        ("The kettle has the code KX-200 [1].", "NAME"),
        ("The kettle is not dishwasher safe [1].", "DENIAL"),
        ("The bulb of the lamp is included [2].", "DENIAL"),
        ("Elephants are the largest land animals [1].", "SIMILARITY"),
        ("The kettle weighs 900 g [2].", "NUMBER"),
        ("The kettle is of steel [7].", "UNKNOWN_CITATION"),
    ],
)
def test_what_no_passage_says_is_stopped_with_the_reason(answer: str, reason: str) -> None:
    assert check(answer, action="refuse") == Verdict("refuse", "", (reason,))


def test_without_passages_nothing_is_supported() -> None:
    assert check("The kettle is of steel.", shown=(), action="refuse").action == "refuse"


def test_cited_only_decides_which_passages_count() -> None:
    answer = "The kettle weighs 900 g [2]."
    assert check(answer).action == "redact" and check(answer, cited_only=False).action == "pass"


def test_flagging_says_it_behind_the_sentence_and_dropping_takes_the_sentence_out() -> None:
    answer = "The kettle weighs 900 g [1]. It weighs 12 kg [1]. It is of steel [1]."
    flagged = check(answer)
    assert flagged.text.startswith("The kettle weighs 900 g [1]. It weighs 12 kg [1]. (not found in the sources) It is")
    assert check(answer, note="").text == answer and check(answer, note="").reasons == ("NUMBER",)
    assert check(answer, action="drop").text == "The kettle weighs 900 g [1]. It is of steel [1]."
    assert check("It weighs 12 kg [1].", action="drop") == Verdict("refuse", "", ("NUMBER",))


def test_what_is_said_of_a_picture_without_words_passes_unless_the_recipe_says_otherwise() -> None:
    picture = Passage(node=Node(image_resource=MediaResource(path=Path("cat.png")), extra_info={"title": "Print"}))
    shown = (*SHOWN, picture)
    assert check("Two cats sleep in a basket [3].", shown=shown).action == "pass"
    assert check("Two cats sleep in a basket [3].", shown=shown, pictures="check").action == "redact"
    assert check("Two cats sleep in a basket [3][1].", shown=shown).reasons == ("NUMBER",)
    assert check("Two cats sleep in a basket.", shown=shown).reasons == ("NUMBER",)


def test_allowed_sentences_need_no_support() -> None:
    thanks = "Thank you for asking our friendly shop."
    assert check(thanks).action == "redact"
    assert check(thanks, allow=[thanks.upper()]).action == "pass"


@pytest.mark.parametrize("place", ["query", "passages"])
def test_it_acts_on_answers_only(place: Place) -> None:
    assert check("The kettle weighs 12 kg.", place=place).action == "pass"


def test_sentences_are_cut_with_their_places_and_citations() -> None:
    answer = "It weighs 1.7 kg [1]. Really, e.g. here! [2][3]\n- A point [4]"
    found = claims(answer)
    assert [claim.cited for claim in found] == [(1,), (2, 3), (4,)]
    assert "".join(answer[claim.start : claim.end] for claim in found) == answer


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1.5 kg", [Quantity(1500.0, "mass")]),
        ("1,299.00 USD", [Quantity(1299.0, "dollar")]),
        ("\u20ac 24,90", [Quantity(24.9, "euro")]),
        ("1.234,50 euro", [Quantity(1234.5, "euro")]),
        ("twelve cups of 20cm", [Quantity(12.0), Quantity(0.2, "length")]),
        ("AB12 is a code", []),
    ],
)
def test_numbers_are_read_with_their_units(text: str, found: list[Quantity]) -> None:
    assert quantities(text) == found


def test_a_unit_on_one_side_only_does_not_matter_and_another_one_does() -> None:
    assert supported(Quantity(900, "mass"), [Quantity(900)]) and supported(Quantity(900), [Quantity(900, "mass")])
    assert not supported(Quantity(900, "mass"), [Quantity(900, "volume")])


def test_two_denials_are_none() -> None:
    assert denies("It is not red") and not denies("It is not without charm") and not denies("It is red")
    assert content("The kettles weigh 900 g") == content("a kettle weighs")


def test_generated_contradictions_are_stopped_and_supported_sentences_kept_without_an_embedder() -> None:
    said = sentences(350, seed=2)
    told = shares(said, stopped(said))
    assert set(told) == set(CLAIMS)
    assert told["wrong number"] == told["wrong name"] == 1.0 and told["invention"] >= 0.95 and told["denial"] >= 0.8
    assert all(told[kind] <= 0.05 for kind in SUPPORTED)


class CountingEmbedder:
    """Vectors of letter pairs: near for texts that share spelling."""

    def __init__(self) -> None:
        self.calls = 0

    def get_text_embedding_batch(self, texts: list[str]) -> list[list[float]]:
        self.calls += 1
        return [self._vector(text.lower()) for text in texts]

    def _vector(self, text: str) -> list[float]:
        vector = [0.0] * 997
        for one, two in pairwise(text):
            vector[(ord(one) * 31 + ord(two)) % 997] += 1.0
        return vector


def test_the_recipes_text_embedder_is_asked_once_an_answer() -> None:
    embedder = CountingEmbedder()
    stage = guardrail(embedder, action="refuse")
    said = "The kettle is of red steel [1]. The lamp is of brass [2]. Elephants eat grass and leaves [1]."
    (verdict,) = asyncio.run(stage.acheck([said], "answer", Scope(passages=SHOWN)))
    assert verdict.reasons == ("SIMILARITY",) and embedder.calls == 1
    asyncio.run(stage.acheck(["The kettle weighs 12 kg [1]."], "answer", Scope(passages=SHOWN)))
    assert embedder.calls == 1, "where the numbers decide, nothing is embedded"
