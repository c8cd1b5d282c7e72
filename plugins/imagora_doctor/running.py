"""Checks in their order: each is run once, those that need a failed one are skipped, and no secret gets out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from imagora.codes import codes
from imagora.errors import ImagoraError, RecipeError
from imagora.health import Check, Unhealthy


@dataclass(frozen=True)
class Finding:
    """What a check found. fix: what to do where it failed; code: of the error."""

    group: str
    name: str
    state: Literal["fine", "failed", "skipped"]
    said: str
    fix: str = ""
    code: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON values."""
        return asdict(self)


def run(group: str, checks: Iterable[Check], without_secrets: Callable[[str], str]) -> Iterator[Finding]:
    """Run the checks of a group; one that cannot even be listed is a failure, too."""
    fine: dict[str, bool] = {}
    listed = iter(checks)
    while True:
        try:
            check = next(listed, None)
        except Exception as error:  # a stranger's code may raise anything
            yield _failed(group, "checks", error, without_secrets)
            return
        if check is None:
            return
        name = without_secrets(check.name)  # a model's may come from the environment
        lacking = [name for name in check.needs if not fine.get(name, False)]
        if lacking:
            finding = Finding(group, name, "skipped", f"needs '{lacking[0]}'")
        else:
            try:
                finding = Finding(group, name, "fine", without_secrets(check.run()))
            except Exception as error:  # as above
                finding = _failed(group, name, error, without_secrets)
        fine[check.name] = finding.state == "fine"
        yield finding


def _failed(group: str, name: str, error: Exception, without_secrets: Callable[[str], str]) -> Finding:
    if isinstance(error, ImagoraError):
        code, said = error.code, str(error)
        fix = error.fix if isinstance(error, Unhealthy) else codes()[code].do if code in codes() else ""
        if isinstance(error, RecipeError):
            said = "\n".join(f"{problem} [{problem.code}]" for problem in error.problems)
            fix = f"correct the recipe; each problem is explained by, e.g.: imagora explain {code}"
    else:
        code, said = "IMG-802", f"{type(error).__name__}: {error}"
        fix = "this is a mistake in the check; report it to whoever wrote the plugin"
    return Finding(group, name, "failed", without_secrets(said), without_secrets(fix), code)
