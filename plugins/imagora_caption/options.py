"""What a recipe may say about `caption` and `blip2`, checked without importing what describes."""

from __future__ import annotations

from string import Formatter
from typing import Annotated, Literal

from imagora import Nested, NestedComponent, Options, RecipePath
from pydantic import AfterValidator, Field, model_validator

PLACES = ("language", "min_words", "max_words")


def _only_known_places(prompt: str) -> str:
    for _, name, form, change in Formatter().parse(prompt):
        if name is not None and (name not in PLACES or form or change):
            places = ", ".join(f"{{{place}}}" for place in PLACES)
            raise ValueError(f"the prompt has '{{{name}}}', and can have {places}; write other braces twice")
    return prompt


class CaptionOptions(Options):
    """Which pictures are described, how long a caption may be, and what becomes of one that fails."""

    min_words: int = Field(
        default=3,
        ge=1,
        description="Words that a caption has at least; a shorter one counts as failed. A Chinese character and a "
        "Japanese letter count as a word.",
    )
    max_words: int = Field(
        default=60, ge=1, le=1000, description="Words that are kept of a caption, if possible up to a sentence's end."
    )
    only_wordless: bool = Field(
        default=False,
        description="Describe only pictures without a title, text, tags or OCR text, of the source or of a preparer "
        "before this one.",
    )
    on_failure: Literal["quarantine", "without"] = Field(
        default="quarantine",
        description="What becomes of an item whose picture could not be described: quarantine keeps it out with the "
        "reason until the next run tries again; without indexes it with the reason in 'caption_error', for good.",
    )

    @model_validator(mode="after")
    def _bounds_are_in_order(self) -> CaptionOptions:
        if self.min_words > self.max_words:
            raise ValueError(f"min_words ({self.min_words}) is more than max_words ({self.max_words})")
        return self


class ChatOptions(CaptionOptions):
    """Which generator is asked, and how."""

    generator: Annotated[NestedComponent, Nested("generator")] | None = Field(
        default=None, description="The generator that describes, e.g. {use: vllm, …}; left out: the recipe's own."
    )
    prompt: Annotated[str, AfterValidator(_only_known_places)] = Field(
        default="Describe this picture in {language}, in one sentence of {min_words} to {max_words} words: what there "
        "is in it, with colours and materials. Write the sentence and nothing else.",
        min_length=1,
        description="What the generator is told with each picture; {language}, {min_words} and {max_words} are put in.",
    )
    language: str = Field(
        default="English", min_length=1, description="The caption's language, as the prompt names it."
    )
    check_sight: bool = Field(
        default=True,
        description="Before the first caption, show the generator a red and a blue picture and ask for their colours, "
        "since a model that sees nothing makes captions up; one that cannot tell them apart is refused.",
    )
    seconds: float = Field(default=120, gt=0, description="Longest time for one caption; then it counts as failed.")


class Blip2Options(CaptionOptions):
    """A BLIP-2 model, where it runs, and how it is asked."""

    model: RecipePath = Field(
        description="Folder with a BLIP-2 model in the form of transformers: config.json, weights in safetensors and "
        "the processor's files; a relative path is beside the recipe."
    )
    prompt: str = Field(
        default="a photo of", description="The beginning that the model goes on from; it is not part of the caption."
    )
    device: str = Field(
        default="auto",
        pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$",
        description="Where the model runs: cpu, cuda, cuda:1, mps, or auto for the best that is there.",
    )
    precision: Literal["fp32", "fp16", "bf16"] = Field(
        default="fp32", description="Number format of the model; fp16 and bf16 halve its memory, for cuda and mps."
    )
    max_tokens: int = Field(default=60, ge=1, le=1000, description="Tokens that the model writes at most.")
    beams: int = Field(default=1, ge=1, le=16, description="Beams of the search for the likeliest caption; 1: greedy.")
