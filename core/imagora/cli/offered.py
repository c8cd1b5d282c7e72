"""The commands that plugins offer, beside the core's own: at the top, and in groups such as `imagora recipe`."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from imagora.catalog import installed_catalog
from imagora.component import Command
from imagora.errors import PluginError


class OfferedCommands(TyperGroup):
    """A group with what plugins offer to it; the core's own commands go before theirs.

    The contexts and commands are `Any`, because typer brings its own copy of click, under a private name.
    """

    _to_run = False

    def list_commands(self, ctx: Any) -> list[str]:
        """Give all names, the core's first."""
        own = super().list_commands(ctx)
        return own + [name for name in _offered(ctx) if name not in own]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that is to run; only for that one is a plugin's code imported, and not for a list of all."""
        self._to_run = True
        try:
            return super().resolve_command(ctx, args)
        finally:
            self._to_run = False

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Give a command by name; for a list of all, one of a plugin that has nothing but its summary."""
        own = super().get_command(ctx, cmd_name)
        if own is not None or (command := _offered(ctx).get(cmd_name)) is None:
            return own
        made = typer.main.get_command(_app_of(command) if self._to_run else _summary_of(command))
        made.name, made.short_help = cmd_name, command.summary
        return made


def _offered(ctx: Any) -> dict[str, Command]:
    """Give what is offered to a group by its name there: `recipe alerts` is `alerts` in the group `recipe`."""
    found: dict[str, Command] = {}
    for command in installed_catalog().commands():
        group, _, name = command.name.rpartition(" ")
        if group == ("" if ctx.parent is None else ctx.info_name):
            found.setdefault(name, command)
    return found


def _summary_of(command: Command) -> typer.Typer:
    listed = typer.Typer(add_completion=False)
    listed.command(help=command.summary)(lambda: None)
    return listed


def _app_of(command: Command) -> Any:
    try:
        return command.app()
    except (Exception, SystemExit) as error:  # a stranger's code may raise anything; the help still shows the rest
        why = f"the command '{command.name}' cannot be run: {type(error).__name__}: {error}"
        why += "; report it to whoever wrote the plugin"
        broken = typer.Typer(add_completion=False)

        @broken.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
        def _say() -> None:
            raise PluginError(why, code="IMG-405")

        return broken
