"""The source `s3`: what is at an fsspec address, listed folder by folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

from imagora import Item, Unreadable
from imagora.errors import ImagoraError, SourceError

from .kept import KeptWords
from .options import S3Options
from .store import TEXT_BYTES, Download, Object, Store, in_words
from .words import Unusable, decode_text, grouped, item_of


class S3Source:
    """Gives an address's pictures and texts; of pictures that have not changed only the listing is read."""

    def __init__(self, options: S3Options) -> None:
        self.options, self.store = options, Store(options)

    @property
    def uri(self) -> str:
        """The address, and the endpoint where one is given."""
        return self.options.uri

    def count(self) -> int | None:
        """Say None: to know it, everything would have to be listed twice."""
        return None

    def items(self) -> Iterator[Item | Unreadable]:
        """Give every item, folder by folder, in the order of their names in each."""
        with self._kept() as kept:
            given, folders = 0, [""]
            while folders:
                for item in self._folder(folders, kept):
                    given += 1
                    yield item
            if not given:
                known = ", ".join((*self.options.pictures, *self.options.texts))
                raise SourceError(f"there are no pictures or texts at '{self.options.url}'; known endings are: {known}")
            if kept:
                kept.forget_unseen()

    def _folder(self, folders: list[str], kept: KeptWords | None) -> Iterator[Item | Unreadable]:
        folder = folders.pop()
        try:
            objects, inside = self.store.objects(folder)
        except ImagoraError:
            raise
        except Exception as error:  # every file system has errors of its own
            if not folder:
                raise SourceError(f"'{self.options.url}' cannot be listed: {in_words(error)}") from error
            yield Unreadable(folder, f"the folder cannot be listed: {in_words(error)}", hides_others=True)
            return
        for group in grouped(objects, self.options):
            yield item_of(group, lambda one: text_of(self.store, one, kept), lambda one: Download(self.store, one))
        if not self.options.recursive:
            return
        for name in inside:
            if name.endswith("/"):
                yield Unreadable(f"{name}/", "a name with '//' in it cannot be read; give it another")
        folders += [name for name in reversed(inside) if not name.endswith("/")]

    def _kept(self) -> KeptWords | nullcontext[None]:
        path = self.options.words_file
        return KeptWords(path, self.uri) if path else nullcontext()


def text_of(store: Store, found: Object, kept: KeptWords | None = None) -> str:
    """Give a text object's words, downloaded only where they are not kept; raise Unusable with the reason."""
    known = kept.get(found) if kept else None
    if known is not None:
        return known
    try:
        data = store.read(found.name, TEXT_BYTES) if found.size != 0 else b""
    except ImagoraError:
        raise
    except Exception as error:  # every file system has errors of its own
        raise Unusable(f"'{found.name}' cannot be downloaded: {in_words(error)}") from error
    text = decode_text(found.name, data)
    if kept:
        kept.put(found, text)
    return text
