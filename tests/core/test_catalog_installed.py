"""Real distributions on a real path: what the command line says of plugins that fail or clash."""

from __future__ import annotations

import json
from pathlib import Path

from toy_distributions import install, install_toys, run
from toy_recipes import recipe_of, write

FINE = """\
import imagora
@imagora.hookimpl
def offer_generators():
    return [imagora.Component("fine", "a generator", imagora.Options, lambda options, context: None)]
"""
BROKEN = "import a_package_that_nobody_has\n"
HOOK = "import imagora\n@imagora.hookimpl\ndef offer_generators():\n    raise ValueError('no luck')\n"
TYPO = "import imagora\n@imagora.hookimpl\ndef offer_generater():\n    return []\n"


def imagora(*arguments: str, site: Path, cwd: Path) -> tuple[int, str, str]:
    program = run("-c", "from imagora.cli.main import main; main()", *arguments, site=site, cwd=cwd)
    assert "Traceback" not in program.stderr, program.stderr
    return program.returncode, program.stdout, program.stderr


def test_plugins_that_fail_are_named_with_distribution_and_version_and_the_others_go_on(tmp_path: Path) -> None:
    site = tmp_path / "site"
    install_toys(site)
    install(site, "broken-plugin", {"broken": "broken_plugin"}, {"broken_plugin": BROKEN}, "2.3")
    install(site, "hook-plugin", {"hook": "hook_plugin"}, {"hook_plugin": HOOK})
    install(site, "typo-plugin", {"typo": "typo_plugin"}, {"typo_plugin": TYPO})
    install(site, "gone-plugin", {"gone": "no_module_of_that_name"})
    code, out, _ = imagora("plugins", "--json", site=site, cwd=tmp_path)
    told = json.loads(out)
    why = {failed["plugin"]: failed["error"] for failed in told["failed"]}
    assert why["'broken' of broken-plugin 2.3"] == "ModuleNotFoundError: No module named 'a_package_that_nobody_has'"
    assert why["'hook' of hook-plugin 1.0"] == "ValueError: no luck"
    assert "unknown hook 'offer_generater'" in why["'typo' of typo-plugin 1.0"]
    assert why["'gone' of gone-plugin 1.0"].startswith("ModuleNotFoundError")
    assert "toy_quote" in [component["name"] for component in told["components"]]
    assert code == 1
    recipe = write(tmp_path, recipe_of())
    code, out, err = imagora("recipe", "check", str(recipe), site=site, cwd=tmp_path)
    assert (code, "the recipe is fine" in out) == (0, True)
    assert "warning: the plugin 'broken' of broken-plugin 2.3 failed to load: ModuleNotFoundError" in err


def test_two_plugins_that_offer_one_component_are_both_named(tmp_path: Path) -> None:
    site = tmp_path / "site"
    install(site, "plugin-a", {"plugin_a": "plugin_a"}, {"plugin_a": FINE})
    install(site, "plugin-b", {"plugin_b": "plugin_b"}, {"plugin_b": FINE}, "2.0")
    both = "two plugins offer a generator called 'fine': 'plugin_a' of plugin-a 1.0 and 'plugin_b' of plugin-b 2.0"
    code, out, err = imagora("plugins", site=site, cwd=tmp_path)
    assert (code, both in err) == (1, True)
    recipe = write(tmp_path, "recipe: 1\ngenerator: {use: fine}\n")
    code, out, err = imagora("recipe", "check", str(recipe), site=site, cwd=tmp_path)
    assert (code, out) == (1, "")
    assert f"toys.yaml:2:18: generator: {both}; uninstall one of them" in err


def test_two_plugins_with_one_name_are_both_named(tmp_path: Path) -> None:
    site = tmp_path / "site"
    install(site, "plugin-a", {"mine": "plugin_a"}, {"plugin_a": FINE})
    install(site, "plugin-b", {"mine": "plugin_b"}, {"plugin_b": HOOK}, "2.0")
    code, _, err = imagora("plugins", site=site, cwd=tmp_path)
    assert code == 1
    assert "'mine' of plugin-a 1.0" in err
    assert "'mine' of plugin-b 2.0" in err
    assert "has the same name; uninstall one of them" in err


def test_a_plugins_command_that_fails_does_not_stop_the_help(tmp_path: Path) -> None:
    site = tmp_path / "site"
    source = (
        "import imagora\n@imagora.hookimpl\ndef offer_commands():\n"
        "    return [imagora.Command('brittle', 'a brittle command', lambda: 1 / 0)]\n"
    )
    install(site, "brittle-plugin", {"brittle": "brittle_plugin"}, {"brittle_plugin": source})
    code, out, _ = imagora("--help", site=site, cwd=tmp_path)
    assert (code, "a brittle command" in out) == (0, True)
    code, _, err = imagora("brittle", site=site, cwd=tmp_path)
    assert code == 1
    assert "error: the command 'brittle' cannot be run: ZeroDivisionError: division by zero" in err


def test_a_plugins_command_may_stand_in_a_group_and_replaces_none_of_the_cores(tmp_path: Path) -> None:
    site = tmp_path / "site"
    source = """\
import imagora, typer
def app():
    made = typer.Typer()
    @made.command()
    def count(recipe: str):
        "Count."
        typer.echo(f"counted {recipe}")
    return made
@imagora.hookimpl
def offer_commands():
    broken = imagora.Command("index brittle", "a brittle command", lambda: 1 / 0)
    return [imagora.Command(f"recipe {name}", "counts recipes", app) for name in ("count", "check")] + [broken]
"""
    install(site, "counting-plugin", {"counting": "counting_plugin"}, {"counting_plugin": source})
    _, top, _ = imagora("--help", site=site, cwd=tmp_path)
    _, group, _ = imagora("recipe", "--help", site=site, cwd=tmp_path)
    assert ("counts recipes" in top, group.count("counts recipes")) == (False, 1)
    assert imagora("recipe", "count", "shop", site=site, cwd=tmp_path)[:2] == (0, "counted shop\n")
    code, _, err = imagora("recipe", "check", "nowhere.yaml", site=site, cwd=tmp_path)
    assert code == 1 and "nowhere.yaml" in err
    code, _, err = imagora("index", "brittle", site=site, cwd=tmp_path)
    assert code == 1 and "the command 'index brittle' cannot be run" in err
