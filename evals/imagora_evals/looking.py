"""What `imagora eval check` looks at: whether a suite's judgements fit its corpus, and what nobody judged."""

from __future__ import annotations

from dataclasses import dataclass

from imagora import Item
from imagora.catalog import installed_catalog
from imagora.errors import did_you_mean
from imagora_recipe.check import check_tree
from imagora_recipe.tree import Mark

from .suite import Suite
from .suite_reading import FILE
from .trees import tree_of

SHOWN = 20
_NEAR = 2_000
"""Up to so many items it is looked for what a wrong name could have meant."""


@dataclass(frozen=True)
class Looked:
    """What a suite holds, and what is odd about it; wrong: what falsifies its numbers. items: None without a corpus."""

    items: int | None
    unreadable: int
    wrong: tuple[str, ...]
    notes: tuple[str, ...]


def looked_at(suite: Suite) -> Looked:
    """Read a suite's corpus, and hold its judgements against it."""
    there, unreadable = _corpus(suite)
    judged = {uri: query for query, grades in suite.qrels.items() for uri in grades}
    wrong = []
    for uri, query in sorted(judged.items()) if there is not None else ():
        if there is not None and uri not in there:
            near = did_you_mean(uri, there).split(" (there is")[0] if len(there) <= _NEAR else ""
            wrong.append(f"qrels: '{uri}', judged for the query '{query}', is not in the corpus{near}")
    unjudged = [one.id for one in suite.queries if not one.refuse and not suite.relevant(one.id)]
    notes = []
    if unjudged:
        listed = ", ".join(unjudged[:SHOWN]) + (" …" if len(unjudged) > SHOWN else "")
        notes.append(f"{len(unjudged)} queries have nothing relevant, and count in no metric of a ranking: {listed}")
    unknown = [key for key in suite.slices if not any(key in one.slices for one in suite.queries)]
    notes += [f"slices: no query has '{key}'" for key in unknown]
    return Looked(None if there is None else len(there), unreadable, tuple(wrong), tuple(notes))


def _corpus(suite: Suite) -> tuple[set[str] | None, int]:
    if not suite.corpus:
        return None, 0
    from imagora.assembly import assemble

    mark = Mark(str(suite.folder / FILE))
    tree = tree_of({"recipe": 1, "source": dict(suite.corpus), "generator": {"use": "extractive"}}, mark)
    source = assemble(check_tree(suite.folder / FILE, tree, installed_catalog())).source
    assert source is not None  # noqa: S101 - the tree has one
    items = list(source.items())
    found = {item.uri for item in items if isinstance(item, Item)}
    return found, len(items) - len(found)
