"""The options of the engine `ray`."""

from __future__ import annotations

import re
from typing import Annotated

from imagora import Options
from pydantic import AfterValidator, Field


def _of_a_head(address: str | None) -> str | None:
    if address is None or address == "auto" or re.fullmatch(r"[^\s/:@]+:\d{1,5}|\[[0-9a-fA-F:.]+\]:\d{1,5}", address):
        return address
    if address.startswith("ray://"):
        raise ValueError("'ray://' is for Ray Client; run on a machine of the cluster, with its head's 'HOST:6379'")
    raise ValueError(f"it is 'HOST:PORT' or 'auto', and '{address}' is neither")


class RayOptions(Options):
    """Which cluster works, with how many workers, and how much is on its way at once."""

    address: Annotated[str | None, AfterValidator(_of_a_head)] = Field(
        default=None,
        description="A running cluster to join, 'HOST:PORT' of its head, or 'auto' for the one on this machine; "
        "without it, a cluster is started on this machine for the run, and ended after it.",
    )
    workers: int = Field(default=2, ge=1, le=10_000, description="Processes that decode, prepare and embed.")
    cpus: float = Field(default=1, gt=0, description="Processor cores that are reserved for each worker.")
    gpus: float = Field(default=0, ge=0, description="Graphics cards that are reserved for each worker, e.g. 0.5.")
    block: int | None = Field(
        default=None,
        ge=1,
        description="Items that are on their way at once, and are worked on again after a crash; without it, four "
        "batches a worker.",
    )
    object_store: int = Field(
        default=200,
        ge=100,
        description="Memory in MB for what is on its way, of a cluster that is started for the run; more goes to disk.",
    )
    shared_files: bool = Field(
        default=False,
        description="The machines of the joined cluster see the pictures' files under the same paths, so that they "
        "need not be sent to them.",
    )
