"""The extractive generator quotes, cites and abstains, whatever stands in the passages."""

import asyncio
import re
from pathlib import Path
from typing import Any, ClassVar

import pytest
from imagora import Passage, Picture, Query
from imagora.prompt import build_prompt
from imagora.testing import GeneratorContract
from imagora_starter import evidence, sentences, towers
from imagora_starter.extractive import NOTHING, Extractive
from imagora_starter.options import ExtractiveOptions
from imagora_starter.sentences import clean, quotable
from imagora_starter.words import content_words
from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.schema import MediaResource, Node

PICTURE = Picture(b"", 1, 1, "0" * 64, "PNG 1x1")
LAMP = "The lamp weighs 900 g. Its shade is made of blown glass! It was designed in Murano in 1962."
CHAIR = "A chair of beech wood with a woven seat. It can be stacked."


def passage(text: str = "", scores: dict[str, float] | None = None, **metadata: Any) -> Passage:
    node = Node(text_resource=MediaResource(text=text), extra_info={"uri": "item.png", **metadata})
    return Passage(node=node, score=1.0, scores=scores or {})


def answer(words: str, *found: Passage, picture: bool = False, **options: Any) -> str:
    query = Query(words, pictures=(PICTURE,) if picture else ())
    return Extractive(ExtractiveOptions(**options)).chat(build_prompt(query, found, "cite")).message.content or ""


class TestExtractive(GeneratorContract):
    streams = cites_only_passages = True

    @pytest.fixture
    def stage(self) -> Extractive:
        return Extractive()


def test_the_sentence_that_answers_is_quoted_and_cited() -> None:
    found = passage(CHAIR, title="Chair"), passage(LAMP, title="Table lamp")
    assert answer("How heavy is the lamp?", *found, sentences=1) == "Table lamp: The lamp weighs 900 g [2]."
    assert answer("What is the shade of the lamp made of?", *found, sentences=1).endswith("made of blown glass [2]!")


def test_a_title_is_said_once_before_its_sentences_in_their_order() -> None:
    said = answer("When and where was the lamp designed, and what is its shade?", passage(LAMP, title="Table lamp"))
    assert said == "Table lamp: Its shade is made of blown glass [1]! It was designed in Murano in 1962 [1]."


def test_a_passage_with_only_a_title_or_only_tags_is_quoted() -> None:
    assert answer("a grand piano", passage(title="Grand piano")) == "Grand piano [1]."
    assert answer("a grand piano", passage(tags=["piano", "concert grand"])) == "piano, concert grand [1]."


def test_a_sentence_deep_in_a_long_text_answers() -> None:
    filler = " ".join(f"Paragraph {n} is about taxes, forms and deadlines of the year {1900 + n}." for n in range(90))
    long = f"{filler} The vineyard harvests its grapes in September. {filler}"
    assert answer("When are the grapes harvested in the vineyard?", passage(long), sentences=1) == (
        "The vineyard harvests its grapes in September [1]."
    )


def test_nothing_answers_what_no_passage_is_about() -> None:
    found = passage(CHAIR, title="Chair"), passage(LAMP, title="Table lamp"), passage(scores={"image": 0.05})
    for question in ("What is the capital of Peru?", "Do you sell umbrellas?", "???", "what is this"):
        assert answer(question, *found) == NOTHING
    assert answer("What is the capital of Peru?") == NOTHING
    assert Extractive().complete("What is the capital of Peru?").text == NOTHING
    assert Extractive().chat([ChatMessage(role=MessageRole.USER, content="bare")]).message.content == NOTHING
    assert Extractive().chat([]).message.content == NOTHING


def test_the_thresholds_decide() -> None:
    lamp, picture = passage(LAMP, title="Table lamp"), passage(scores={"image": 0.3})
    assert answer("How heavy is the lamp?", lamp, words_threshold=1.0) == NOTHING
    assert answer("What is the capital of Peru?", lamp, words_threshold=-1.0) != NOTHING
    assert answer("a cat", picture, picture_threshold=0.31) == NOTHING
    assert answer("a cat", picture, picture_threshold=0.29) != NOTHING


