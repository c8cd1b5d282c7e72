"""The program `imagora`: its commands, what plugins add to them, exit codes, and errors in words.

Exit codes: 0 done, 1 failed, 2 wrong use, 3 done in part, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from imagora import __version__
from imagora.catalog import installed_catalog
from imagora.errors import ImagoraError, QueryError

from . import asking, explaining, indexes, ingesting, plugins, recipes, routing
from .offered import OfferedCommands
from .printable import printable
from .starting import spare_collections
from .telling import FAILED_TO_LOAD, UsageError, asked_for_json, is_help, tell

FAILED, WRONG_USE, INTERRUPTED = 1, 2, 130


class Commands(OfferedCommands):
    """The core's commands and those that plugins offer; a user's mistake ends as a sentence, not as a traceback."""

    _arguments: Sequence[str] = ()

    def invoke(self, ctx: Any) -> Any:
        """Run a command and turn what it raises into a sentence and an exit code."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            typer.echo("\ninterrupted; what was written is kept, and the same command goes on from there", err=True)
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:  # whoever read our output has gone; Python would complain once more at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(FAILED) from None
        except (ImagoraError, OSError) as error:  # OSError: a full disk, a folder that may not be written
            tell(error, as_json=asked_for_json(self._arguments))
            raise typer.Exit(WRONG_USE if isinstance(error, QueryError) else FAILED) from None
        except UsageError as error:
            raise self._told(error) from None

    def make_context(self, info_name: Any, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Read the program's own options, and turn a mistake in them into a sentence."""
        self._arguments = list(args)
        try:
            return super().make_context(info_name, args, parent, **extra)
        except UsageError as error:
            raise self._told(error) from None

    def _told(self, error: Any) -> Exception:
        if is_help(error):
            return error  # type: ignore[no-any-return]  # typer's own, see the class's docstring
        tell(error, as_json=asked_for_json(self._arguments))
        return typer.Exit(WRONG_USE)


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Imagora: search pictures and texts, and answer questions from them, by a recipe.",
)
app.command("ingest")(ingesting.ingest)
app.command("search")(asking.search)
app.command("ask")(asking.ask)
app.command("route")(routing.route)
app.command("plugins")(plugins.plugins)
app.command("explain")(explaining.explain)
app.add_typer(recipes.app, name="recipe")
app.add_typer(indexes.app, name="index")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"imagora {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    if ctx.invoked_subcommand != "plugins":  # which tells it in full
        for plugin in installed_catalog().failed:
            said = f"the plugin {plugin} failed to load: {printable(plugin.error or '')} [{FAILED_TO_LOAD}]"
            typer.echo(f"warning: {said}", err=True)


def main() -> None:
    """Run the program."""
    spare_collections()
    app()
