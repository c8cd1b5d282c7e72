"""The pictures of callers: bytes out of `data:` addresses, decoded by processes of the gateway's own.

The web is asked by a hardened fetcher alone, or not at all.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote_to_bytes

from imagora import Picture
from imagora.assembly import picture_decoder
from imagora.pictures import PictureDecoder, PictureLimits
from imagora_recipe.plan import Plan

from .errors import Refusal

_DATA = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+)?(?:;[\w-]+=[^;,]*)*(?P<coded>;base64)?,", re.ASCII)


class Decoders:
    """Decodes within each recipe's limits; a pipeline's own decoder would end with it when the recipe is exchanged."""

    def __init__(self, workers: int = 2, waiting: int = 64, patience: float = 10) -> None:
        self._workers, self._most, self._patience = workers, waiting, patience
        self._decoders: dict[PictureLimits, PictureDecoder] = {}
        # Threads of their own: pictures that take their whole time must not keep queries from the loop's own threads.
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="imagora-pictures")
        self._turns, self._waiting = asyncio.Semaphore(workers), 0

    async def decoded(self, pictures: Sequence[bytes | Path], plan: Plan) -> tuple[Picture, ...]:
        """Decode pictures, in their order; PictureError where one cannot be used."""
        return await self.within(picture_decoder(plan).limits, pictures)

    async def within(self, limits: PictureLimits, pictures: Sequence[bytes | Path]) -> tuple[Picture, ...]:
        """Decode pictures within these limits."""
        if not pictures:
            return ()
        decoder = self._decoders.setdefault(limits, PictureDecoder(self._workers, limits))
        return tuple([await self._decoded(decoder, one) for one in pictures])

    async def _decoded(self, decoder: PictureDecoder, picture: bytes | Path) -> Picture:
        if self._turns.locked() and self._waiting >= self._most:
            raise _overloaded("too many pictures are waiting to be decoded")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._patience):
                await self._turns.acquire()
        except TimeoutError:
            raise _overloaded(f"the picture's turn did not come within {self._patience:g} s") from None
        finally:
            self._waiting -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, decoder.decode, picture)
        finally:
            self._turns.release()

    def close(self) -> None:
        """End the processes."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for decoder in self._decoders.values():
            decoder.close()
        self._decoders.clear()


def _overloaded(why: str) -> Refusal:
    return Refusal(503, f"{why}; try again later", code="overloaded", headers={"Retry-After": "2"})


class Fetcher(Protocol):
    """Gets a picture from the web for a caller, and never from this machine or its network."""

    async def fetch(self, address: str) -> bytes:
        """Give its bytes; a Refusal where the address may not be asked, or has no picture of a size that is allowed."""


async def bytes_of(addresses: Sequence[str], fetcher: Fetcher | None) -> list[bytes]:
    """Give the bytes behind addresses, in their order."""
    return [await _bytes(address, fetcher) for address in addresses]


async def _bytes(address: str, fetcher: Fetcher | None) -> bytes:
    if address.startswith("data:"):
        return _of_data(address)
    if address.startswith(("http://", "https://")) and fetcher is not None:
        return await fetcher.fetch(address)
    said = "pictures come as data: addresses with their bytes; the web is asked for none here"
    raise Refusal(400, said, code="picture_address", param="image_url")


def _of_data(address: str) -> bytes:
    match = _DATA.match(address)
    if match is None or not (match["type"] or "image/").startswith("image/"):
        said = "a data: address of a picture begins with data:image/TYPE;base64,"
        raise Refusal(400, said, code="picture_address", param="image_url")
    body = address[match.end() :]
    if not match["coded"]:
        return unquote_to_bytes(body)
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError):
        said = "the picture's bytes are not base64"
        raise Refusal(400, said, code="picture_address", param="image_url") from None
