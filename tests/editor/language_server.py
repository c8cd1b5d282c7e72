"""The real yaml-language-server, which editors run, and a client that is just enough to ask it.

It is installed with npm, once, into the folder that IMAGORA_EDITOR_ENVIRONMENT names, or into the user's cache.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

VERSION = "1.25.0"
SECONDS = 60
_CONFIGURATION = {"schemaStore": {"enable": False}, "validate": True, "hover": True, "completion": True}


def missing() -> str:
    """Say what is missing to run the server, or nothing."""
    gone = [program for program in ("npm", "node") if shutil.which(program) is None]
    return f"{' and '.join(gone)} not found: install Node.js" if gone else ""


def installed() -> Path:
    """Install the server if it is not there, and give its program."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "imagora-tests"
    place = Path(os.environ.get("IMAGORA_EDITOR_ENVIRONMENT", cache)) / f"yaml-language-server-{VERSION}"
    program = place / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"
    if not program.is_file():
        place.mkdir(parents=True, exist_ok=True)
        npm = [
            "npm",
            "install",
            "--prefix",
            str(place),
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
            "--fetch-retries=1",
        ]
        subprocess.run([*npm, f"yaml-language-server@{VERSION}"], check=True, timeout=180)
    return program


class LanguageServer:
    """A running server; documents are opened by their path and asked by line and column from 0."""

    def __init__(self, program: Path, folder: Path) -> None:
        self._process = subprocess.Popen(
            ["node", str(program), "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._answers: dict[int, queue.Queue[Any]] = {}
        self._diagnostics: dict[str, queue.Queue[list[dict[str, Any]]]] = {}
        self._next = 0
        self._writing = threading.Lock()
        threading.Thread(target=self._listen, daemon=True).start()
        markup = {"hover": {"contentFormat": ["markdown"]}}
        completion = {"completionItem": {"documentationFormat": ["markdown"], "snippetSupport": True}}
        self.ask(
            "initialize",
            processId=None,
            rootUri=folder.as_uri(),
            capabilities={
                "textDocument": {**markup, "completion": completion, "publishDiagnostics": {}},
                "workspace": {"configuration": True, "didChangeConfiguration": {}},
            },
        )
        self._tell("initialized")
        self._tell("workspace/didChangeConfiguration", settings={"yaml": _CONFIGURATION})

    def open(self, path: Path, text: str) -> list[dict[str, Any]]:
        """Open a document and give what is wrong in it."""
        uri = path.as_uri()
        self._diagnostics[uri] = queue.Queue()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._tell("textDocument/didOpen", textDocument=document)
        return self._diagnostics[uri].get(timeout=SECONDS)

    def completions(self, path: Path, line: int, column: int) -> dict[str, dict[str, Any]]:
        """Give what can stand at a place, by its label."""
        found = self.ask("textDocument/completion", **_at(path, line, column))
        return {item["label"]: item for item in found["items"]}

    def hover(self, path: Path, line: int, column: int) -> str:
        """Give what an editor shows over a place."""
        found = self.ask("textDocument/hover", **_at(path, line, column))
        return str(found["contents"]["value"]) if found else ""

    def ask(self, method: str, **params: Any) -> Any:
        """Send a request and give its result."""
        self._next += 1
        number = self._next
        self._answers[number] = queue.Queue()
        self._send({"id": number, "method": method, "params": params})
        answer = self._answers[number].get(timeout=SECONDS)
        assert "error" not in answer, answer
        return answer["result"]

    def _tell(self, method: str, **params: Any) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        stream = self._process.stdin
        assert stream
        with self._writing:
            stream.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
            stream.flush()

    def _listen(self) -> None:
        stream = self._process.stdout
        assert stream
        while header := stream.readline():
            length = int(header.split(b":")[1])
            while stream.readline().strip():
                pass
            self._heard(json.loads(stream.read(length)))

    def _heard(self, message: dict[str, Any]) -> None:
        if message.get("method") == "textDocument/publishDiagnostics":
            said = message["params"]
            self._diagnostics.setdefault(said["uri"], queue.Queue()).put(said["diagnostics"])
        elif "method" in message and "id" in message:  # the server asks, too
            asked = message.get("params", {}).get("items", [])
            self._send(
                {"id": message["id"], "result": [_CONFIGURATION if i.get("section") == "yaml" else {} for i in asked]}
            )
        elif "id" in message:
            self._answers[message["id"]].put(message)

    def __enter__(self) -> LanguageServer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()


def _at(path: Path, line: int, column: int) -> dict[str, Any]:
    return {"textDocument": {"uri": path.as_uri()}, "position": {"line": line, "character": column}}
