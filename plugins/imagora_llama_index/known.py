"""The integrations of LlamaIndex that a recipe may name: their packages, modules, classes and a few of their options.

A recipe names the integration and never an import path, so that a recipe cannot make us run anything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec


@dataclass(frozen=True)
class Integration:
    """An integration: its class in `module`, and what it calls each of our options, None where it does not take it."""

    module: str
    class_: str
    model: str = "model"
    key: str | None = "api_key"
    url: str | None = "api_base"
    tokens: str | None = "max_tokens"
    timeout: str | None = "timeout"
    retries: str | None = "max_retries"
    more: Mapping[str, bool] = field(default_factory=dict)

    @property
    def package(self) -> str:
        """What to install."""
        return self.module.replace(".", "-").replace("_", "-")

    @property
    def is_there(self) -> bool:
        """Whether it is installed; imports nothing of it."""
        try:
            return find_spec(self.module) is not None
        except ModuleNotFoundError:  # llama_index.llms itself is not there
            return False


CHAT = {"is_chat_model": True}
KNOWN = {
    "anthropic": Integration("llama_index.llms.anthropic", "Anthropic", url="base_url"),
    "azure_openai": Integration("llama_index.llms.azure_openai", "AzureOpenAI", url="azure_endpoint"),
    "bedrock": Integration("llama_index.llms.bedrock_converse", "BedrockConverse", key=None, url="endpoint_url"),
    "cerebras": Integration("llama_index.llms.cerebras", "Cerebras"),
    "cohere": Integration("llama_index.llms.cohere", "Cohere", url=None),
    "dashscope": Integration(
        "llama_index.llms.dashscope", "DashScope", model="model_name", url=None, timeout=None, retries=None
    ),
    "deepseek": Integration("llama_index.llms.deepseek", "DeepSeek"),
    "fireworks": Integration("llama_index.llms.fireworks", "Fireworks"),
    "google_genai": Integration("llama_index.llms.google_genai", "GoogleGenAI", url=None, timeout=None),
    "groq": Integration("llama_index.llms.groq", "Groq"),
    "mistralai": Integration("llama_index.llms.mistralai", "MistralAI", url="endpoint"),
    "nvidia": Integration("llama_index.llms.nvidia", "NVIDIA", url="base_url"),
    "ollama": Integration(
        "llama_index.llms.ollama",
        "Ollama",
        key=None,
        url="base_url",
        tokens=None,
        timeout="request_timeout",
        retries=None,
    ),
    "openai_like": Integration("llama_index.llms.openai_like", "OpenAILike", more=CHAT),
    "openrouter": Integration("llama_index.llms.openrouter", "OpenRouter"),
    "together": Integration("llama_index.llms.together", "TogetherLLM"),
}
