"""What an SQS message says: S3's own notifications, the same through SNS, and EventBridge's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus


@dataclass(frozen=True)
class Notice:
    """Something happened to an object; what it is now is asked of the bucket, so the kind of event does not matter."""

    bucket: str
    key: str


class Malformed(Exception):
    """A message is no notification of S3; the text is the reason."""


def notices(body: str) -> list[Notice]:
    """Give what a message tells of, nothing for S3's test message; raise Malformed."""
    said = _mapping(body)
    if said.get("Type") == "Notification" and isinstance(said.get("Message"), str):  # by way of SNS
        said = _mapping(said["Message"])
    try:
        if said.get("Event") == "s3:TestEvent":
            return []
        if said.get("source") == "aws.s3" and "detail" in said:  # EventBridge gives keys as they are
            return [_notice(said["detail"]["bucket"]["name"], said["detail"]["object"]["key"])]
        found = [record["s3"] for record in said["Records"] if _is_change(record)]
        return [_notice(one["bucket"]["name"], unquote_plus(one["object"]["key"], errors="strict")) for one in found]
    except UnicodeDecodeError:
        raise Malformed("its key is not UTF-8 text") from None
    except (KeyError, TypeError, AttributeError):
        raise Malformed("it is not a notification of S3") from None


def _is_change(record: Mapping[str, Any]) -> bool:
    """Say whether the object itself came, changed or went; tags and access lists are no part of an item."""
    event = str(record["eventName"]).removeprefix("s3:")
    return event.startswith(("ObjectCreated", "ObjectRemoved", "ObjectRestore", "LifecycleExpiration"))


def _notice(bucket: object, key: object) -> Notice:
    if not isinstance(bucket, str) or not isinstance(key, str) or not key:
        raise Malformed("it is not a notification of S3")
    return Notice(bucket, key)


def _mapping(text: str) -> Mapping[str, Any]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        raise Malformed("it is not JSON") from None
    if not isinstance(said, Mapping):
        raise Malformed("it is not a notification of S3")
    return said
