"""One recipe's try at a query: the pipeline for it, and what its route and the next recipe hear of how it went."""

from __future__ import annotations

from types import TracebackType

from imagora.errors import PictureError, QueryError
from imagora.pipeline import Pipeline

from .route import Route

_THE_USERS = (QueryError, PictureError)
"""What is wrong with the query itself, and would be with any recipe: no reason to ask another one."""


class Attempt:
    """Holds a route's pipeline for one query; swallows what fails in it where another recipe may be asked.

    failed: why recipes before this one gave no answer, in words; this one's reason is added. is_last: nobody comes
    after it, or the answer has begun.
    """

    def __init__(self, route: Route, failed: list[str], *, is_last: bool) -> None:
        self.route, self.failed, self.is_last = route, failed, is_last
        self._lease = route.lease()

    def __enter__(self) -> Pipeline:
        return self._lease.__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> bool:
        self._lease.__exit__(None, None, None)
        if error is None:
            self.route.went_well()
        if not isinstance(error, Exception) or isinstance(error, _THE_USERS):
            return False  # it went well, somebody cancelled it, or the query is at fault
        self.route.failed(error)
        self.failed.append(f"'{self.route.name}' failed: {error}")
        return not self.is_last
