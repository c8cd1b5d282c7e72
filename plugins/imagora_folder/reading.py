"""Words from files: text, JSON and YAML, read within bounds; `Unusable` says in words what is wrong with one."""

from __future__ import annotations

import codecs
import json
import math
import os
import stat
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import accumulate
from pathlib import Path
from typing import Any

from imagora.item import JSONValue
from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent

TEXT_BYTES = 1_000_000
YAML_BYTES = 100_000  # the reader takes a second for about 60,000
MOST_VALUES = 1000
MOST_BRACKETS = 20


class Unusable(Exception):
    """A file or a row cannot be used; the text is the reason."""


def read_bytes(path: Path, most: int, *, follow: bool) -> bytes:
    """Read a regular file of at most `most` bytes, and never wait for a pipe."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(path, flags | (0 if follow else getattr(os, "O_NOFOLLOW", 0))), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Unusable("it is not a regular file")
            data = file.read(most + 1)
    except OSError as error:
        raise Unusable(f"it cannot be read: {error.strerror}") from None
    if len(data) > most:
        raise Unusable(f"it is larger than {most / 1e6:g} MB, which is the limit")
    return data


def decode_text(data: bytes) -> str:
    """Decode UTF-8, or UTF-16 where the file says so with its first bytes."""
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unusable(f"it is not UTF-8 text (at byte {error.start}); save it as UTF-8") from None


def parse_json(text: str) -> Any:
    """Read JSON as the standard has it: no NaN, and no key twice."""
    try:
        return json.loads(text, object_pairs_hook=_no_key_twice, parse_constant=_no_constant)
    except RecursionError:
        raise Unusable("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise Unusable(f"it is not JSON: {error.msg.lower()} at line {error.lineno}, column {error.colno}") from None
    except ValueError as error:
        raise Unusable(f"it is not JSON: {error}") from None


def parse_yaml(text: str) -> Any:
    """Read plain YAML: no tags, and no aliases, since a few lines of them can unfold to gigabytes."""
    depths = accumulate((letter in "[{") - (letter in "]}") for letter in text)
    if max(depths, default=0) > MOST_BRACKETS:  # the reader's time grows with the square of this
        raise Unusable("it is nested too deeply")
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _NoAliases
    try:
        return yaml.load(text)
    except RecursionError:
        raise Unusable("it is nested too deeply") from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise Unusable(f"it is not plain YAML: {(error.problem or 'unknown').splitlines()[0]}{where}") from None
    except (YAMLError, ValueError, TypeError, LookupError, OverflowError) as error:
        raise Unusable(f"it is not plain YAML: {str(error).splitlines()[0] if str(error) else 'a value'}") from None


def flat(key: object, value: object) -> JSONValue:
    """Give a metadata value as it can be stored and filtered: a word, a number, yes or no, or a list of those."""
    if not isinstance(key, str) or not key or key.startswith("_") or key == "uri":
        raise Unusable(f"'{key}' cannot be a metadata key: keys are words, do not begin with '_', and are not 'uri'")
    _plain_text(key)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        if len(value) > MOST_VALUES:
            raise Unusable(f"'{key}' has more than {MOST_VALUES} values")
        return [_scalar(key, one) for one in value]
    return _scalar(key, value)


def _scalar(key: str, value: object) -> str | int | float | bool | None:
    if isinstance(value, str):
        return _plain_text(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if isinstance(value, date):  # YAML's dates, and its times
        return value.isoformat()
    if isinstance(value, int | float):
        raise Unusable(f"'{key}' is a number that cannot be stored")
    kind = "a mapping" if isinstance(value, Mapping) else "a list in a list" if isinstance(value, list) else "not plain"
    raise Unusable(f"'{key}' is {kind}, and metadata is flat: words, numbers, yes or no, or a list of those")


def _plain_text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Unusable("it has half a character (a lone surrogate)") from None
    return text


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for number, (key, _) in enumerate(pairs) if key in dict(pairs[:number]))
        raise ValueError(f"the key '{twice}' is there twice")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"'{name}' is not a number in JSON")


class _NoAliases(Composer):
    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.parser.check_event(AliasEvent):
            event = self.parser.get_event()
            raise MarkedYAMLError(problem="aliases (*) are not allowed here", problem_mark=event.start_mark)
        return super().compose_node(parent, index)
