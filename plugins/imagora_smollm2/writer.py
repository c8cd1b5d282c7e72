"""The model at work: a prompt and a grammar to words, one token after another, until somebody says stop."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from threading import Event, Lock
from typing import Any

from imagora.errors import GeneratorError

from .exported import folder_of, weights

AT_ONCE = 128
"""So many tokens of a prompt are read at once; in between somebody may say stop."""
ROOM = 400
"""Tokens for an answer; the grammar ends it long before."""


class Writer:
    """One loaded model, which writes one answer at a time; loaded when it first writes."""

    def __init__(self, file: Path | None, threads: int) -> None:
        self._file, self._threads, self._one = file, threads, Lock()

    def write(self, prompt: str, grammar: str, stop: Event) -> Iterator[str]:
        """Give the answer piece by piece; ends early where `stop` is set."""
        while not self._one.acquire(timeout=0.05):
            if stop.is_set():
                return
        try:
            yield from self._written(prompt, grammar, stop)
        finally:
            self._one.release()

    def _written(self, prompt: str, grammar: str, stop: Event) -> Iterator[str]:
        import onnxruntime_genai as genai  # type: ignore[import-untyped]  # it ships no types

        model, tokenizer = self._loaded
        tokens = [int(token) for token in tokenizer.encode(prompt)]
        most = self._context - ROOM
        if len(tokens) > most:
            raise GeneratorError(f"the prompt has {len(tokens)} tokens, and the model reads {most}")
        said = genai.GeneratorParams(model)
        said.set_search_options(max_length=len(tokens) + ROOM, do_sample=False)
        said.set_guidance("lark_grammar", grammar)
        generator, words = genai.Generator(model, said), tokenizer.create_stream()
        for at in range(0, len(tokens), AT_ONCE):
            if stop.is_set():
                return
            generator.append_tokens(tokens[at : at + AT_ONCE])
        while not generator.is_done() and not stop.is_set():
            generator.generate_next_token()
            yield str(words.decode(generator.get_next_tokens()[0]))

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        import onnxruntime_genai as genai

        config = genai.Config(str(self._folder))
        if self._threads:
            threads = {"session_options": {"intra_op_num_threads": self._threads}}
            config.overlay(json.dumps({"model": {"decoder": threads}}))
        model = genai.Model(config)
        return model, genai.Tokenizer(model)

    @cached_property
    def _folder(self) -> Path:
        return folder_of(weights(self._file))

    @cached_property
    def _context(self) -> int:
        said = json.loads((self._folder / "genai_config.json").read_text(encoding="utf-8"))
        return int(said["model"]["context_length"])
