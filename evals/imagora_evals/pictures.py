"""Pictures for a report: small copies of what was asked with, found, and should have been found."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from imagora import Item, Pipeline
from imagora.door import Door
from imagora.errors import ImagoraError

SIDE = 200
LONGEST = 160


@dataclass(frozen=True)
class Shown:
    """An item as a report shows it: title, words, and a picture as a data URI, "" where it has none."""

    title: str
    words: str = ""
    picture: str = ""


class Gallery:
    """Looks items up in the pipeline's source, and pictures in files; decoding is done in the limited process."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline, self._door = pipeline, Door()

    def items(self, uris: Collection[str]) -> dict[str, Shown]:
        """Give the items of these names that the source has."""
        source, wanted = self._pipeline.stages.source, set(uris)
        found: dict[str, Shown] = {}
        try:
            for item in source.items() if source is not None and wanted else ():
                if isinstance(item, Item) and item.uri in wanted:
                    found[item.uri] = self._shown(item)
                    wanted.discard(item.uri)
                if not wanted:
                    break
        except ImagoraError:  # the index answers without its source, and so does a report
            return found
        return found

    def picture(self, file: Path | bytes) -> str:
        """Give a small copy of a picture as a data URI, "" where it cannot be decoded."""
        from PIL import Image

        try:
            query = self._door.run(self._pipeline.query(pictures=[file]))
        except ImagoraError:
            return ""
        with Image.open(BytesIO(query.pictures[0].png)) as image:  # re-encoded by us
            image.thumbnail((SIDE, SIDE))
            stream = BytesIO()
            image.convert("RGB").save(stream, format="JPEG", quality=80, optimize=True)
        return "data:image/jpeg;base64," + b64encode(stream.getvalue()).decode("ascii")

    def close(self) -> None:
        """End the thread that decoding is waited for in."""
        self._door.close()

    def _shown(self, item: Item) -> Shown:
        words = " ".join(item.text.split())
        short = words if len(words) <= LONGEST else f"{words[:LONGEST]}…"
        try:
            source = item.picture() if callable(item.picture) else item.picture
        except ImagoraError:
            source = None
        picture = self.picture(source) if source is not None else ""
        return Shown(str(item.metadata.get("title") or item.uri), short, picture)
