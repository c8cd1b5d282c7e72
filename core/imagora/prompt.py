"""The prompt: numbered passages, the question and pictures, as LlamaIndex chat messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from jinja2.sandbox import ImmutableSandboxedEnvironment
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, MessageRole, TextBlock
from pydantic import PrivateAttr

from .answer import Passage
from .inert import inert
from .query import Query

TEMPLATE = """\
You are a knowledgeable visual assistant.
Context:
{% for passage in passages -%}
[{{ passage.number }}] {{ passage.title }}
{%- if passage.score is number %} (score: {{ passage.score|round(3) }}){% endif %}
{%- if passage.image %} (see [Image {{ passage.image }}]){% endif %}
{%- for line in passage.lines %}
    {{ line }}
{%- else %} (a picture without words)
{%- endfor %}
{% else %}(nothing)
{% endfor %}
User Question: {{ question }}
Answer (include citations like [1], [2] where appropriate):"""
PICTURES_ALONE = "User Question: {{ question }}"
"""The template where there is nothing to search in, so that the question's pictures are all there is."""
NO_WORDS = "What does the picture that the question came with show?"


class PromptMessage(ChatMessage):
    """A chat message that knows the query and the passages it was made of; `[n]` in an answer means passages[n - 1].

    Any LLM reads its text; a generator that works on the passages themselves reads `passages` and `query`.
    """

    _query: Query | None = PrivateAttr(default=None)
    _passages: tuple[Passage, ...] = PrivateAttr(default=())

    @property
    def query(self) -> Query | None:
        """The query, after its guardrails."""
        return self._query

    @property
    def passages(self) -> tuple[Passage, ...]:
        """The passages in the order of their numbers, after their guardrails."""
        return self._passages


@dataclass(frozen=True)
class PromptPicture:
    """A picture in the prompt: its number, the passage that it belongs to (None: the question), and its PNG.

    words: what is said instead of it to a model that cannot see; png is empty then.
    """

    number: int
    passage: int | None
    png: bytes = field(default=b"", repr=False)
    words: str = ""


def build_prompt(
    query: Query,
    passages: Sequence[Passage],
    instructions: str,
    *,
    template: str = TEMPLATE,
    pictures: Sequence[PromptPicture] = (),
) -> list[ChatMessage]:
    """Make the system message and the user's message; passages are numbered from 1 in the order given.

    Every picture follows the text, behind a line that says whose it is. What stands in passages cannot pass for the
    model's own markup or for another passage. Raises jinja2.TemplateError where the template stumbles.
    """
    images = {picture.passage: picture.number for picture in pictures if picture.passage}
    shown = [_shown(number, passage, images.get(number)) for number, passage in enumerate(passages, start=1)]
    question = inert(query.query_str) or NO_WORDS
    text = compiled(template).render(passages=shown, question=question, instructions=instructions)
    blocks: list[Any] = [TextBlock(text=text.strip())]
    for picture in pictures:
        whose = f"of passage [{picture.passage}]" if picture.passage else "which came with the question"
        if picture.png:
            blocks.append(TextBlock(text=f"[Image {picture.number}], {whose}:"))
            blocks.append(ImageBlock(image=picture.png, image_mimetype="image/png"))
        else:
            words = " ".join(inert(picture.words).split())
            blocks.append(TextBlock(text=f"[Image {picture.number}], {whose}: {words}"))
    message = PromptMessage(role=MessageRole.USER, blocks=blocks)
    message._query, message._passages = query, tuple(passages)
    return [ChatMessage(role=MessageRole.SYSTEM, content=instructions), message]


@lru_cache(maxsize=32)
def compiled(template: str) -> Any:
    """Compile a template, in a sandbox without any function; raise jinja2.TemplateSyntaxError, which has the line."""
    environment = _Sandbox(keep_trailing_newline=False)
    environment.globals.clear()
    return environment.from_string(template)


class _Sandbox(ImmutableSandboxedEnvironment):
    """Lets a template call nothing at all, for it fills in strangers' words; filters are Jinja's own."""

    def is_safe_callable(self, obj: Any) -> bool:
        return False


def _shown(number: int, passage: Passage, image: int | None) -> dict[str, Any]:
    metadata = {key: inert(value) if isinstance(value, str) else value for key, value in passage.node.metadata.items()}
    return {
        "number": number,
        "title": inert(passage.title),
        "text": (text := inert(passage.get_content())),
        "lines": text.splitlines(),
        "score": passage.score,
        "image": image,
        "metadata": metadata,
    }
