"""What a store or its connection raises, in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from imagora.errors import ImagoraError, UnusableIndex
from pydantic import SecretStr

from .options import StoreOptions

_LONGEST = 300


@contextmanager
def in_words(name: str, place: str, options: StoreOptions) -> Iterator[None]:
    """Say in words which store failed, where, and its own words: their first line, without the options' secrets."""
    try:
        yield
    except ImagoraError:
        raise
    except Exception as error:  # a stranger's client may raise anything
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        for _, value in options:
            if isinstance(value, SecretStr):
                said = said.replace(value.get_secret_value(), "…")
        raise UnusableIndex(f"{name} at '{place}' does not do what it is asked: {said[:_LONGEST]}") from error
