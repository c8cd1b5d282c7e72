"""The `vllm serve` line that fits a recipe."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from .options import VllmOptions

NOWHERE = "nowhere.invalid"
"""A name that never is one: vLLM fetches pictures from any address unless it is told whose it may."""


def serve_line(options: VllmOptions, weights: str | None = None) -> list[str]:
    """Give the words of the line; `weights` is a folder or another name to load the model from."""
    address, server = urlsplit(options.url), options.server
    port = address.port or (443 if address.scheme == "https" else 80)
    line = ["vllm", "serve", weights or options.model, "--served-model-name", options.model]
    line += ["--host", address.hostname or "127.0.0.1", "--port", str(port)]
    if options.images:
        line += ["--limit-mm-per-prompt", json.dumps({"image": options.images}, separators=(",", ":"))]
    line += ["--allowed-media-domains", NOWHERE, "--max-num-seqs", str(server.sequences)]
    line += ["--max-model-len", str(options.context)] if options.context else []
    line += ["--quantization", server.quantization] if server.quantization else []
    line += ["--tensor-parallel-size", str(server.tensor_parallel)] if server.tensor_parallel > 1 else []
    return line + (["--dtype", server.dtype] if server.dtype != "auto" else [])


def remarks(options: VllmOptions) -> list[str]:
    """Say what the line itself cannot."""
    said = []
    if options.api_key is not None:
        said.append(
            "the key: set VLLM_API_KEY to the recipe's 'api_key' where the server starts; it is read from there"
        )
    else:
        said.append("no key: who reaches the port can use the model; write 'api_key: \"${VLLM_API_KEY}\"' for one")
    if urlsplit(options.url).scheme == "https":
        said.append("https: add --ssl-certfile and --ssl-keyfile, or put a proxy before it that has the certificate")
    if (path := urlsplit(options.url).path) != "/v1":
        said.append(f"the url's path '{path}' is not vLLM's '/v1': a proxy before it must map it")
    if options.server.quantization in ("awq", "gptq"):
        said.append(f"{options.server.quantization}: the checkpoint must have been made so; vLLM does not convert it")
    if options.server.quantization == "bitsandbytes":
        said.append("bitsandbytes: a package of its own since vLLM 0.28, so beside vLLM: pip install vllm-bnb-plugin")
    if options.context is None:
        said.append("no 'context' in the recipe: the server takes the model's longest, which costs the most memory")
    return said
