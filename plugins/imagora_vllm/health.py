"""What `imagora doctor` asks a vLLM server: whether it answers, its version, its models, and whom it lets in."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from imagora.errors import did_you_mean
from imagora.health import Check, Unhealthy, ask, check_key_is_safe, is_local

from .options import VllmOptions

REFUSED = (401, 403)


def checks(options: VllmOptions) -> Iterator[Check]:
    """Give the checks of a server."""
    key = options.api_key.get_secret_value() if options.api_key else ""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    models = f"{options.url}/models"

    def answers() -> str:
        status = ask(models, headers).status
        if status in REFUSED:
            raise Unhealthy("the server refuses the key", 'give the key that it was started with: api_key: "${NAME}"')
        if status != 200:  # noqa: PLR2004 - HTTP's own number
            raise Unhealthy(f"'{models}' answers with status {status}", "is 'url' an OpenAI API, ending with '/v1'?")
        about = ask(urlsplit(options.url)._replace(path="/version").geturl(), headers).json()
        return f"vLLM {about['version']}" if isinstance(about, dict) and "version" in about else "an OpenAI API"

    def model() -> str:
        said = ask(models, headers).json()
        listed = said.get("data") if isinstance(said, dict) else None
        served = [str(one.get("id")) for one in listed or () if isinstance(one, dict)]
        if options.model not in served:
            what = f"the server has no model '{options.model}'{did_you_mean(options.model, served)}"
            raise Unhealthy(what, "name one that it serves, or start it with: imagora vllm-command RECIPE")
        return options.model

    def safe() -> str:
        said = check_key_is_safe(options.url, has_key=bool(key))
        if not is_local(options.url) and ask(models).status not in REFUSED:
            raise Unhealthy("it answers whoever reaches it, without a key", "start it with: vllm serve … --api-key KEY")
        return said

    yield Check("server", answers)
    yield Check("model", model, needs=("server",))
    yield Check("access", safe, needs=("server",))
