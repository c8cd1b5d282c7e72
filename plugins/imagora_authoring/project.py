"""A plugin's project out of the template in this package, and the same project by a newer template.

Every version of the template is a folder in `template`, the newest one is used. An update is copier's own: what the
old template gave, what the new one gives, and what the author wrote are merged; the old versions are read from a git
repository that is made of the folders for the time of the update.
"""

from __future__ import annotations

import keyword
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from imagora.errors import MissingExtra, PluginError

TEMPLATES = Path(__file__).parent / "template"
KINDS = (
    *("source", "preparer", "embedder", "index", "ledger", "engine"),
    *("retriever", "reranker", "generator", "guardrail", "wrapper", "tracer", "command"),
)
ADDRESS = "imagora://template.git"
"""What stands for the template's repository in a project's .copier-answers.yml."""


def versions() -> list[str]:
    """Give the template's versions, the oldest one first."""
    return sorted((folder.name for folder in TEMPLATES.iterdir() if folder.is_dir()), key=int)


def begin(name: str, kind: str, folder: Path) -> Path:
    """Write the project of a plugin with one component into a folder of its own, and give that folder."""
    import copier

    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise PluginError(f"a plugin's name has small letters, digits and underscores, and '{name}' has others")
    place = folder / f"imagora-{name.replace('_', '-')}"
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise PluginError(f"'{place}' is there already")
    data = {"name": name, "kind": kind, "title": "".join(part.capitalize() for part in name.split("_"))}
    copier.run_copy(str(TEMPLATES / versions()[-1]), place, data=data, quiet=True, defaults=True)
    return place


def bring_up_to_date(place: Path) -> tuple[str, str]:
    """Merge the newest template into a project; give the version that it had and the one that it has."""
    import copier
    import plumbum
    from copier.errors import CopierError

    before = template_of(place)
    if before == versions()[-1]:
        return before, before
    # Copier calls git through plumbum, which keeps an environment of its own.
    with _repository() as settings, plumbum.local.env(**settings):
        try:
            copier.run_update(place, defaults=True, overwrite=True, quiet=True)
        except CopierError as error:
            raise PluginError(f"'{place}' cannot be brought up to date: {error}") from error
    return before, template_of(place)


def template_of(place: Path) -> str:
    """Give the version of the template that a project came out of."""
    answers = place / ".copier-answers.yml"
    match = re.search(r"^_commit: v(\d+)$", answers.read_text("utf-8"), re.M) if answers.is_file() else None
    if match is None:
        raise PluginError(f"'{place}' did not come out of 'imagora plugin new': it has no '.copier-answers.yml'")
    return match[1]


def need_copier() -> None:
    """Raise a MissingExtra that says what to type where copier is not installed."""
    if find_spec("copier") is None:
        raise MissingExtra("copier, which fills in templates, is not installed; type: pip install 'imagora[authoring]'")


@contextmanager
def _repository() -> Iterator[dict[str, str]]:
    """Make a git repository of the template's versions, and give the settings by which git finds it at ADDRESS."""
    with tempfile.TemporaryDirectory() as made:
        place = Path(made)
        _git(place, "init", "--quiet")
        for version in versions():
            for old in place.iterdir():
                if old.name != ".git":
                    shutil.rmtree(old) if old.is_dir() else old.unlink()
            shutil.copytree(TEMPLATES / version, place, dirs_exist_ok=True)
            _git(place, "add", "--all", "--force")
            _git(place, "commit", "--quiet", "--allow-empty", "--message", f"Version {version}")
            _git(place, "tag", f"v{version}")
        yield {
            "GIT_CONFIG_COUNT": "2",
            "GIT_CONFIG_KEY_0": f"url.{place.as_uri()}.insteadOf",
            "GIT_CONFIG_VALUE_0": ADDRESS,
            "GIT_CONFIG_KEY_1": "protocol.file.allow",
            "GIT_CONFIG_VALUE_1": "always",
        }


def _git(place: Path, *words: str) -> None:
    author = ("-c", "user.name=Imagora", "-c", "user.email=imagora@localhost", "-c", "commit.gpgsign=false")
    command = ["git", *author, *words]
    try:
        subprocess.run(command, cwd=place, check=True, capture_output=True)
    except FileNotFoundError:
        raise PluginError("an update needs git, which is not installed") from None
