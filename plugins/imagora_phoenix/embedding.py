"""Spans of embedders, ours and strangers', out of LlamaIndex's instrumentation while a trace runs.

LlamaIndex's events tell of texts only; its spans are there for pictures, too. What is no LlamaIndex embedding, such as
a sparse embedder, makes none.
"""

from __future__ import annotations

import inspect
import re
import threading
from collections.abc import Callable
from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index_instrumentation import get_dispatcher
from llama_index_instrumentation.span_handlers import NullSpanHandler
from pydantic import PrivateAttr

METHOD = re.compile(r"\w+\._?a?get_(query|text|image)_embeddings?(_batch)?-.*")
_lock = threading.Lock()

Ending = Callable[[Any, BaseException | None], None]
"""What ends an embedding's span, with its vectors or with the error."""
Beginning = Callable[[BaseEmbedding, object], Ending | None]
"""What begins an embedding's span, of an embedder and what it is given; None where no trace runs."""


class Embeddings(NullSpanHandler):
    """Hears of every embedding in this process and tells of the outermost call of each.

    It is one of LlamaIndex's null span handlers, for it keeps no spans of LlamaIndex's: whoever looks whether somebody
    listens to LlamaIndex's own spans, which cost time, finds nobody.
    """

    _begin: Beginning = PrivateAttr()
    _open: dict[str, Ending | None] = PrivateAttr(default_factory=dict)

    def __init__(self, begin: Beginning) -> None:
        super().__init__()
        self._begin = begin

    def span_enter(
        self,
        id_: str,
        bound_args: inspect.BoundArguments,
        instance: Any | None = None,
        parent_id: str | None = None,
        tags: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Begin a span where an embedder is called, and none within that."""
        if parent_id in self._open:
            self._open[id_] = None
        elif isinstance(instance, BaseEmbedding) and METHOD.fullmatch(id_):
            given = next(iter(bound_args.arguments.values()), None)
            if (ending := self._begin(instance, given)) is not None:
                self._open[id_] = ending

    def span_exit(
        self,
        id_: str,
        bound_args: inspect.BoundArguments,
        instance: Any | None = None,
        result: Any | None = None,
        **_: Any,
    ) -> None:
        """End it with its vectors."""
        if (ending := self._open.pop(id_, None)) is not None:
            ending(result, None)

    def span_drop(
        self,
        id_: str,
        bound_args: inspect.BoundArguments,
        instance: Any | None = None,
        err: BaseException | None = None,
        **_: Any,
    ) -> None:
        """End it with its error."""
        if (ending := self._open.pop(id_, None)) is not None:
            ending(None, err)


def listen(begin: Beginning) -> Embeddings:
    """Hear of embeddings from now on."""
    listening = Embeddings(begin)
    with _lock:
        get_dispatcher().add_span_handler(listening)
    return listening


def stop(listening: Embeddings) -> None:
    """Hear of them no more."""
    with _lock:
        root = get_dispatcher()
        root.span_handlers = [known for known in root.span_handlers if known is not listening]
