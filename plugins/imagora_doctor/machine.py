"""Checks of this machine: Python, plugins, room on the disk, and the process that decodes pictures."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path

from imagora import __version__
from imagora.catalog import KINDS, Catalog
from imagora.errors import ImagoraError
from imagora.health import Check, Unhealthy
from imagora.pictures import decode
from packaging.requirements import Requirement

OLDEST = (3, 11)
LEAST_FREE = 2_000_000_000
_PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8ffff3f0005fe02fea739d4"
    "2e0000000049454e44ae426082"
)


def checks(catalog: Catalog, folder: Path) -> Iterator[Check]:
    """Give the checks of the machine; folder: where the index would lie."""
    yield Check("python", _python)
    yield Check("packages", _packages)
    yield Check("plugins", lambda: _plugins(catalog))
    yield Check("extras", lambda: _extras(catalog))
    yield Check("disk", lambda: _room(folder))
    yield Check("temporary folder", lambda: _room(Path(tempfile.gettempdir()), 200_000_000))
    yield Check("decoder", _decoder)


def _python() -> str:
    version = platform.python_version()
    if sys.version_info < OLDEST:
        raise Unhealthy(f"this is Python {version}", "use Python 3.11 or newer")
    return f"{version}, imagora {__version__}"


def _packages() -> str:
    from importlib.metadata import PackageNotFoundError, version

    wanted = [Requirement(line) for line in requires("imagora") or ()]
    core = [one for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    for requirement in core:
        try:
            there = version(requirement.name)
        except PackageNotFoundError:
            raise Unhealthy(f"'{requirement.name}' is not installed", f"type: pip install '{requirement}'") from None
        if not requirement.specifier.contains(there, prereleases=True):
            what = f"'{requirement.name}' is {there}, and {requirement.specifier} is needed"
            raise Unhealthy(what, f"type: pip install '{requirement.name}{requirement.specifier}'")
    return f"{len(core)} that the core needs"


def _plugins(catalog: Catalog) -> str:
    for kind in KINDS:  # a plugin may fail only when it is asked what it offers
        catalog.offers(kind)
    if catalog.failed:
        said = "; ".join(f"{plugin}: {plugin.error}" for plugin in catalog.failed)
        raise Unhealthy(said, "install what is missing, or uninstall the plugin", code="IMG-403")
    return f"{len(catalog.plugins)} loaded"


def _extras(catalog: Catalog) -> str:
    lacking = sorted(
        {
            offer.component.extra or offer.component.name
            for kind in KINDS
            for offer in catalog.offers(kind)
            if offer.missing()
        }
    )
    return f"not installed, and needed by no recipe that does not name them: {', '.join(lacking)}" if lacking else "all"


def _room(folder: Path, least: int = LEAST_FREE) -> str:
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.is_dir())
    if not os.access(there, os.W_OK):
        raise Unhealthy(f"'{there}' may not be written", f"type: chmod u+w {there}", code="IMG-110")
    free = shutil.disk_usage(there).free
    if free < least:
        what = f"{free / 1e9:.1f} GB are free at '{there}', and {least / 1e9:g} GB should be"
        raise Unhealthy(what, "make room, or put the index on another disk", code="IMG-111")
    return f"{free / 1e9:.1f} GB free at '{there}'"


def _decoder() -> str:
    try:
        picture = decode(_PIXEL)
    except ImagoraError as error:
        fix = "type: pip install --force-reinstall pillow"
        raise Unhealthy(f"a picture cannot be decoded: {error}", fix) from None
    return f"decodes pictures in a process of its own ({len(picture.png)} bytes)"
