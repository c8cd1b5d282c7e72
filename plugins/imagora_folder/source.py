"""The source `folder`: its pictures and texts as items, with words from the manifest and from files beside them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from threading import Event
from typing import Any

from imagora import Item, Unreadable
from imagora.errors import SourceError

from .options import MANIFEST_ENDINGS, FolderOptions
from .plan import Planned, plan_items
from .reading import TEXT_BYTES, YAML_BYTES, Unusable, decode_text, flat, parse_json, parse_yaml, read_bytes
from .rows import Row, most_bytes, read_rows
from .walk import SIDE_ENDINGS, list_files, printable, shown
from .watching import Watch


class FolderSource:
    """Gives a folder's pictures and texts; where words come twice, the manifest's row wins over files beside a picture.

    A picture whose words or metadata cannot be read is not given without them: metadata may say who may see it.
    """

    def __init__(self, options: FolderOptions) -> None:
        self.options = options
        self._read: tuple[str, bytes, list[Row]] | None = None  # rows are read anew where the bytes have changed
        self._watch: Watch | None = None

    @property
    def uri(self) -> str:
        """The folder's absolute path behind "folder:"."""
        return f"folder:{self._root().as_posix()}"

    def count(self) -> int:
        """Say how many items there will be, those that cannot be read as well."""
        return len(self._plan())

    def items(self) -> Iterator[Item | Unreadable]:
        """Give every item in the order of their names."""
        plan = self._plan()
        if self._watch is not None:
            self._watch.know([one.picture for one in plan if one.picture], self._named())
        for planned in plan:
            try:
                yield self._item(planned)
            except Unusable as error:
                yield Unreadable(planned.uri, str(error), hides_others=planned.hides)

    def wait(self, stop: Event) -> bool:
        """Block until something that `items` reads changed, and was quiet for a moment; False once `stop` is set."""
        if self._watch is None:
            root = self._root()
            self._watch = Watch(root, self.options, lambda: list_files(root, self.options).folders)
            self._watch.start()
            return not stop.is_set()  # nobody listened until now
        return self._watch.wait(stop)

    def _named(self) -> list[str]:
        rows = self._read[2] if self._read else []
        named = [row.says.get(key) for row in rows for key in ("picture", "file")]
        return [name for name in named if isinstance(name, str)]

    def _root(self) -> Path:
        if self.options.path is None:
            what = "the source 'folder' has no folder; say 'path: …' in the recipe, or type: --source DIR"
            raise SourceError(what, code="IMG-702")
        root = Path(os.path.abspath(self.options.path))  # noqa: PTH100 - resolve() would follow links: another name
        if not printable(str(root)):
            raise SourceError(f"the folder's path is not valid UTF-8: '{shown(str(root))}'")
        return root

    def _plan(self) -> list[Planned]:
        root = self._root()
        if self._watch is not None:
            self._watch.start()
        if not root.is_dir():
            what = "is not a folder" if root.exists() else "is not there"
            what = f"the folder '{root}' {what}; give another with 'path: …' in the recipe or --source DIR"
            raise SourceError(what, code="IMG-703")
        manifest, rows = self._rows(root)
        plan = plan_items(root, self.options, list_files(root, self.options), manifest, rows)
        if not plan:
            known = ", ".join((*self.options.pictures, *self.options.texts))
            what = f"there are no pictures or texts in '{root}'; known endings are: {known}"
            raise SourceError(what, code="IMG-704")
        return plan

    def _rows(self, root: Path) -> tuple[str, list[Row]]:
        asked = self.options.manifest
        candidates = [asked] if asked else [f"manifest{ending}" for ending in MANIFEST_ENDINGS]
        name = next((name for name in candidates if os.path.lexists(root / name)), None)
        if name is None and asked:
            raise SourceError(
                f"there is no manifest '{asked}' in '{root}'; correct 'manifest: …' in the recipe", code="IMG-703"
            )
        if name is None:
            return "", []
        try:
            data = read_bytes(root / name, most_bytes(name), follow=self.options.follow_links)
            if self._read is None or self._read[:2] != (name, data):
                self._read = name, data, read_rows(name, data)
        except Unusable as error:
            raise SourceError(f"the manifest '{root / name}' cannot be used: {error}") from None
        return name, self._read[2]

    def _item(self, planned: Planned) -> Item:
        if planned.reason is not None:
            raise Unusable(planned.reason)
        root, text = self._root(), list[str]()
        says: Mapping[Any, Any] = {}
        sides = [name for name in planned.words if PurePosixPath(name).suffix.lower() in SIDE_ENDINGS]
        if len(sides) > 1:
            raise Unusable(f"it has more than one file with its words: {', '.join(map(repr, sides))}; keep one")
        for name in planned.words:
            try:
                most = YAML_BYTES if name.lower().endswith((".yaml", ".yml")) else TEXT_BYTES
                read = decode_text(read_bytes(root / name, most, follow=self.options.follow_links))
                if name in sides:
                    says = _side(name, read)
                elif read.strip():
                    text.append(read.strip())
            except Unusable as error:
                raise Unusable(str(error) if name == planned.uri else f"'{name}' beside it: {error}") from None
        merged = {**_words(says), **_words(planned.row.says if planned.row else {})}
        words = merged.pop("text", "") or "\n\n".join(text)
        picture = None if planned.picture is None else root / planned.picture
        item = Item(planned.uri, str(words), picture, {key: flat(key, value) for key, value in merged.items()})
        if picture is None and not item.words.strip():
            raise Unusable("it has neither a picture nor words")
        return item


def _side(name: str, text: str) -> Mapping[str, Any]:
    says = parse_json(text) if name.lower().endswith(".json") else parse_yaml(text)
    if not isinstance(says, Mapping):
        raise Unusable("it must be a mapping, e.g. 'title' and 'tags' with their values")
    return says


def _words(says: Mapping[Any, Any]) -> dict[Any, Any]:
    """Give what a row or a file beside a picture says, with `text`, `title` and `tags` in their own form."""
    said = {key: value for key, value in says.items() if value is not None and key not in ("picture", "file")}
    parts = [said.pop(key) for key in ("text", "description") if key in said]
    if not all(isinstance(part, str) for part in parts):
        raise Unusable("its text must be words")
    if any(parts):
        said["text"] = flat("text", "\n".join(part for part in parts if part))
    if "title" in said:
        title = flat("title", said["title"])
        if isinstance(title, list):
            raise Unusable("its title must be words, and it is a list")
        said["title"] = str(title)
    tags = said.get("tags")
    if isinstance(tags, str):
        said["tags"] = [tag.strip() for tag in tags.split(";" if ";" in tags else ",") if tag.strip()]
    elif isinstance(tags, list):
        said["tags"] = [str(flat("tags", tag)) for tag in tags]
    elif tags is not None:
        raise Unusable("its tags must be a list of words, or words with commas between them")
    return said