def test_a_picture_without_words_is_named_as_what_it_is() -> None:
    found = passage(scores={"image": 0.4}), passage(LAMP, title="Table lamp"), passage(scores={"image": 0.1})
    assert answer("a cat", *found) == "The picture 'item.png' has no words, but what it shows matches [1]."
    assert answer("a cat", passage(" ", {"image": 0.4}, title="Dog")) == NOTHING, "its title says something else"


def test_a_bare_title_needs_to_be_nearer() -> None:
    assert answer("a kitten", passage(title="Cat")) == "Cat [1]."
    assert answer("a violin", passage(title="Guitar")) == NOTHING


def test_words_come_before_pictures_unless_the_picture_was_found_first() -> None:
    lamp, picture = passage(LAMP, title="Table lamp"), passage(scores={"image": 0.4})
    said = [answer("How heavy is the lamp?", *found) for found in ((lamp, picture), (picture, lamp))]
    assert [re.findall(r"\[(\d)\]", text) for text in said] == [["1", "2"], ["1", "2"]]
    assert said[0].startswith("Table lamp: The lamp weighs") and said[1].startswith("The picture")


def test_words_beside_a_picture_are_measured_by_their_own_cosine() -> None:
    both = passage(scores={"image": 0.9, "image/words": 0.1}), passage(scores={"image": 0.3, "image/words": 0.5})
    assert "[2]" in answer("a cat", *both, picture=True) and "[1]" not in answer("a cat", *both, picture=True)


def test_a_picture_alone_gets_the_most_similar_one() -> None:
    same = passage(LAMP, {"image": 0.97}, title="Table lamp")
    assert answer("", same, picture=True) == "This looks like 'Table lamp': The lamp weighs 900 g [1]."
    assert answer("", passage(scores={"image": 0.97}), picture=True) == "This looks like 'item.png' [1]."
    assert answer("", passage(LAMP, {"image": 0.5}, title="Table lamp"), picture=True) == (
        "The most similar picture is 'Table lamp' [1]."
    )
    assert answer("what is this?", same, picture=True).startswith("This looks like 'Table lamp'")


@pytest.mark.parametrize("marker", ["[99]", "[1]", "[ 7 ]", "[٣]", "[[2]]", "[12345]"])
@pytest.mark.parametrize("place", ["text", "title", "tags"])
def test_markers_in_a_passage_are_made_inert(marker: str, place: str) -> None:
    words = f"The lamp {marker} weighs {marker} 900 g{marker}."
    given = {"text": passage(words), "title": passage(title=words), "tags": passage(tags=[words])}[place]
    said = answer("How heavy is the lamp?", passage(CHAIR, title="Chair"), given, sentences=1)
    assert re.findall(r"\[\s*\d+\s*\]", said) == ["[2]"], said
    assert re.search(r"\(\d+\)", said), "the number itself is still there to read"


def test_markers_in_a_picture_s_title_are_made_inert() -> None:
    said = answer("", passage(LAMP, {"image": 0.5}, title="Lamp [5]"), picture=True)
    assert said == "The most similar picture is 'Lamp (5)' [1]."


def test_hostile_texts_are_one_line_of_bounded_length() -> None:
    hostile = [
        "a" * 1_000_000,
        "lamp " * 200_000,
        "\x1b[2J\x00\r\nlamp\u2028lamp",
        "<script>lamp</script> " * 5000,
        "." * 100_000,
    ]
    for text in hostile:
        for title in ("", text):
            said = answer("Where is the lamp?", passage(text, title=title), words_threshold=-1.0)
            assert len(said) < 1200 and "\n" not in said and said.isprintable()


