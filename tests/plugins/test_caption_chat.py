"""`caption`: a generator that looks at the picture's pixels, and what becomes of what it writes."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import imagora_caption
import pytest
from imagora import BuildContext, Component, Item, Options, hookimpl
from imagora.assembly import assemble
from imagora.catalog import Catalog
from imagora.errors import PictureError, RecipeError, StageError
from imagora.stages import Prepared
from imagora.testing import ComponentContract, PreparerContract
from imagora.testing.golden import ITEMS, picture_of
from imagora_caption import offer_preparers
from imagora_caption.options import ChatOptions
from imagora_caption.preparer import CaptionPreparer
from imagora_recipe.check import check
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse, ImageBlock, LLMMetadata
from llama_index.core.llms import CustomLLM
from PIL import Image, ImageColor
from pydantic import Field, PrivateAttr, ValidationError

COLOURS = ("red", "green", "blue", "yellow", "black", "purple", "orange", "grey")


class Painter(CustomLLM):
    """Sees: names the colour that is nearest to the pixels in the middle of the picture."""

    writes: str = "<|im_start|>A drawing in {colour}, on white paper.<|im_end|>"
    _asked: list[str] = PrivateAttr(default_factory=list)
    _loops: set[int] = PrivateAttr(default_factory=set)

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(is_chat_model=True)

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        raise AssertionError("a picture is asked about in a chat")

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        raise AssertionError("a picture is asked about in a chat")

    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        self._loops.add(id(asyncio.get_running_loop()))
        (message,) = messages
        self._asked.append(message.content or "")
        (block,) = [block for block in message.blocks if isinstance(block, ImageBlock)]
        picture = Image.open(block.resolve_image()).convert("RGB")
        seen: Any = picture.getpixel((picture.width // 2, picture.height // 2))
        colour = min(
            COLOURS, key=lambda name: sum(abs(a - b) for a, b in zip(ImageColor.getrgb(name), seen, strict=True))
        )
        return ChatResponse(message=ChatMessage(role="assistant", content=self.writes.format(colour=colour)))


class Broken(Painter):
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        raise ConnectionError("no answer from http://127.0.0.1:1\nand more")


class Slow(Painter):
    _stopped: threading.Event = PrivateAttr(default_factory=threading.Event)

    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        try:
            await asyncio.sleep(600)
        finally:
            self._stopped.set()
        raise AssertionError


def captions(generator: Painter | None = None, **options: Any) -> CaptionPreparer:
    component = next(component for component in offer_preparers() if component.name == "caption")
    context = BuildContext("test", generator=generator or Painter())
    built: CaptionPreparer = component.build(ChatOptions.model_validate({"check_sight": False, **options}), context)
    return built


def shown(words: str, text: str = "", **metadata: Any) -> Prepared:
    return Prepared(Item(words, text, metadata=metadata), picture_of(words))


def said(stage: CaptionPreparer, one: Prepared) -> dict[str, Any]:
    (given,) = stage.prepare([one])
    assert given.picture is one.picture and given.item.text == one.item.text
    return dict(given.item.metadata)


class TestCaptionComponents(ComponentContract):
    plugin = "imagora_caption"

    @pytest.fixture(autouse=True)
    def model(self, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "config.json").write_text("{}")
        monkeypatch.setattr(type(self), "examples", {"blip2": {"model": tmp_path}})

    @pytest.fixture
    def context(self) -> BuildContext:
        return BuildContext("contract", generator=Painter())


class TestCaptionPreparer(PreparerContract):
    @pytest.fixture
    def stage(self) -> CaptionPreparer:
        return captions()


def test_each_picture_gets_the_caption_of_what_is_in_it() -> None:
    stage = captions()
    for item in ITEMS:
        wanted = f"A drawing in {item.metadata['colour']}, on white paper."
        assert said(stage, shown(item.uri, title="x")) == {"title": "x", "caption": wanted}


class Painters:
    @hookimpl
    def offer_generators(self) -> list[Component[Any]]:
        class PainterOptions(Options):
            writes: str = Field("A drawing in {colour}.", description="what it writes")

        return [Component("painter", "sees", PainterOptions, lambda options, context: Painter(writes=options.writes))]


def test_a_generator_of_its_own_describes_instead_of_the_recipes(tmp_path: Path) -> None:
    catalog = Catalog.of(imagora_caption, Painters())
    own = {"use": "painter", "writes": "Something that is {colour}."}
    caption = {"use": "caption", "check_sight": False}
    recipe = {"recipe": 1, "generator": {"use": "painter"}, "preparers": [caption, {**caption, "generator": own}]}
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
    plan = check(tmp_path / "recipe.yaml", catalog)
    first, second = (stage for _, stage in assemble(plan).preparers)
    assert isinstance(first, CaptionPreparer) and isinstance(second, CaptionPreparer)
    assert said(first, shown("red circle")) == {"caption": "A drawing in red."}
    assert said(second, shown("red circle")) == {"caption": "Something that is red."}
    assert plan.preparers[1].options.model_dump(mode="json")["generator"] == own, "another model is another caption"
    alone = {
        "recipe": 1,
        "generator": None,
        "retriever": None,
        "preparers": [{**caption, "generator": {"use": "pain"}}],
    }
    (tmp_path / "recipe.yaml").write_text(json.dumps(alone))
    with pytest.raises(RecipeError, match=r"preparers\[0\].generator: there is no generator called 'pain'"):
        check(tmp_path / "recipe.yaml", catalog)


def test_the_caption_is_among_the_words_that_are_searched() -> None:
    (one,) = captions().prepare([shown("red circle")])
    assert "red" in one.item.words and one.item.text == ""


def test_the_prompt_says_language_and_bounds() -> None:
    painter = Painter()
    said(captions(painter, language="German", min_words=2, max_words=9), shown("red circle"))
    assert "in German" in painter._asked[0] and "2 to 9 words" in painter._asked[0]
    said(captions(painter, prompt="Was ist {{das}}?"), shown("red circle"))
    assert painter._asked[1] == "Was ist {das}?"


def test_a_prompt_with_an_unknown_place_is_refused() -> None:
    for prompt in ("{picture}", "{0}", "{}", "{language!r}", "{min_words:>5}", "{language.__class__}"):
        with pytest.raises(ValidationError, match="write other braces twice"):
            ChatOptions(prompt=prompt)
    with pytest.raises(ValidationError, match=r"min_words \(9\) is more than max_words \(3\)"):
        ChatOptions(min_words=9, max_words=3)


def test_what_needs_no_caption_is_not_sent_to_the_generator() -> None:
    painter = Painter()
    assert said(captions(painter), shown("red circle", caption="by hand")) == {"caption": "by hand"}
    assert said(captions(painter), Prepared(Item("a", "words"), None)) == {}
    assert said(captions(painter, only_wordless=True), shown("red circle", "words")) == {}
    assert painter._asked == []
    assert "caption" in said(captions(painter, only_wordless=True), shown("red circle"))


@pytest.mark.parametrize(
    ("generator", "reason"),
    [
        (Broken(), "ConnectionError: no answer from http://127.0.0.1:1"),
        (
            Painter(writes="<think>{colour} it is</think> {colour}"),
            "the caption is too short: 1 of at least 3 words in 'red'",
        ),
        (Painter(writes="<|im_end|>"), "the caption is too short: 0 of at least 3 words"),
    ],
)
def test_a_failure_keeps_the_item_out_or_leaves_its_reason(generator: Painter, reason: str) -> None:
    with pytest.raises(PictureError) as failed:
        said(captions(generator), shown("red circle"))
    assert str(failed.value) == f"'caption' could not describe it: {reason}"
    left = said(captions(generator, on_failure="without"), shown("red circle", title="x"))
    assert left == {"title": "x", "caption_error": reason}


def test_a_generator_that_takes_too_long_is_given_up_and_stopped() -> None:
    slow = Slow()
    with pytest.raises(PictureError, match=r"it took longer than 0\.05 s"):
        said(captions(slow, seconds=0.05), shown("red circle"))
    assert slow._stopped.wait(30)


def test_a_model_that_cannot_be_used_at_all_is_never_passed_over() -> None:
    def describe(_png: bytes) -> str:
        raise StageError("no such model")

    with pytest.raises(StageError, match="no such model"):
        said(CaptionPreparer("caption", ChatOptions(on_failure="without"), describe), shown("red circle"))


def test_threads_ask_over_one_loop_and_get_their_own_captions() -> None:
    painter = Painter()
    stage = captions(painter)
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda item: said(stage, shown(item.uri))["caption"], ITEMS * 5))
    assert [caption.split()[3] for caption in given] == [f"{item.metadata['colour']}," for item in ITEMS * 5]
    assert len(painter._loops) == 1


def test_a_generator_that_sees_nothing_is_refused_before_it_makes_captions_up() -> None:
    blind = Painter(writes="A red bicycle on a quiet street.")
    stage = captions(blind, check_sight=True, on_failure="without")
    for _ in range(2):
        with pytest.raises(StageError, match="cannot tell a red picture from a blue one"):
            said(stage, shown("red circle"))
    assert len(blind._asked) == 2, "a red picture and a blue one, once"


def test_a_generator_that_sees_is_asked_for_colours_once() -> None:
    painter = Painter()
    stage = captions(painter, check_sight=True)
    with ThreadPoolExecutor(4) as pool:
        assert all("caption" in one for one in pool.map(lambda item: said(stage, shown(item.uri)), ITEMS))
    assert len(painter._asked) == 2 + len(ITEMS)


def test_a_generator_that_could_not_be_reached_is_asked_for_colours_again() -> None:
    stage = captions(Broken(), check_sight=True)
    for _ in range(2):
        with pytest.raises(PictureError, match="ConnectionError"):
            said(stage, shown("red circle"))


def test_a_recipe_without_a_generator_is_refused() -> None:
    component = next(component for component in offer_preparers() if component.name == "caption")
    with pytest.raises(ValueError, match="the recipe has none; add one"):
        component.build(ChatOptions(), BuildContext("test"))


def test_the_picture_that_is_sent_is_the_decoded_one() -> None:
    huge = Item("huge", picture=b"not what is sent")
    (one,) = captions().prepare([Prepared(huge, picture_of("blue triangle"))])
    assert "blue" in str(one.item.metadata["caption"])
    assert Image.open(BytesIO(picture_of("blue triangle").png)).mode == "RGB"
