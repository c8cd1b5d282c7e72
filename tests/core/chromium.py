"""Chromium without a window, as the tests that look at pages start it."""

from __future__ import annotations

import shutil

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ALONE = (
    "--headless",
    "--no-sandbox",  # tests run as root in containers, where Chromium does not start otherwise
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--hide-scrollbars",
)


def chromium() -> str:
    """Give the program; skip what needs it where there is none."""
    program = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("there is no Chromium here; on Debian: apt-get install chromium")
    return program
