"""A model's description of a picture becomes its item's `caption`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from imagora.errors import PictureError, StageError
from imagora.stages import Prepared

from .options import CaptionOptions
from .wording import bounded, cleaned

Describe = Callable[[bytes], str]
"""Gives what a model writes about a picture, which is a decoded PNG. Called from several threads."""


class CaptionPreparer:
    """Writes captions into the metadata `caption`; an item keeps one that it came with.

    A caption that fails (the model raises, takes too long, writes too little) keeps its item out, or leaves it without
    a caption and with the reason in `caption_error`, as the options say.
    """

    reads = True

    def __init__(self, name: str, options: CaptionOptions, describe: Describe) -> None:
        self._name, self._options, self._describe = name, options, describe

    def prepare(self, prepared: Sequence[Prepared]) -> Sequence[Prepared]:
        """Give each item with its caption; raises PictureError for one that the options keep out."""
        return [self._with_caption(one) for one in prepared]

    def _with_caption(self, one: Prepared) -> Prepared:
        item, options = one.item, self._options
        if one.picture is None or item.metadata.get("caption") or (options.only_wordless and item.words.strip()):
            return one
        try:
            caption = cleaned(self._describe(one.picture.png))
            said = {"caption": bounded(caption, options.min_words, options.max_words)}
        except StageError:  # the model itself cannot be used, whatever the picture
            raise
        except Exception as error:  # integrations share no type of error
            plain = str(error).strip().partition("\n")[0][:300]
            reason = plain if type(error) is ValueError and plain else f"{type(error).__name__}: {plain}".rstrip(": ")
            if options.on_failure == "quarantine":
                raise PictureError(f"'{self._name}' could not describe it: {reason}") from error
            said = {"caption_error": reason}
        return replace(one, item=replace(item, metadata={**item.metadata, **said}))
