"""Every route of the gateway, asked at random within and beyond what its OpenAPI says.

    python -m imagora_benchmarks.gateway_fuzz [--cases 5000] [--json]

A gateway is served at a free port of this machine, with the recipe of `imagora demo` in ./imagora-demo, or another with
--recipe. schemathesis makes the requests, as many for each route as long as there are different ones. Bounds: no server
error, and no answer that is not as OpenAPI says. Exit code 1 beyond them.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("recipe", "model")


@contextmanager
def served(recipe: str, folder: Path) -> Iterator[str]:
    """Serve a recipe as `fuzzed` and give the address."""
    import structlog
    import uvicorn
    from imagora_gateway.app import create_app
    from imagora_gateway.settings import Settings

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    app = create_app(Settings(recipes=(f"fuzzed={recipe}",), folder=folder, page=False))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", timeout_graceful_shutdown=5))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the gateway does not start")
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)


def broken(url: str, cases: int, name: str = "fuzzed") -> tuple[int, list[str]]:
    """Ask every route at random; give the number of requests, and what came back that must not, a line each."""
    import schemathesis

    described: Any = schemathesis.openapi.from_url(f"{url}/openapi.json")
    operations = [found.ok() for found in described.get_all_operations()]
    operations.sort(key=lambda operation: len(operation.body))  # of requests without a body there are soon no new ones
    asked, wrong = 0, list[str]()
    for number, operation in enumerate(operations):
        each, counted = math.ceil((cases - asked) / (len(operations) - number)), [0]
        try:
            _ask(operation, each, name, counted)
        # Schemathesis has many kinds, and hypothesis wraps them; several are a group that is no `Exception`.
        except (Exception, BaseExceptionGroup) as error:
            wrong.append(f"{operation.label}: {error}")
        asked += counted[0]
    return asked, wrong


def _ask(operation: Any, examples: int, name: str, counted: list[int]) -> None:
    from hypothesis import HealthCheck, Phase, given, settings
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

    checks = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

    @given(case=operation.as_strategy())
    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Any) -> None:
        for part in (case.body, case.path_parameters):  # so that most of them reach the recipe
            for key in NAMES:
                if isinstance(part, dict) and isinstance(part.get(key), str):
                    part[key] = name
        counted[0] += 1
        case.call_and_validate(checks=checks, timeout=60)

    ask()


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask, print, and give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--recipe", default="imagora-demo/recipe.yaml")
    parser.add_argument("--json", action="store_true")
    said = parser.parse_args(arguments)
    if not Path(said.recipe).is_file():
        sys.stderr.write(f"there is no recipe at '{said.recipe}'; make the demo's with: imagora demo\n")
        return 2
    with tempfile.TemporaryDirectory() as folder, served(said.recipe, Path(folder)) as url:
        asked, wrong = broken(url, said.cases)
    if said.json:
        sys.stdout.write(json.dumps({"requests": asked, "wrong": wrong}, indent=2) + "\n")
    else:
        sys.stdout.write(
            "\n".join([f"{asked} requests, {len(wrong)} routes that did not answer as they say", *wrong, ""])
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
