"""The memory and the disk that an index needs, structure by structure; docs/planning.md has each formula's source."""

from __future__ import annotations

import math
from collections.abc import Iterator

from .figures import Figure, Section, in_bytes
from .needs import Layout, Needs

FLOAT = 4
LINKS = 0.85
"""Links that a node of the graph has, of those that it may have: measured, the rest is pruned while it is built."""
FILTERED = 2
"""Where fields are indexed, items of equal values are linked besides: measured, about as many links again."""
SMALLER = {"none": 0.0, "scalar": 1 / 4, "product": 1 / 16, "binary": 1 / 32}
"""Bytes of a quantised number, as a share of a float's."""
ID_DISK, ID_MEMORY = 29, 90
"""Bytes of an item's id: UUID, number and version in files; the maps both ways in memory, measured."""
POSTING = 12
"""Bytes of one term of one item in the inverted index: item, weight, and the highest weight that follows."""
PAGE_BLOCK, TRACKED = 128, 16
"""Payloads and sparse vectors are stored in blocks of 128 bytes, each found by an entry of 16."""
FIELD = 40
"""Bytes of a metadata field that is indexed, for each item: the sorted values, and each item's own."""
LOG = 32 * 2**20
"""The write-ahead log's file, which is there however little was written."""
PROGRAM = 75_000_000
"""Bytes of the engine's libraries and of its log when it is opened, measured with an index of 100 items."""
TEMPORARY = 1.5
"""Qdrant's factor for temporary segments while it builds graphs, and for metadata."""


def memory(layout: Layout, needs: Needs) -> list[Figure]:
    """Give the memory of one copy of the index when all that searches read is in memory, and what to provide for it."""
    parts = [*_dense(layout, needs, "memory"), *_graph(layout, needs, "memory"), *_sparse_memory(layout, needs)]
    ids = needs.items * ID_MEMORY
    parts.append(Figure("memory", "ids", ids, "bytes", "ids", f"{needs.items:,} x {ID_MEMORY} B"))
    parts += _fields(layout, needs, "memory")
    parts.append(Figure("memory", "the engine", PROGRAM, "bytes", "program", "measured"))
    held = sum(part.value or 0.0 for part in parts)
    parts.append(Figure("memory", "held by searches", held, "bytes", "sum", "the sum of the above"))
    worked = f"{in_bytes(held)} x {TEMPORARY}"
    parts.append(Figure("memory", "to provide", TEMPORARY * held, "bytes", "provide", worked, total=True))
    return parts


def disk(layout: Layout, needs: Needs) -> list[Figure]:
    """Give the disk that one copy of the index takes, and what to provide for it."""
    parts = [*_dense(layout, needs, "disk"), *_graph(layout, needs, "disk"), *_sparse_disk(layout, needs)]
    ids = needs.items * ID_DISK
    parts.append(Figure("disk", "ids", ids, "bytes", "ids", f"{needs.items:,} x {ID_DISK} B"))
    parts.append(_stored("disk", "payloads", needs.items, needs.payload))
    parts += _fields(layout, needs, "disk")
    parts.append(Figure("disk", "write-ahead log", LOG, "bytes", "log", "32 MiB"))
    used = sum(part.value or 0.0 for part in parts)
    parts.append(Figure("disk", "used", used, "bytes", "sum", "the sum of the above"))
    worked = f"{in_bytes(used)} x 2"
    parts.append(Figure("disk", "to provide", 2 * used, "bytes", "copy", worked, total=True))
    return parts


def _dense(layout: Layout, needs: Needs, section: Section) -> Iterator[Figure]:
    smaller = SMALLER.get(str(layout.options.get("quantization", "none")), 0.0)
    for leg, size in layout.dimensions.items():
        whole = needs.items * size * FLOAT
        if section == "disk" or not layout.options.get("on_disk"):
            worked = f"{needs.items:,} x {size} x {FLOAT} B"
            yield Figure(section, f"vectors, {leg}", whole, "bytes", "vectors", worked)
        if smaller:
            worked = f"{in_bytes(whole)} x 1/{1 / smaller:.0f}"
            yield Figure(section, f"quantised, {leg}", whole * smaller, "bytes", "quantised", worked)


def _graph(layout: Layout, needs: Needs, section: Section) -> Iterator[Figure]:
    hnsw = layout.options.get("hnsw") or layout.options
    m = hnsw.get("m") if layout.options.get("kind", "hnsw") == "hnsw" else None
    if m is None or not layout.dimensions:
        return
    bits = max(1, math.ceil(math.log2(max(2, needs.items))))
    size = needs.items * LINKS * 2 * m * bits / 8 * len(layout.dimensions)
    fields = FILTERED if layout.options.get("fields") else 1
    size *= fields
    legs = f" x {len(layout.dimensions)} legs" if len(layout.dimensions) > 1 else ""
    worked = f"{needs.items:,} x {LINKS} x 2 x {m} x {bits} bits{legs}{' x 2' if fields > 1 else ''}"
    yield Figure(section, "graphs", size, "bytes", "graph", worked)


def _sparse_memory(layout: Layout, needs: Needs) -> Iterator[Figure]:
    if layout.sparse:
        worked = f"{needs.items:,} x {needs.words:g} terms x {POSTING} B"
        yield Figure("memory", "sparse index", needs.items * needs.words * POSTING, "bytes", "sparse", worked)


def _sparse_disk(layout: Layout, needs: Needs) -> Iterator[Figure]:
    if layout.sparse:
        worked = f"{needs.items:,} x {needs.words:g} terms x {POSTING} B"
        yield Figure("disk", "sparse index", needs.items * needs.words * POSTING, "bytes", "sparse", worked)
        yield _stored("disk", "sparse vectors", needs.items, 2 * FLOAT * needs.words)


def _stored(section: Section, name: str, items: int, size: float) -> Figure:
    blocks = math.ceil(size / PAGE_BLOCK)
    worked = f"{items:,} x ({blocks} x {PAGE_BLOCK} B + {TRACKED} B), of {size:g} B each"
    return Figure(section, name, items * (blocks * PAGE_BLOCK + TRACKED), "bytes", "stored", worked)


def _fields(layout: Layout, needs: Needs, section: Section) -> Iterator[Figure]:
    if count := len(layout.options.get("fields") or ()):
        worked = f"{needs.items:,} x {count} x {FIELD} B"
        yield Figure(section, "fields for filters", needs.items * count * FIELD, "bytes", "fields", worked)
