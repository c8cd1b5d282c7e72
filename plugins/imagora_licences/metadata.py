"""What the metadata of an installed distribution says of its licence, and which of its words that is read from."""

from __future__ import annotations

import re
from importlib.metadata import Distribution

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

# What people write instead of an SPDX id; only what leaves no doubt about the version.
_WRITTEN = {
    "apache 2.0": "Apache-2.0",
    "apache 2": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache license version 2.0": "Apache-2.0",
    "apache software license 2.0": "Apache-2.0",
    "mit license": "MIT",
    "the mit license": "MIT",
    "the mit license (mit)": "MIT",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "modified bsd license": "BSD-3-Clause",
    "bsd 2-clause": "BSD-2-Clause",
    "mozilla public license 2.0": "MPL-2.0",
    "mpl 2.0": "MPL-2.0",
    "psf license": "PSF-2.0",
    "isc license": "ISC",
}
_CLASSIFIED = {
    "MIT License": "MIT",
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "zlib/libpng License": "Zlib",
}
_LICENCE_FILE = re.compile(r"^(LICEN[CS]E|COPYING)([-._ ].*)?$", re.IGNORECASE)
_OWN = re.compile(r"[^/]+\.dist-info(/licenses)?")  # deeper are those of what a package bundles
_MOST_CHARACTERS = 400_000


def licence_of(distribution: Distribution) -> tuple[str, str]:
    """Give the SPDX expression and what says so; an empty one, with what there is instead, where nobody can tell."""
    metadata = distribution.metadata
    for field in ("License-Expression", "License"):
        written = str((metadata.get_all(field) or [""])[0]).strip()
        if found := expression(written):
            return found, f"its metadata, {field}"
    files = dict(_licence_files(distribution))
    read = {recognised(text) for text in files.values()}
    if len(read) == 1 and (found := read.pop()):  # several files of several licences, or one of them unknown: no guess
        return found, f"its file {next(iter(files))}"
    classifiers = [c.rpartition(" :: ")[2] for c in metadata.get_all("Classifier") or () if c.startswith("License ::")]
    for classifier in classifiers:
        if classifier in _CLASSIFIED:
            return _CLASSIFIED[classifier], "its metadata, Classifier"
    said = [str((metadata.get_all("License") or [""])[0]).strip().splitlines(), classifiers]
    words = ", ".join(line[0][:60] for line in said if line and line[0] != "UNKNOWN")
    return "", f"it says '{words}', which is not one licence" if words else "nothing says it"


def expression(written: str) -> str:
    """Give what was written as an SPDX expression, empty where it is none and does not clearly mean one."""
    known = _WRITTEN.get(" ".join(written.lower().rstrip(".").split()), written)
    try:
        return str(canonicalize_license_expression(known)) if known and len(known.splitlines()) == 1 else ""
    except InvalidLicenseExpression:
        return ""


def recognised(text: str) -> str:
    """Give the licence whose well-known text this is, empty where it is none of those, or of several."""
    words = " ".join(text.split())
    found = []
    if re.search(r"Apache (Software )?License,? (Version )?2\.0", words):
        found.append("Apache-2.0")
    if "Permission is hereby granted, free of charge, to any person obtaining a copy" in words:
        found.append("MIT")
    if "Redistribution and use in source and binary forms" in words:
        three = re.search(r"[Nn]either the names? of|may not be used to endorse", words)
        found.append("BSD-3-Clause" if three else "BSD-2-Clause")
    if words.startswith("Mozilla Public License Version 2.0"):
        found.append("MPL-2.0")
    found += ["GPL"] if re.search(r"GNU (LESSER |AFFERO )?GENERAL PUBLIC LICENSE", words, re.IGNORECASE) else []
    return found[0] if len(found) == 1 and found != ["GPL"] else ""  # of which there are several, by a word or two


def _licence_files(distribution: Distribution) -> list[tuple[str, str]]:
    found = []
    for file in distribution.files or ():
        if _LICENCE_FILE.match(file.name) and _OWN.fullmatch(file.parent.as_posix()):
            path = distribution.locate_file(file)
            try:
                with open(str(path), encoding="utf-8", errors="replace") as opened:  # noqa: PTH123 - not always a Path
                    found.append((file.name, opened.read(_MOST_CHARACTERS)))
            except OSError:  # the record names a file that is no longer there
                continue
    return found
