"""A server that speaks OpenAI's chat protocol by hand on a real socket, and does what a test tells it to do wrong."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

WORDS = ["Red", " and", " blue", " — ", "🦊", "."]
ANSWER = "".join(WORDS)
MODELS = {"object": "list", "data": [{"id": "tiny-vlm", "object": "model"}, {"id": "tiny-llm", "object": "model"}]}

Act = Callable[["Call"], Awaitable[None]]


@dataclass
class Call:
    """One request, and the socket to answer on; `number` counts from 1."""

    number: int
    path: str
    headers: dict[str, str]
    body: bytes
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def asked(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    async def send(self, data: bytes | str) -> None:
        self.writer.write(data if isinstance(data, bytes) else data.encode())
        await self.writer.drain()

    async def head(self, status: int = 200, form: str = "text/event-stream", **headers: str) -> None:
        lines = [f"HTTP/1.1 {status} said", f"content-type: {form}", "connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.send("\r\n".join(lines) + "\r\n\r\n")

    async def refuse(self, status: int, message: str = "", **headers: str) -> None:
        await self.head(status, "application/json", **headers)
        await self.send(json.dumps({"error": {"message": message, "type": "E", "param": None, "code": status}}))

    async def event(self, text: str | None = None, finish: str | None = None, **more: Any) -> None:
        delta = {"content": text} if text is not None else {"role": "assistant", "content": ""}
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        event = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "tiny-vlm", "choices": [choice]}
        await self.send(f"data: {json.dumps(event | more, ensure_ascii=False)}\n\n")

    async def answer(self, words: list[str] = WORDS) -> None:
        await self.head()
        await self.event()
        for word in words:
            await self.event(word)
        await self.event("", "stop")
        await self.send('data: {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 6}}\n\n')
        await self.send("data: [DONE]\n\n")

    def reset(self) -> None:
        """Break the connection so that the other side gets ECONNRESET."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@dataclass
class ChatServer:
    """What was asked so far; `left` is set once a client has gone away before it had its answer."""

    act: Act
    port: int = 0
    calls: list[Call] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def chats(self) -> list[Call]:
        return [call for call in self.calls if call.path.endswith("/chat/completions")]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            call = Call(len(self.calls) + 1, head[0].split()[1], headers, body, reader, writer)
            self.calls.append(call)
            if call.path.endswith("/models"):
                await call.head(form="application/json")
                await call.send(json.dumps(MODELS))
            else:
                await self._until_left(call)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.left.set()
        except asyncio.CancelledError:
            writer.transport.abort()  # a client that keeps its connection and does not read would be waited for
            raise
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _until_left(self, call: Call) -> None:
        acting = asyncio.ensure_future(self.act(call))
        gone = asyncio.ensure_future(call.reader.read())  # ends where the client closes
        try:
            await asyncio.wait({acting, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not acting.done():
                self.left.set()
            else:
                await acting
        finally:
            for task in (acting, gone):
                task.cancel()
            await asyncio.gather(acting, gone, return_exceptions=True)


@asynccontextmanager
async def chat_server(act: Act) -> AsyncIterator[ChatServer]:
    """Serve on a free port of this machine for as long as the `async with` lasts."""
    chats, running = ChatServer(act), set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running.add(task := asyncio.current_task())
        try:
            with suppress(asyncio.CancelledError):  # the end of the test; asyncio would print it
                await chats.serve(reader, writer)
        finally:
            running.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    chats.port = server.sockets[0].getsockname()[1]
    try:
        yield chats
    finally:
        server.close()
        for task in list(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
