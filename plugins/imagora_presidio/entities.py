"""The names of what can be found: Presidio's, for the recognizers that it switches on by itself."""

from __future__ import annotations

from imagora.errors import did_you_mean

DEFAULT_ENTITIES = (
    "CREDIT_CARD",
    "EMAIL_ADDRESS",
    "IBAN_CODE",
    "IP_ADDRESS",
    "PERSON",
    "PHONE_NUMBER",
    "US_SSN",
)

KNOWN_ENTITIES = frozenset(
    {
        *DEFAULT_ENTITIES,
        "CRYPTO",
        "DATE_TIME",
        "ES_NIE",
        "ES_NIF",
        "IT_DRIVER_LICENSE",
        "IT_FISCAL_CODE",
        "IT_IDENTITY_CARD",
        "IT_PASSPORT",
        "IT_VAT_CODE",
        "LOCATION",
        "MAC_ADDRESS",
        "MEDICAL_LICENSE",
        "NRP",
        "ORGANIZATION",
        "PL_PESEL",
        "UK_NHS",
        "URL",
        "US_BANK_NUMBER",
        "US_DRIVER_LICENSE",
        "US_ITIN",
        "US_PASSPORT",
        "UUID",
    }
)


def known(entity: str) -> str:
    """Give the name back; raise ValueError, with what could have been meant, where there is no such entity."""
    if entity not in KNOWN_ENTITIES:
        raise ValueError(f"there is no entity '{entity}'{did_you_mean(entity, KNOWN_ENTITIES)}")
    return entity
