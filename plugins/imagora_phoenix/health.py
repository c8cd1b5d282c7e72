"""What `imagora doctor` asks a collector of traces: whether it takes one, and what could be read on the way to it."""

from __future__ import annotations

from collections.abc import Iterator

from imagora.health import Check, Unhealthy, ask, check_key_is_safe, is_local

from .options import DEFAULT_URL, KEY, TRACES, PhoenixOptions

REFUSED = (401, 403)
OK = 200


def checks(options: PhoenixOptions) -> Iterator[Check]:
    """Give the checks of the collector."""
    url, headers = options.collector(), options.sent_headers()
    yield Check("collector", lambda: _collector(url, headers))
    yield Check("access", lambda: _access(url, headers), needs=("collector",))
    yield Check("content", lambda: _content(options, url))


def _collector(url: str, headers: dict[str, str]) -> str:
    # A request without a span is a whole one, and writes nothing.
    answer = ask(f"{url}{TRACES}", {**headers, "content-type": "application/x-protobuf"}, b"")
    if answer.status in REFUSED:
        raise Unhealthy("the collector refuses the key", f"type: export {KEY}=…, or 'api_key' in the recipe")
    if answer.status != OK:
        what = f"'{url}{TRACES}' takes no traces: status {answer.status}"
        raise Unhealthy(what, f"is 'url' the collector's HTTP address, such as {DEFAULT_URL}?")
    about = ask(f"{url}/arize_phoenix_version", headers)
    version = about.body.decode("utf-8", "replace").strip().strip('"')
    known = about.status == OK and version[:1].isdecimal() and version.replace(".", "").isalnum()
    return f"Phoenix {version}" if known else "a collector of OTLP"


def _access(url: str, headers: dict[str, str]) -> str:
    said = check_key_is_safe(url, has_key=bool(headers))
    if not is_local(url) and ask(f"{url}{TRACES}", {"content-type": "application/x-protobuf"}, b"").status == OK:
        raise Unhealthy("it takes traces from whoever reaches it", "start Phoenix with PHOENIX_ENABLE_AUTH=true")
    return said


def _content(options: PhoenixOptions, url: str) -> str:
    if options.content == "shown" and not is_local(url):
        what = "words and pictures of every query leave this machine in traces"
        raise Unhealthy(what, "write 'content: hidden' under 'traces'")
    return options.content
