"""A pytest plugin for `imagora plugin test`: tells of every test of a contract in a line of JSON."""

from __future__ import annotations

import json
import os
from typing import Any

_told = os.fdopen(os.dup(1), "w", encoding="utf-8")  # pytest captures the other one
_of: dict[str, dict[str, str]] = {}


def _tell(what: dict[str, Any]) -> None:
    _told.write(json.dumps(what) + "\n")
    _told.flush()


def pytest_collection_modifyitems(items: list[Any]) -> None:
    """Remember of which component a test is."""
    for item in items:
        cls = item.cls
        name = getattr(cls, "component", "") or getattr(cls, "command", "") or "(all it offers)"
        kind = getattr(cls, "kind", "") or "plugin"
        _of[item.nodeid] = {"plugin": getattr(cls, "of_plugin", ""), "kind": kind, "component": name}
    _tell({"tests": len(items)})


def pytest_collectreport(report: Any) -> None:
    """Tell of what could not even be collected, such as a plugin's contract module with a mistake."""
    if report.failed:
        _tell({"broken": str(report.longrepr)})


def pytest_runtest_logreport(report: Any) -> None:
    """Tell what became of a test."""
    if report.when == "call" or not report.passed:
        _tell({**_of[report.nodeid], "test": _sentence(report.nodeid), "outcome": report.outcome, "why": _why(report)})


def _sentence(nodeid: str) -> str:
    name, _, case = nodeid.rpartition("::")[2].partition("[")
    return name.removeprefix("test_").replace("_", " ") + (f" [{case}" if case else "")


def _why(report: Any) -> str:
    if report.skipped:
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message if crash else report.longrepr).strip() if report.failed else ""
