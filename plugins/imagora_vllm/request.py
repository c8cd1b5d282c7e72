"""What is asked of the server: one JSON body for a chat, as OpenAI's API and vLLM's additions to it have it."""

from __future__ import annotations

import hmac
import json
from collections.abc import Sequence
from typing import Any

from imagora.errors import GeneratorError
from imagora.prompt import PromptMessage
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock

from .options import VllmOptions


def body_of(messages: Sequence[ChatMessage], options: VllmOptions) -> bytes:
    """Write the request for an answer that comes in pieces; the pictures in the messages are inline already."""
    asked: dict[str, Any] = {
        "model": options.model,
        "messages": [{"role": message.role.value, "content": _content(message)} for message in messages],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": options.max_tokens,
        "temperature": options.temperature,
        "top_p": options.top_p,
    }
    asked |= {"seed": options.seed} if options.seed is not None else {}
    asked |= {"stop": list(options.stop)} if options.stop else {}
    asked |= {"structured_outputs": form} if (form := _form(options)) else {}
    asked |= {"cache_salt": salt} if (salt := cache_salt(messages, options)) else {}
    return json.dumps(asked).encode()


def cache_salt(messages: Sequence[ChatMessage], options: VllmOptions) -> str | None:
    """Give the name under which the server may share its prefix cache: one a tenant, not to be guessed from it.

    None, for no salt, where the query has no tenant and the recipe no secret.
    """
    queries = [message.query for message in messages if isinstance(message, PromptMessage)]
    tenants = [getattr(getattr(query, "principal", None), "tenant", None) for query in queries]
    tenant = next((str(tenant) for tenant in tenants if tenant is not None), None)
    if tenant is None and options.cache_salt is None:
        return None
    secret = options.cache_salt.get_secret_value() if options.cache_salt else "imagora"
    return hmac.digest(secret.encode(), repr(tenant).encode(), "sha256").hex()


def _form(options: VllmOptions) -> dict[str, Any] | None:
    if options.json_schema is not None:
        return {"json": options.json_schema}
    return {"choice": list(options.choice)} if options.choice else None


def _content(message: ChatMessage) -> str | list[dict[str, Any]]:
    if all(isinstance(block, TextBlock) for block in message.blocks):
        return "\n".join(block.text for block in message.blocks if isinstance(block, TextBlock))
    return [_part(block) for block in message.blocks]


def _part(block: object) -> dict[str, Any]:
    if isinstance(block, TextBlock):
        return {"type": "text", "text": block.text}
    if isinstance(block, ImageBlock):
        return {"type": "image_url", "image_url": {"url": block.inline_url()}}
    raise GeneratorError(
        f"the prompt holds a {type(block).__name__}, and the generator 'vllm' takes words and pictures"
    )
