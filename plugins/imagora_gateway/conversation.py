"""A conversation as one query: recipes answer from their index, and take one question at a time.

The last message of the user asks. What the system message says is for other models: a recipe has instructions of its
own, and a caller's do not stand beside them. Earlier answers are not searched with either. Two things come from before:
pictures, where the question has none, and the user's question before, where this one is too short to stand alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from .errors import Refusal
from .settings import Bounds

SHORT = 4
"""Words up to which a question is taken for one that goes on from the one before: "and in red?"."""


class PictureAddress(BaseModel):
    """Where a picture is: a `data:` address with its bytes, or one on the web."""

    url: str


class Part(BaseModel):
    """A part of a message; fields that are not known are left aside."""

    model_config = ConfigDict(extra="ignore")
    type: str
    text: str | None = None
    image_url: PictureAddress | str | None = None


class Message(BaseModel):
    """A message of a conversation."""

    model_config = ConfigDict(extra="ignore")
    role: Literal["user", "assistant", "system", "developer", "tool", "function"]
    content: str | list[Part] | None = None

    def words(self) -> str:
        """Give its text, a part a line."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.text)
        return self.content or ""

    def pictures(self) -> list[str]:
        """Give the addresses of its pictures; a Refusal for a part that is neither text nor a picture."""
        found = []
        for part in self.content if isinstance(self.content, list) else ():
            if part.type == "image_url" and part.image_url is not None:
                found.append(part.image_url if isinstance(part.image_url, str) else part.image_url.url)
            elif part.type != "text" or part.text is None:
                said = f"a part of the type '{part.type[:40]}' cannot be used; there is: text, image_url"
                raise Refusal(400, said, code="unsupported_content", param="messages")
        return found


@dataclass(frozen=True)
class Question:
    """What a conversation asks: words, and addresses of pictures."""

    words: str
    pictures: list[str] = field(default_factory=list)


def question(messages: Sequence[Message], bounds: Bounds) -> Question:
    """Give what a conversation asks; a Refusal where that is nothing, or more than may be asked."""
    users = [message for message in messages if message.role == "user"]
    if not users:
        raise Refusal(400, "there is no message of the role 'user'", code="no_question", param="messages")
    words, pictures = users[-1].words().strip(), users[-1].pictures()
    if len(words) > bounds.prompt_characters:
        said = f"the question has {len(words)} characters, and {bounds.prompt_characters} are the limit"
        raise Refusal(400, said, code="context_length_exceeded", param="messages")
    for before in reversed(users[:-1]):
        if not pictures:
            pictures = before.pictures()
    if len(users) > 1 and words and len(words.split()) <= SHORT:
        before_it = users[-2].words().strip()[: bounds.prompt_characters]
        words = f"{before_it}\n{words}" if before_it else words
    if len(pictures) > bounds.pictures:
        said = f"there are {len(pictures)} pictures, and {bounds.pictures} are the limit"
        raise Refusal(400, said, code="too_many_pictures", param="messages")
    if not words and not pictures:
        raise Refusal(400, "the last message asks nothing: it has neither text nor a picture", code="no_question")
    return Question(words, pictures)


class StreamOptions(BaseModel):
    """What a stream has besides."""

    include_usage: bool = False


class ChatRequest(BaseModel):
    """A request for a chat completion; fields of OpenAI's that are not here are left aside."""

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra={
            "examples": [{"model": "starter", "messages": [{"role": "user", "content": "What is there to drink?"}]}]
        },
    )
    model: str = Field(description="A recipe: its name, or its name and hash.")
    messages: list[Message] = Field(min_length=1)
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    n: int | None = Field(default=1, description="1: a recipe has one answer.")
    max_tokens: int | None = Field(default=None, ge=1, description="Where the answer is cut off.")
    max_completion_tokens: int | None = Field(default=None, ge=1, description="The newer word for `max_tokens`.")

    @property
    def most(self) -> int | None:
        """How many tokens the answer may have, None for as many as it has."""
        return self.max_completion_tokens or self.max_tokens
