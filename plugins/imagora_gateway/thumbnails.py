"""Thumbnails under addresses that say nothing, end soon, and are good for the caller alone whom they were made for."""

from __future__ import annotations

import asyncio
import json
import os
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from imagora import Passage
from imagora.errors import PictureError
from imagora.pictures import PictureLimits
from imagora_ingestion.thumbnails import thumbnail

from .caller import Caller
from .errors import Refusal
from .pictures import Decoders

SIDE = 320
"""Of a thumbnail, its longer side in pixels."""
KEPT = 500
"""Thumbnails that are kept in memory."""
_MISSING = "there is no such thumbnail, or its address has expired"
_LONGEST = 4_000


@dataclass(frozen=True)
class Signer:
    """Makes addresses and reads them: what is in them is encrypted and signed, with the time when they were made."""

    key: bytes
    seconds: int

    def token(self, picture: Path, caller: Caller) -> str:
        """Give the last part of an address for a picture's file."""
        said = json.dumps([str(picture), *_scope(caller)]).encode()
        return Fernet(self.key).encrypt(said).decode()

    def picture(self, token: str, caller: Caller) -> Path:
        """Give the file; a Refusal (404) for an address that has ended, is changed, or is another caller's."""
        try:
            if len(token) > _LONGEST:
                raise InvalidToken
            picture, *scope = json.loads(Fernet(self.key).decrypt(token, ttl=self.seconds))
        except (InvalidToken, ValueError):  # ValueError: letters that no token has
            raise Refusal(404, _MISSING, code="no_thumbnail") from None
        if scope != _scope(caller):
            raise Refusal(404, _MISSING, code="no_thumbnail")
        return Path(picture)


def _scope(caller: Caller) -> list[object]:
    return [caller.tenant, sorted(caller.groups), caller.id]


def key_in(folder: Path) -> bytes:
    """Give the key that is kept in a folder, made where there is none; all processes of a gateway have the same."""
    file = folder / "thumbnails.key"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_bytes()
    with os.fdopen(handle, "wb") as opened:
        opened.write(key := Fernet.generate_key())
    return key


class Thumbnails:
    """Makes thumbnails out of pictures' files, decoded in limited processes, and keeps the last ones."""

    def __init__(self, signer: Signer, decoders: Decoders) -> None:
        self.signer, self._decoders = signer, decoders
        self._kept: OrderedDict[tuple[Path, int], bytes] = OrderedDict()

    def tokens(self, passages: Sequence[Passage], caller: Caller) -> dict[str, str]:
        """Give the tokens of the passages that have a picture, by passage's id."""
        pictures = {passage.node_id: getattr(passage.node, "image_resource", None) for passage in passages}
        return {
            id_: self.signer.token(Path(picture.path), caller)
            for id_, picture in pictures.items()
            if picture is not None and picture.path is not None
        }

    async def get(self, token: str, caller: Caller) -> bytes:
        """Give the thumbnail as a JPEG."""
        path = self.signer.picture(token, caller)
        try:
            which = path, path.stat().st_mtime_ns
            if which not in self._kept:
                (picture,) = await self._decoders.within(PictureLimits(), [path])
                self._kept[which] = await asyncio.to_thread(thumbnail, picture, SIDE)
        except (OSError, PictureError):
            raise Refusal(404, _MISSING, code="no_thumbnail") from None
        self._kept.move_to_end(which)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return self._kept[which]
