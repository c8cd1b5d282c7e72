"""What the other process does with a call: which methods there are, and how they are run, streamed and cancelled."""

from __future__ import annotations

import asyncio
import inspect
import os
import socket
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import aclosing
from io import BytesIO
from pathlib import Path
from typing import Any

from imagora import stages
from imagora.component import BuildContext
from imagora.errors import ImagoraError
from imagora.stages import Scope
from imagora.threads import in_thread
from imagora_batching.laying import lay
from imagora_batching.options import Batching

from .wire import packed, read_frame

METHODS = {
    "embedder": (
        *("identity", "get_text_embedding_batch", "get_query_embedding", "aget_query_embedding"),
        *("get_image_embedding_batch", "get_image_embedding", "aget_image_embedding", "embed_texts", "embed_query"),
    ),
    "reranker": ("apostprocess_nodes",),
    "generator": ("achat", "astream_chat"),
    "guardrail": ("acheck",),
    "preparer": ("prepare",),
    "retriever": ("aretrieve",),
}
"""The kinds that can be in another process, and what can be called there: nothing else can be."""
_SCOPES = 1_000
"""How many queries' scopes are kept at once; a scope ends with its query, of which this process does not hear."""


class Answering:
    """One component and the calls to it that are under way."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._writing = threading.Lock()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._scopes: OrderedDict[str, Scope] = OrderedDict()
        self._kind, self._stage = "", None

    def build(self, said: dict[str, Any]) -> dict[str, Any]:
        """Build the component that the first message names, and say what it can do."""
        from imagora.catalog import installed_catalog

        offer = installed_catalog().get(said["kind"], said["name"])
        if missing := offer.missing():
            packages = ", ".join(f"'{package}'" for package in missing)
            raise ImagoraError(f"'{said['name']}' needs what is not installed there ({packages}): {offer.pip_line()}")
        folders = {name: Path(folder) for name, folder in said["folders"].items()}
        options = offer.component.options.model_validate(said["options"], context={"folders": folders})
        self._kind, self._stage = said["kind"], offer.component.build(options, BuildContext(recipe=said["recipe"]))
        if "batching" in said:  # its calls meet here, and not where they come from
            lay(self._stage, said["name"], Batching(**said["batching"]))
        can = [name for name in METHODS[self._kind] if callable(getattr(self._stage, name, None))]
        facts = {name: getattr(self._stage, name) for name in ("images", "ordered") if hasattr(self._stage, name)}
        fits = [
            name for name in ("PictureEmbedder", "SparseEmbedder") if isinstance(self._stage, getattr(stages, name))
        ]
        return {"can": can, "facts": facts, "fits": fits, "plugin": str(offer.plugin)}

    def begin(self, call: dict[str, Any], loop: asyncio.AbstractEventLoop) -> None:
        """Start what a message asks for; called in the thread that reads."""
        if "cancel" in call:
            loop.call_soon_threadsafe(self._cancel, call["cancel"])
        else:
            loop.call_soon_threadsafe(self._start, call)

    def _start(self, call: dict[str, Any]) -> None:
        task = asyncio.ensure_future(self._answer(call))
        self._tasks[call["id"]] = task
        task.add_done_callback(lambda _: self._tasks.pop(call["id"], None))

    def _cancel(self, number: int) -> None:
        if task := self._tasks.get(number):
            task.cancel()

    async def _answer(self, call: dict[str, Any]) -> None:
        try:
            if call["method"] not in METHODS[self._kind]:
                raise ImagoraError(f"'{call['method']}' cannot be called")
            method = getattr(self._stage, call["method"])
            arguments = [_as_taken(argument, call["method"]) for argument in call["arguments"]]
            arguments += [self._scope(call["scope"])] if call.get("scope") else []
            given = await self._call(method, arguments)
            if hasattr(given, "__aiter__"):
                async with aclosing(given) as parts:
                    async for part in parts:
                        self.send({"id": call["id"], "part": part})
                self.send({"id": call["id"], "end": True})
            else:
                self.send({"id": call["id"], "given": given})
        except Exception as error:  # a stranger's component may raise anything; the other side raises it there
            self.send({"id": call["id"], **told(error)})

    async def _call(self, method: Callable[..., Any], arguments: list[Any]) -> Any:
        if inspect.iscoroutinefunction(method):
            return await method(*arguments)
        given = await in_thread(method, *arguments)
        return await given if inspect.isawaitable(given) else given

    def _scope(self, name: str) -> Scope:
        scope = self._scopes.pop(name, None) or Scope()
        self._scopes[name] = scope
        while len(self._scopes) > _SCOPES:
            self._scopes.popitem(last=False)
        return scope

    def send(self, message: dict[str, Any]) -> None:
        """Send one message."""
        try:
            frame = packed(message)
        except (TypeError, ValueError) as error:
            frame = packed({"id": message.get("id"), **told(error)})
        with self._writing:
            self._sock.sendall(frame)


def told(error: BaseException) -> dict[str, Any]:
    """Give an error as it is sent: its class, where it is one of ours, its text and its code."""
    if isinstance(error, ImagoraError):
        return {"error": str(error), "kind": type(error).__name__, "code": error.code}
    return {"error": f"{type(error).__name__}: {error}", "kind": "StageError", "code": "IMG-801"}


def _as_taken(argument: Any, method: str) -> Any:
    # Pictures come as bytes, and LlamaIndex's embedders take files.
    if method == "get_image_embedding_batch":
        return [BytesIO(part) if isinstance(part, bytes) else str(part) for part in argument]
    return BytesIO(argument) if isinstance(argument, bytes) else argument


def answer_calls(descriptor: int) -> None:
    """Build what the first message says, answer the others, and end when the other side has gone."""
    os.dup2(2, 1)  # what the component prints must not be lost, and goes where errors go
    with socket.socket(fileno=descriptor) as sock:
        answering = Answering(sock)
        file = sock.makefile("rb")
        first = read_frame(file.read)
        if first is None:
            return
        try:
            answering.send({"id": first["id"], "given": answering.build(first)})
        except Exception as error:  # told, whatever it is
            answering.send({"id": first["id"], **told(error)})
            return
        loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, daemon=True).start()
        while (call := read_frame(file.read)) is not None:
            answering.begin(call, loop)
    sys.stderr.flush()
    os._exit(0)  # threads of a stranger's component may still run
