"""Captions by a generator: one chat message with the prompt and the picture."""

from __future__ import annotations

import asyncio
from concurrent.futures import TimeoutError as TooLate
from io import BytesIO
from threading import Lock, Thread

from imagora.errors import StageError
from imagora.stages import Generator

from .options import PLACES, ChatOptions

_ASKED = "Which colour is this picture? Write the English word for it and nothing else."


class Chat:
    """Asks a generator about pictures, from several threads at once.

    All questions go through one event loop, in a thread of its own, since connections belong to the loop that opened
    them.
    """

    def __init__(self, options: ChatOptions, generator: Generator) -> None:
        self._generator, self._seconds = generator, options.seconds
        self._prompt = options.prompt.format(**{place: getattr(options, place) for place in PLACES})
        self._lock, self._sight = Lock(), Lock()
        self._sees: bool | None = None if options.check_sight else True
        self._loop: asyncio.AbstractEventLoop | None = None

    def __call__(self, png: bytes) -> str:
        """Give what the generator writes; raises ValueError when the time is over, and whatever the generator does.

        A generator that sees nothing is a StageError.
        """
        with self._sight:
            if self._sees is None:
                self._sees = all(name in self._answer(_ASKED, plain(name)).casefold() for name in ("red", "blue"))
        if not self._sees:
            raise StageError(
                "'caption' needs a generator that sees, and this one cannot tell a red picture from a blue one; "
                "name another generator, or write 'check_sight: false'"
            )
        return self._answer(self._prompt, png)

    def _answer(self, prompt: str, png: bytes) -> str:
        answer = asyncio.run_coroutine_threadsafe(self._ask(prompt, png), self._running())
        try:
            return answer.result(self._seconds)
        except TooLate:
            if not answer.done():
                answer.cancel()
                raise ValueError(f"it took longer than {self._seconds:g} s") from None
            raise

    async def _ask(self, prompt: str, png: bytes) -> str:
        from llama_index.core.base.llms.types import ChatMessage, ImageBlock, MessageRole, TextBlock

        blocks = [TextBlock(text=prompt), ImageBlock(image=png, image_mimetype="image/png")]
        response = await self._generator.achat([ChatMessage(role=MessageRole.USER, blocks=blocks)])
        return response.message.content or ""

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                Thread(target=self._loop.run_forever, name="imagora-caption", daemon=True).start()
            return self._loop


def plain(colour: str) -> bytes:
    """Give a picture that is all of one colour."""
    from PIL import Image

    Image.new("RGB", (224, 224), colour).save(file := BytesIO(), "PNG")
    return file.getvalue()
