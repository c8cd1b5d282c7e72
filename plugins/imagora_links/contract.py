"""What `imagora plugin test links` runs: the guardrail takes out addresses of hosts that are not allowed."""

from typing import ClassVar

from imagora.testing import GuardrailContract


class TestLinks(GuardrailContract):
    """A link, a picture and a bare address."""

    component = "links"
    options: ClassVar = {"hosts": ["example.com"]}
    dirty_texts = (
        ("[here](https://evil.com)", "evil.com"),
        ("![a](//leak.io/x)", "leak.io"),
        ("www.bad.org", "bad.org"),
    )
