"""One analyzer for each language and model in the process, loaded when the first text comes."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePath
from typing import TYPE_CHECKING

from imagora.errors import ImagoraError, StageError, did_you_mean

from .findings import Finding

if TYPE_CHECKING:
    from .presidio import LoadedModel

PIECE = 20_000
"""How many characters are analysed at once; longer texts are cut, for spaCy's memory grows with them."""
OVERLAP = 300
"""How many characters two pieces share, so that a value on the cut is whole in one of them."""

_analyzers: dict[tuple[str, str], Analyzer] = {}
_analyzers_lock = threading.Lock()


def shared_analyzer(language: str, model: str) -> Analyzer:
    """Give the process's analyzer for this language and model; cheap, nothing is loaded yet."""
    with _analyzers_lock:
        return _analyzers.setdefault((language, model), Analyzer(language, model))


class Analyzer:
    """Finds entities in a thread of its own: spaCy's memory zone allows one user at a time."""

    def __init__(self, language: str, model: str) -> None:
        self._language, self._model = language, model
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="imagora-presidio")
        self._loaded: LoadedModel | None = None

    async def find(
        self, texts: Sequence[str], entities: Sequence[str], phone_regions: Sequence[str]
    ) -> list[list[Finding]]:
        """Give the findings of each text, in order, unsettled and of any score."""
        if not any(text.strip() for text in texts):
            return [[] for _ in texts]
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._thread, context.run, self._find, tuple(texts), tuple(entities), tuple(phone_regions)
        )

    def _find(
        self, texts: tuple[str, ...], entities: tuple[str, ...], phone_regions: tuple[str, ...]
    ) -> list[list[Finding]]:
        failure = ""
        try:
            return self._found(texts, entities, phone_regions)
        except ImagoraError:
            raise
        except Exception as error:
            failure = _without_words(error)
        # Raised out here, so that the error of below, whose words may hold the text, does not hang on to this one.
        raise StageError(f"presidio could not analyse a text ({failure}); its words are withheld")

    def _found(
        self, texts: tuple[str, ...], entities: tuple[str, ...], phone_regions: tuple[str, ...]
    ) -> list[list[Finding]]:
        if self._loaded is None:
            from .presidio import load

            self._loaded = load(self._language, self._model)
        unknown = sorted(set(entities) - self._loaded.entities)
        if unknown:
            raise StageError(
                f"no recognizer finds '{unknown[0]}' in language '{self._language}'"
                f"{did_you_mean(unknown[0], self._loaded.entities)}"
            )
        pieces = [(number, offset, piece) for number, text in enumerate(texts) for offset, piece in _pieces(text)]
        found = self._loaded.analyse([piece for _, _, piece in pieces], entities, phone_regions)
        result: list[list[Finding]] = [[] for _ in texts]
        for (number, offset, _), findings in zip(pieces, found, strict=True):
            result[number] += [Finding(one.entity, one.start + offset, one.end + offset, one.score) for one in findings]
        return result


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    for start in range(0, max(1, len(text) - OVERLAP), PIECE - OVERLAP):
        yield start, text[start : start + PIECE]


def _without_words(error: BaseException) -> str:
    """Give the kind of an error and where it came up, without its own words."""
    step = error.__traceback__
    while step and step.tb_next:
        step = step.tb_next
    place = f" in {PurePath(step.tb_frame.f_code.co_filename).name}, line {step.tb_lineno}" if step else ""
    return f"{type(error).__name__}{place}"
