"""The command `imagora vllm-command`: the line that starts the server which a recipe speaks to."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer
from imagora.cli.completing import recipes
from imagora.errors import QueryError

from .options import Quantization, VllmOptions

app = typer.Typer(add_completion=False)


@app.command()
def vllm_command(  # noqa: PLR0913, PLR0917 - a command's parameters are its options
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", help="A shipped recipe's name, or a recipe file.", autocompletion=recipes)
    ],
    weights: Annotated[
        str | None, typer.Option("--weights", metavar="DIR", help="Load the model from this folder, under its name.")
    ] = None,
    quantization: Annotated[
        Quantization | None, typer.Option("--quantization", help="Instead of the recipe's own, to compare the memory.")
    ] = None,
    tensor_parallel: Annotated[
        int | None,
        typer.Option(
            "--tensor-parallel", min=1, max=64, help="GPUs that share the model, instead of the recipe's number."
        ),
    ] = None,
    profile: Annotated[
        str | None, typer.Option("--profile", metavar="NAME", help="A profile of the recipe, or more, with commas.")
    ] = None,
    assigned: Annotated[
        list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="A value in the recipe's place.")
    ] = None,
) -> None:
    """Print the line that starts a vLLM server for a recipe, and the memory that it should need."""
    from .memory import estimate, shape_of
    from .serving import remarks, serve_line

    options = _generator_of(recipe, profile, assigned)
    changed = {"quantization": quantization, "tensor_parallel": tensor_parallel}
    server = options.server.model_copy(update={key: value for key, value in changed.items() if value is not None})
    options = options.model_copy(update={"server": server})
    typer.echo(shlex.join(serve_line(options, weights)))
    for line in [*estimate(options, shape_of(options, weights)), *remarks(options)]:
        typer.echo(f"# {line}")


def _generator_of(recipe: str, profile: str | None, assigned: list[str] | None) -> VllmOptions:
    # Imported here, not above: `imagora vllm-command --help` needs no recipe.
    from imagora_recipe.check import check

    planned = check(recipe, profile=profile, said=assigned).generator
    if planned is None or not isinstance(planned.options, VllmOptions):
        there = f"its generator is '{planned.name}'" if planned else "it has no generator"
        raise QueryError(
            f"the recipe '{recipe}' speaks to no vLLM server: {there}; write 'generator: {{use: vllm, …}}'"
        )
    return planned.options
