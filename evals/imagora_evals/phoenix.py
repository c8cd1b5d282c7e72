"""A suite as a dataset in Phoenix, and a run of it as an experiment, through Phoenix's own client."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from imagora.errors import ImagoraError, MissingExtra
from imagora_recipe.tree import without_passwords

from .results import EvalRun, QueryResult
from .suite import Suite

if TYPE_CHECKING:
    from phoenix.client import Client

KEY = "PHOENIX_API_KEY"
"""The environment variable with Phoenix's key, where its server asks for one."""


@dataclass(frozen=True)
class Sent:
    """Where Phoenix shows what was sent; new: whether the dataset was not there before."""

    dataset: str
    experiment: str
    new: bool


def send(run: EvalRun, suite: Suite, url: str, on_query: Callable[[int, int], None] | None = None) -> Sent:
    """Send a run to a Phoenix server: its suite's dataset if that is not there, and an experiment with every query.

    A dataset has the suite's digest in its name, so that experiments side by side are of the same questions. Each
    metric becomes an evaluation of its query; what failed is sent as failed.
    """
    with _told(url):
        client = _client(url)
        dataset, new = _dataset(client, suite)
        ids = {example["metadata"]["query"]: example["id"] for example in dataset.examples}
        experiment = client.experiments.create(
            dataset_id=dataset.id,
            dataset_version_id=dataset.version_id,
            experiment_name=f"{run.recipe} {run.recipe_hash[:8]} {_moment(run.at):%Y-%m-%d %H:%M}",
            experiment_description=f"imagora eval {run.recipe} {run.suite}",
            experiment_metadata={
                **{"recipe": run.recipe, "recipe_hash": run.recipe_hash, "suite_digest": run.suite_digest},
                **{"generation": run.generation, "part": run.part, "cost": run.cost, "versions": dict(run.versions)},
            },
        )
        moment = _moment(run.at) - timedelta(seconds=run.seconds)
        for number, result in enumerate(run.results, start=1):
            moment = _log(client, experiment["id"], ids[result.id], result, moment)
            if on_query is not None:
                on_query(number, len(run.results))
        page = client.experiments.get_experiment_url(dataset.id, experiment["id"])
        return Sent(f"{url.rstrip('/')}/datasets/{dataset.id}", page, new)


def _client(url: str) -> Client:
    try:
        from phoenix.client import Client
    except ImportError as error:
        raise MissingExtra("sending runs to Phoenix needs its client; type: pip install 'imagora[phoenix]'") from error
    return Client(base_url=url, api_key=os.environ.get(KEY))


def _dataset(client: Client, suite: Suite) -> tuple[Any, bool]:
    name = f"{suite.name} {suite.digest[:8]}"
    known = [one for one in client.datasets.list() if one["name"] == name]
    if known:
        return client.datasets.get_dataset(dataset=known[0]["id"]), False
    made = client.datasets.create_dataset(
        name=name,
        dataset_description=suite.description or f"the suite {suite.name} of Imagora",
        inputs=[{"text": one.text, "pictures": [file.name for file in one.pictures]} for one in suite.queries],
        outputs=[
            {"answer": one.answer, "refuse": one.refuse, "relevant": suite.relevant(one.id)} for one in suite.queries
        ],
        metadata=[{"query": one.id, "slices": dict(one.slices)} for one in suite.queries],
    )
    return made, True


def _log(client: Client, experiment: str, example: str, result: QueryResult, begin: datetime) -> datetime:
    """Log a query and its metrics, and give when it ended: queries were asked one after the other."""
    end = begin + timedelta(seconds=result.seconds.get("total", 0.0))
    output = {
        "answer": result.answer,
        "cited": list(result.cited),
        "ranking": [{"uri": uri, "score": score} for uri, score in result.ranking],
    }
    logged = client.experiments.log_run(
        experiment_id=experiment,
        dataset_example_id=example,
        output=output,
        start_time=begin,
        end_time=end,
        error=result.error or None,
    )
    for name, value in result.metrics.items():
        client.experiments.log_evaluation(
            experiment_run_id=logged["id"], name=name, score=value, start_time=begin, end_time=end
        )
    return end


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, tz=UTC)


@contextmanager
def _told(url: str) -> Iterator[None]:
    """Say in words what is wrong with the server."""
    import httpx

    shown = without_passwords(url)
    try:
        yield
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        hint = f"; set {KEY}" if status in {401, 403} else ""
        what = f"Phoenix at '{shown}' answers {status} to {error.request.url.path}{hint}"
        raise ImagoraError(what, code="IMG-145") from None
    except httpx.HTTPError as error:
        what = f"Phoenix at '{shown}' cannot be reached ({type(error).__name__})"
        raise ImagoraError(f"{what}; start it with: phoenix serve", code="IMG-145") from None
