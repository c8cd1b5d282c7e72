"""What it costs, by a table of prices that whoever plans has from a provider; none are built in, since they change."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from imagora.errors import QueryError, did_you_mean
from imagora_recipe.plan import Plan, PriceOptions

from .figures import Figure, value_of
from .needs import GB, Needs

HOURS = 730
"""Of a month."""
HOUR = "hour"
"""A recipe's price of an hour of all machines together."""
PRICES = {
    "core_hour": "one core for an hour",
    "gb_hour": "one GB of memory for an hour",
    "disk_gb_month": "one GB of disk for a month",
    "gpu_hour": "one GPU for an hour",
}


def prices(said: Sequence[str], file: Path | None) -> dict[str, float]:
    """Read prices, `NAME=NUMBER` each, laid over those of a YAML file; QueryError for what is none."""
    found: dict[str, float] = {}
    pairs = [*(_in_file(file) if file else ()), *(text.partition("=")[::2] for text in said)]
    for name, number in pairs:
        if name not in PRICES:
            raise QueryError(f"there is no price '{name}'{did_you_mean(name, PRICES)}", code="IMG-105")
        try:
            found[name] = float(number)
        except ValueError:
            found[name] = math.nan
        if not 0 <= found[name] < math.inf:
            raise QueryError(
                f"the price '{name}' is a number, such as {name}=0.04, and this is '{number}'", code="IMG-105"
            )
    return found


def _in_file(file: Path) -> list[tuple[str, str]]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        read = YAML(typ="safe").load(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise QueryError(f"the prices '{file}' cannot be read: {error}", code="IMG-105") from None
    if not isinstance(read, dict):
        raise QueryError(f"'{file}' holds no prices; write lines such as core_hour: 0.04", code="IMG-105")
    return [(str(name), str(number)) for name, number in read.items()]


def of_recipe(prices: PriceOptions | None) -> dict[str, float]:
    """Give the prices of machines that a recipe names; where it has none of them, its `hour` of all machines."""
    if prices is None:
        return {}
    found = {name: value for name in PRICES if (value := getattr(prices, name)) is not None}
    return found or ({HOUR: prices.hour} if prices.hour else {})


@dataclass(frozen=True)
class Fees:
    """What each query costs besides machines, and of what that is made."""

    each: float
    worked: str


def fees(plan: Plan, tokens: int, written: int) -> Fees | None:
    """Give what the recipe's prices say of a query with so many tokens, some of them in its answer; None: nothing."""
    prices = plan.prices
    if prices is None or plan.generator is None:
        return Fees(prices.query, f"{prices.query:g}") if prices is not None and prices.query else None
    read, shown = max(tokens - written, 0), plan.prompt.pictures if prices.picture else 0
    parts = {
        f"{prices.query:g}": prices.query,
        f"{read:,} tokens x {prices.read:g} / 10^6": read * prices.read / 1e6,
        f"{written:,} tokens x {prices.written:g} / 10^6": written * prices.written / 1e6,
        f"{shown} pictures x {prices.picture:g}": shown * prices.picture,
    }
    named = [worked for worked, value in parts.items() if value]
    return Fees(sum(parts.values()), " + ".join(named)) if named else None


def cost(  # noqa: PLR0913, PLR0917 - what a cost is made of
    figures: list[Figure],
    needs: Needs,
    each: Mapping[str, float],
    workers: int,
    besides: Fees | None = None,
    currency: str = "",
) -> list[Figure]:
    """Give what the machines of a plan cost a month, and what embedding costs once; nothing where no price is known.

    besides: what queries cost whatever the machines do. currency: of all prices.
    """
    machines = value_of(figures, "nodes")
    copies = next((one.value or 1.0 for one in figures if one.name == "copies of each shard"), 1.0)
    parts = {
        "core_hour": (machines * needs.node_cores, HOURS, f"{machines:.0f} machines x {needs.node_cores} cores"),
        "gb_hour": (machines * needs.node_memory / GB, HOURS, f"{machines:.0f} x {needs.node_memory / GB:g} GB"),
        "disk_gb_month": (copies * value_of(figures, "disk") / GB, 1, f"{copies:.0f} copies x the disk to provide"),
        "gpu_hour": (value_of(figures, "generator"), HOURS, "GPUs"),
        HOUR: (1, HOURS, "all machines together"),
    }
    found = []
    for name, price in each.items():
        amount, hours, what = parts[name]
        worked = f"{what} x {f'{hours} h x ' if hours > 1 else ''}{price:g}"
        found.append(Figure("cost", f"a month, {name}", amount * hours * price, currency, "month", worked))
    if besides is not None:
        queries = needs.qps * HOURS * 3600
        worked = f"{needs.qps:g} /s x {HOURS} h x 3600 s x ({besides.worked}), where the load is always this"
        found.append(Figure("cost", "a month, fees", queries * besides.each, currency, "fees", worked))
    if not found:
        return []
    whole = sum(one.value or 0.0 for one in found)
    if "core_hour" in each:
        once = value_of(figures, "ingest") * workers * each["core_hour"]
        found.append(
            Figure("cost", "embedding, once", once, currency, "once", f"hours x {workers} x {each['core_hour']:g}")
        )
    found.append(Figure("cost", "a month", whole, currency, "sum", "the sum of what is by the month", total=True))
    if needs.qps:
        thousand = whole / (needs.qps * HOURS * 3600) * 1000
        worked = f"a month / ({needs.qps:g} /s x {HOURS} h x 3600 s) x 1000, where the load is always this"
        found.append(Figure("cost", "1,000 queries", thousand, currency, "thousand", worked))
    return found
