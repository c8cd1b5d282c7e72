"""Pictures and texts in a bucket or at any other fsspec address, listed, or as S3 tells of changes through SQS."""

from __future__ import annotations

from typing import Any

import imagora
from imagora import BuildContext, Component

_S3_ABOUT = (
    "Lists the address, and downloads a picture only where its ETag (or its size and time, where there is none) has "
    "changed. Files beside a picture, 'name.txt' and 'name.json', are its words; there is no manifest."
)
_EVENTS_ABOUT = (
    "Takes S3's notifications from an SQS queue, looks at the bucket as it is now, and gives what changed; duplicates "
    "and any order end in the same state. Messages leave the queue only after the index has them. It says nothing of "
    "objects that were there before: list them once with 's3' and the same 'url'."
)

imagora_api = ">=1.0,<2"


@imagora.hookimpl
def offer_sources() -> list[Component[Any]]:
    """Offer `s3` and `s3_events`."""
    from .options import S3EventsOptions, S3Options

    s3: Component[Any] = Component(
        name="s3",
        summary="Pictures and texts in an S3 bucket or at any other fsspec address.",
        options=S3Options,
        build=_build_s3,
        requires=("fsspec", "s3fs", "tenacity"),
        extra="s3",
        about=_S3_ABOUT,
    )
    events: Component[Any] = Component(
        name="s3_events",
        summary="What changes in an S3 bucket, as S3 tells it through an SQS queue.",
        options=S3EventsOptions,
        build=_build_events,
        requires=("aiobotocore", "fsspec", "s3fs", "tenacity"),
        extra="s3",
        about=_EVENTS_ABOUT,
    )
    return [s3, events]


def _build_s3(options: Any, _context: BuildContext) -> Any:
    from .source import S3Source

    return S3Source(options)


def _build_events(options: Any, _context: BuildContext) -> Any:
    from .events import S3Events

    return S3Events(options)
