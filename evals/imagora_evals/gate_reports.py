"""A gate for machines and people: JUnit XML for a CI's list of tests, and Markdown for a comment on a pull request."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

from .comparing.comparison import MINIMUM
from .gating import Check, Gate

_SIGNS = {"passed": "✅", "failed": "❌", "undecided": "⚪"}
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(gate: Gate) -> str:
    """Give the gate as JUnit XML: a test case for each check, what is undecided as skipped."""
    states = [check.state for check in gate.checks]
    counts = {"tests": len(states), "failures": states.count("failed"), "skipped": states.count("undecided")}
    said = {**{name: str(count) for name, count in counts.items()}, "errors": "0", "time": f"{gate.run.seconds:.3f}"}
    root = ET.Element("testsuites", {"name": "imagora gate", **said})
    name = f"{gate.run.recipe} on {gate.run.suite}"
    suite = ET.SubElement(root, "testsuite", {"name": _xml(name), **said})
    for check in gate.checks:
        of = {"classname": _xml(f"{gate.run.suite}.{gate.run.recipe}"), "name": f"{check.metric} {check.limit}"}
        case = ET.SubElement(suite, "testcase", {**of, "time": "0"})
        if check.state == "failed":
            ET.SubElement(case, "failure", {"message": _xml(check.why), "type": check.limit}).text = _xml(check.why)
        if check.state == "undecided":
            ET.SubElement(case, "skipped", {"message": _xml(check.why)})
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def markdown(gate: Gate) -> str:
    """Give the gate as a table that GitHub and GitLab show in a comment."""
    failed = sum(check.state == "failed" for check in gate.checks)
    undecided = sum(check.state == "undecided" for check in gate.checks)
    word = "passed" if gate.passed else f"failed: {failed} of {len(gate.checks)} checks"
    sign = _SIGNS["passed" if gate.passed else "failed"]
    lines = [
        f"### {sign} Gate {word} — `{_cell(gate.run.recipe)}` on `{_cell(gate.run.suite)}`",
        "",
        "| | metric | demanded | baseline | now | what was found |",
        "|---|---|---:|---:|---:|---|",
    ]
    for check in sorted(gate.checks, key=lambda one: ("failed", "undecided", "passed").index(one.state)):
        demanded = f"{ {'min': '≥', 'max': '≤', 'drop': 'drop ≤'}[check.limit] } {check.demanded:g}"
        cells = (_SIGNS[check.state], f"`{check.metric}`", demanded, _number(check.before), _number(check.value))
        lines.append(f"| {' | '.join(cells)} | {_cell(check.why)} |")
    notes = [f"{len(gate.run.results)} queries, recipe {gate.run.recipe_hash}, suite {gate.run.suite_digest[:12]}."]
    if any(check.finds is not None for check in gate.checks):
        notes.append(f"A drop fails when it is certain (one-sided), not when a mean is lower. {_finds(gate)}")
    if undecided:
        notes.append(f"⚪ is not decided and fails nothing; a drop takes a baseline and {MINIMUM} queries.")
    return "\n".join([*lines, "", " ".join(notes), ""])


def _finds(gate: Gate) -> str:
    found = [f"{check.finds:.3f} of `{check.metric}`" for check in gate.checks if check.finds is not None]
    return f"These queries show a drop of {', '.join(found)} in 9 of 10 runs."


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _cell(text: str) -> str:
    return " ".join(text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "'").split())


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)


def line(check: Check) -> str:
    """Give a check as a line for a terminal."""
    word = {"passed": "passed", "failed": "FAILED", "undecided": "undecided"}[check.state]
    return f"{word:9} {check.metric} {check.limit} {check.demanded:g}: {check.why}"


def write_reports(gate: Gate, to_junit: Path | None, to_markdown: Path | None) -> None:
    """Write a gate as files, where they are named."""
    if to_junit is not None:
        to_junit.write_text(junit(gate), "utf-8")
    if to_markdown is not None:
        to_markdown.write_text(markdown(gate), "utf-8")
