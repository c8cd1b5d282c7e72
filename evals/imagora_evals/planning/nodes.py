"""How many machines hold an index and answer so many queries: shards, copies, cores."""

from __future__ import annotations

import math

from .figures import Figure, in_bytes
from .needs import Layout, Needs

FREE = 0.8
"""The share of a machine's memory that the index may have; the rest is the system's and the file cache's."""
MEASURED_AT = 100_000


def nodes(layout: Layout, needs: Needs, memory: float, embed: float) -> list[Figure]:
    """Give shards, core seconds, copies and machines.

    memory: bytes to provide for one copy. embed: core seconds to embed one query's words.
    """
    shards, shard = _shards(layout, needs, memory)
    search, searching = _search(layout, needs, shards)
    # Each shard searches for every query; only the first machine embeds it.
    cores = needs.qps * (embed + search * shards) / needs.busy
    worked = f"{needs.qps:g} /s x ({1000 * embed:.2f} ms + {1000 * search:.2f} ms x {shards}) / {needs.busy:g}"
    core = Figure("nodes", "cores for queries", cores, "cores", "cores", worked)
    said = layout.options.get("replication_factor")
    wanted = max(math.ceil(cores / (shards * needs.node_cores)), said or 1, needs.replicas, 1)
    worked = f"max({cores:.2f} cores / ({shards} x {needs.node_cores}), {max(said or 1, needs.replicas)})"
    copies = Figure("nodes", "copies of each shard", wanted, "", "copies", worked)
    machines = Figure("nodes", "machines", shards * wanted, "", "machines", f"{shards} x {wanted}", total=True)
    return [shard, searching, core, copies, machines]


def refused(layout: Layout, found: list[Figure]) -> str:
    """Say where an index in a folder does not do, "" where it does."""
    by_name = {one.name: one.value or 0 for one in found}
    if not layout.embedded or by_name["machines"] <= 1:
        return ""
    return (
        f"the recipe's index is in a folder of one machine and one process, and this needs {by_name['machines']:.0f} "
        "machines; name a server in the recipe: index: {use: qdrant, url: …}"
    )


def _shards(layout: Layout, needs: Needs, memory: float) -> tuple[int, Figure]:
    room = FREE * needs.node_memory
    said = layout.options.get("shard_number")
    least = max(1, math.ceil(memory / room))
    worked = f"{in_bytes(memory)} / ({FREE} x {in_bytes(needs.node_memory)})"
    if said and said >= least:
        return said, Figure("nodes", "shards", said, "", "shards", f"as the recipe says; at least {worked}")
    return least, Figure("nodes", "shards", least, "", "shards", worked)


def _search(layout: Layout, needs: Needs, shards: int) -> tuple[float, Figure]:
    """Give the core seconds of one query in one shard: a graph is walked in steps that grow with the logarithm."""
    legs = len(layout.dimensions) + layout.sparse
    each = max(2.0, needs.items / shards)
    seconds = legs * needs.search * math.log2(each) / math.log2(MEASURED_AT)
    worked = f"{legs} legs x {1000 * needs.search:g} ms x log2({each:,.0f}) / log2({MEASURED_AT:,})"
    return seconds, Figure("nodes", "search in a shard", 1000 * seconds, "ms", "search", worked)
