"""`imagora eval`: asks a recipe the queries of a suite; and its commands `nightly`, `new`, `check` and `history`."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from .history import history
from .nightly import nightly
from .run import run
from .suites import check, new

__all__ = ["app"]

RUN = "run"


class RunByDefault(TyperGroup):
    """A group in which a recipe's name stands where a command would: `imagora eval RECIPE SUITE` runs."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put in the name of the command that runs where none of the others is named."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [RUN, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=RunByDefault,
    add_completion=False,
    no_args_is_help=True,
    help="Ask a recipe the queries of a suite, and score what comes back: imagora eval RECIPE SUITE.",
)
app.command(RUN)(run)
for command in (nightly, new, check, history):
    app.command()(command)
