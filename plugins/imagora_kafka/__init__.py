"""Items from a Kafka topic: upserts and tombstones, keyed by the item's name."""

from __future__ import annotations

from typing import Any

import imagora
from imagora import BuildContext, Component

_ABOUT = (
    "A message's key is the item's name, its value the whole item as JSON, or nothing where the item is gone. Offsets "
    "are committed only after the index has the items: after a crash messages come again, and end in the same index. "
    "The order is kept within a key, as Kafka keeps it within a partition."
)

imagora_api = ">=1.0,<2"


@imagora.hookimpl
def offer_sources() -> list[Component[Any]]:
    """Offer `kafka`."""
    from .options import KafkaOptions

    return [
        Component(
            name="kafka",
            summary="Items from a Kafka topic: upserts and tombstones, keyed by the item's name.",
            options=KafkaOptions,
            build=_build,
            requires=("confluent_kafka",),
            extra="kafka",
            about=_ABOUT,
        )
    ]


def _build(options: Any, _context: BuildContext) -> Any:
    from .source import KafkaFeed

    return KafkaFeed(options)
