"""What `imagora plugin test presidio` runs: the guardrail finds personal data."""

from imagora.testing import GuardrailContract


class TestPresidio(GuardrailContract):
    """An address, a card and an account; the numbers are the ones that are printed in manuals."""

    component = "presidio"
    dirty_texts = (
        ("write to jane.roe@example.org", "jane.roe@example.org"),
        ("my card is 4111111111111111.", "4111111111111111"),
        ("GB82WEST12345698765432", "GB82WEST12345698765432"),
    )