def test_the_work_on_a_passage_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    embedded: list[str] = []
    whole = towers.TextTower.recall
    monkeypatch.setattr(
        towers.TextTower,
        "recall",
        lambda self, texts: embedded.extend(texts) or whole(self, texts),  # type: ignore[func-returns-value]  # None, so the right side counts
    )
    long = passage(" ".join(f"Sentence {n} of a lamp." for n in range(5000)), title="Lamp", tags=["lamp"] * 9999)
    answer("Where is the lamp?", long, long)
    assert len(embedded) == 1 + 2 * (sentences.MOST_SENTENCES + 2)
    assert max(map(len, embedded)) <= sentences.LONGEST_QUOTE + 1


def test_a_second_question_embeds_only_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    found = passage(CHAIR, title="Chair"), passage(LAMP, title="Table lamp")
    answer("How heavy is the lamp?", *found)
    embedded: list[str] = []
    whole = towers.TextTower.embed
    monkeypatch.setattr(
        towers.TextTower,
        "embed",
        lambda self, texts, batch: embedded.extend(texts) or whole(self, texts, batch),  # type: ignore[func-returns-value]  # as above
    )
    answer("Can the chair be stacked?", *found)
    assert embedded == ["Can the chair be stacked?"]


def test_many_questions_at_once_get_what_each_gets_alone() -> None:
    found = passage(CHAIR, title="Chair"), passage(LAMP, title="Table lamp")
    questions = ["How heavy is the lamp?", "Can the chair be stacked?", "What is the capital of Peru?"] * 6
    stage = Extractive()

    async def together() -> list[str]:
        asked = [stage.achat(build_prompt(Query(words), found, "cite")) for words in questions]
        return [response.message.content or "" for response in await asyncio.gather(*asked)]

    assert asyncio.run(together()) == [answer(words, *found) for words in questions]


def test_the_pieces_of_every_stream_are_the_whole() -> None:
    messages = build_prompt(Query("How heavy is the lamp?"), [passage(LAMP, title="Table lamp")], "cite")
    whole = Extractive().chat(messages).message.content
    pieces = list(Extractive().stream_chat(messages))

    async def streamed() -> list[Any]:
        return [piece async for piece in await Extractive().astream_chat(messages)]

    for parts in (pieces, asyncio.run(streamed())):
        assert "".join(part.delta or "" for part in parts) == whole == parts[-1].message.content
        assert len(parts) > 3


class TestSentences:
    CUTS: ClassVar = {
        "One. Two! Three?": ["One.", "Two!", "Three?"],
        "A line\nand another\n\n": ["A line", "and another"],
        'It costs 3.50 euro. "Really?" Yes.': ["It costs 3.50 euro.", '"Really?"', "Yes."],
        "一つ。二つ。": ["一つ。", "二つ。"],
        "...\n!?\n": [],
        "": [],
    }

    @pytest.mark.parametrize("text", CUTS)
    def test_texts_are_cut_at_their_ends(self, text: str) -> None:
        assert list(quotable(1, passage(text), frozenset()).sentences) == self.CUTS[text]

    def test_of_many_sentences_those_that_share_words_are_kept_in_order(self) -> None:
        text = " ".join(f"Number {n}." for n in range(40)) + " The last says lamp."
        kept = quotable(1, passage(text), content_words("lamps")).sentences
        assert len(kept) == sentences.MOST_SENTENCES and kept[-1] == "The last says lamp." and kept[0] == "Number 0."

    def test_long_texts_end_in_an_ellipsis_at_a_word(self) -> None:
        assert clean("one two three", 9) == "one two…"
        assert clean("x" * 50, 9) == "x" * 9 + "…"

    def test_inflected_words_are_the_same(self) -> None:
        pairs = [("carry", "carries"), ("coin", "coins"), ("stack", "stacked"), ("measure", "measured")]
        assert all(content_words(one) == content_words(other) for one, other in pairs)
        assert content_words("What is there in the picture of a cat?") == content_words("cats")


def test_passages_without_words_are_not_weighed() -> None:
    assert evidence.weigh("a cat", [], towers.text_tower(0)) == []


def test_the_memory_of_the_generator_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    answer("How heavy is the lamp?", passage(LAMP, title="Table lamp"))
    assert list(tmp_path.iterdir()) == []
