"""What stands in the place of a value."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from .options import Hash, Mask, Operator, Redact, Replace

_PROCESS_KEY = secrets.token_bytes(32)
_DIGITS_OF_HASH = 16  # 64 bits: enough to tell values of one corpus apart, and short enough to read


def replacement(operator: Operator | None, entity: str, value: str) -> str:
    """Give what stands for the value; no operator means the entity's name, e.g. <PERSON>."""
    match operator:
        case Mask(character=character, keep_last=keep):
            readable = value[-keep:] if keep and len(value) >= 3 * keep else ""
            return character * (len(value) - len(readable)) + readable
        case Hash(key=key):
            secret = key.get_secret_value().encode() if key else _PROCESS_KEY
            digest = hmac.new(secret, f"{entity}\0{value}".encode(), hashlib.sha256).hexdigest()
            return f"<{entity}:{digest[:_DIGITS_OF_HASH]}>"
        case Redact():
            return ""
        case Replace(text=str(text)):
            return text
        case _:
            return f"<{entity}>"


def is_numbered(operator: Operator | None) -> bool:
    """Say whether a mapping may number this operator's placeholders: only those that are the entity's name."""
    return operator is None or (isinstance(operator, Replace) and operator.text is None)
