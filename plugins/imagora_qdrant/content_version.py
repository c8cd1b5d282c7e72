"""What the content of an embedded generation is called: another name after every write, also in the next process.

Before the first write the file says that the content is being changed; when the engine is closed it says what it is
called now. After a crash it still says that it is being changed, and then nobody's old name counts.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .durable import sync_folder, write_durably

CONTENT, CONTENT_NEW = "content.json", "content.new"
_FORMAT = 1


class ContentVersion:
    """The name of one generation's content, for the process that has it open; folder: the generation's own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._run, self._writes, self._is_written = self._read() or uuid.uuid4().hex, 0, False

    @property
    def name(self) -> str:
        """What the content is called now."""
        return f"{self._run}.{self._writes}" if self._writes else self._run

    @contextmanager
    def moving(self) -> Iterator[None]:
        """Hold a write: what is in it is seen by searches before the name changes, whether it fails or not."""
        with self._lock:
            if not self._is_written:
                self._write(None)
                self._is_written = True
        try:
            yield
        finally:
            with self._lock:
                if not self._writes:
                    self._run = uuid.uuid4().hex
                self._writes += 1

    def end(self) -> None:
        """Write down what the content is called; everything is on the disk."""
        with self._lock:
            if self._is_written:
                self._write(self.name)
                self._is_written = False

    def _read(self) -> str | None:
        try:
            kept = json.loads((self._folder / CONTENT).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        said = kept.get("content") if isinstance(kept, dict) and kept.get("imagora") == _FORMAT else None
        return said if isinstance(said, str) and said else None

    def _write(self, said: str | None) -> None:
        write_durably(self._folder / CONTENT_NEW, json.dumps({"imagora": _FORMAT, "content": said}))
        (self._folder / CONTENT_NEW).replace(self._folder / CONTENT)
        sync_folder(self._folder)
