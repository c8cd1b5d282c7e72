"""The version of what plugins are written against, and whether a plugin fits it.

The first number changes when a plugin must be changed; the second when something is added. A plugin's module says
which versions it was written for: ``imagora_api = ">=1.0,<2"``, as in PEP 440.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

API = "1.0"
DECLARATION = "imagora_api"
USUAL = f">={API},<{int(API.split('.', maxsplit=1)[0]) + 1}"


@dataclass(frozen=True)
class Fit:
    """Whether a plugin fits this API. degraded: it is used, and may miss something; refused: it is not used."""

    state: Literal["ok", "degraded", "refused"]
    why: str = ""


def fit_of(declared: object) -> Fit:
    """Judge what a plugin declares, None where it declares nothing."""
    if declared is None:
        return Fit("degraded", f"it does not say which API it was written for; write {DECLARATION} = '{USUAL}' in it")
    return _fit(declared) if isinstance(declared, str) else _no_versions(declared)


def _no_versions(declared: object) -> Fit:
    return Fit("refused", f"{DECLARATION} must be versions such as '{USUAL}', and it is {declared!r:.80}")


@cache  # most plugins say the same
def _fit(declared: str) -> Fit:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import Version

    try:
        wanted = SpecifierSet(declared)
    except InvalidSpecifier:
        return _no_versions(declared)
    if wanted.contains(API, prereleases=True):
        return Fit("ok")
    # The same first number with another second one: what it needs may not be there yet, or not be needed any more.
    ours = Version(API).major
    named = [Version(part.version.removesuffix(".*")) for part in wanted if not part.operator.startswith("<")]
    if any(version.major == ours for version in named):
        return Fit("degraded", f"it was written for the API {wanted}, and this is {API}")
    return Fit("refused", f"it was written for the API {wanted}, and this is {API}; install a version of it that fits")
