"""Captions by the recipe's generator: one chat message with the prompt and the picture."""

from __future__ import annotations

import asyncio
from concurrent.futures import TimeoutError as TooLate
from threading import Lock, Thread

from imagora.stages import Generator

from .options import PLACES, ChatOptions


class Chat:
    """Asks a generator about pictures, from several threads at once.

    All questions go through one event loop, in a thread of its own, since connections belong to the loop that opened
    them.
    """

    def __init__(self, options: ChatOptions, generator: Generator) -> None:
        self._generator, self._seconds = generator, options.seconds
        self._prompt = options.prompt.format(**{place: getattr(options, place) for place in PLACES})
        self._lock = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def __call__(self, png: bytes) -> str:
        """Give what the generator writes; raises ValueError when the time is over, and whatever the generator does."""
        answer = asyncio.run_coroutine_threadsafe(self._ask(png), self._running())
        try:
            return answer.result(self._seconds)
        except TooLate:
            if not answer.done():
                answer.cancel()
                raise ValueError(f"it took longer than {self._seconds:g} s") from None
            raise

    async def _ask(self, png: bytes) -> str:
        from llama_index.core.base.llms.types import ChatMessage, ImageBlock, MessageRole, TextBlock

        blocks = [TextBlock(text=self._prompt), ImageBlock(image=png, image_mimetype="image/png")]
        response = await self._generator.achat([ChatMessage(role=MessageRole.USER, blocks=blocks)])
        return response.message.content or ""

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                Thread(target=self._loop.run_forever, name="imagora-caption", daemon=True).start()
            return self._loop
