"""The maker: decodes, prepares and embeds; it can be sent to another process, and builds its stages anew there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from typing import Any

from imagora.assembly import Stages, assemble, picture_decoder
from imagora.errors import ImagoraError, SourceError
from imagora.item import Deleted
from imagora.ledger import Row, State
from imagora.passages import payload_of
from imagora.pictures import PictureDecoder
from imagora.runner import Change, Made
from imagora.stages import Entry, Prepared
from imagora_recipe.plan import Plan

from .embedding import embed
from .thumbnails import thumbnail

BATCH = 32


class EntryMaker:
    """Makes entries out of changes with the stages of a plan; see `imagora.runner.Maker`.

    mark: is told what is decoded, where the maker was not sent to another process.
    """

    def __init__(
        self, plan: Plan, stages: Stages | None = None, mark: Callable[[Sequence[Row], State], None] | None = None
    ) -> None:
        self._plan, self._mark = plan, mark
        self.batch, self.workers = BATCH, plan.pictures.workers
        if stages is not None:
            self._stages = stages

    @cached_property
    def ordered(self) -> bool:
        """Whether a preparer needs the source's order."""
        return any(getattr(preparer, "ordered", False) for _, preparer in self._stages.preparers)

    @cached_property
    def lanes(self) -> int:
        """Two where every embedder is `parallel`: one makes pixels into numbers while the model is at the others'."""
        together = all(getattr(embedder, "parallel", False) for embedder in self._stages.embedders.values())
        return 2 if together and not self.ordered else 1

    def __getstate__(self) -> dict[str, Any]:
        return {"_plan": self._plan, "_mark": None, "batch": self.batch, "workers": self.workers}

    @cached_property
    def _stages(self) -> Stages:
        return assemble(self._plan)

    @cached_property
    def _decoder(self) -> PictureDecoder:
        # Embedders look at a picture here and let go of it; preparers may send it to a model elsewhere.
        return picture_decoder(self._plan, compress=bool(self._stages.preparers))

    def __call__(self, changes: Sequence[Change]) -> list[Made]:
        """Make all of it, in order."""
        with ThreadPoolExecutor(self.workers) as pool:
            results = list(zip(changes, pool.map(self.prepare, changes), strict=True))
        embedded = iter(self.embed([(change, one) for change, one in results if isinstance(one, Prepared)]))
        return [one if isinstance(one, Made) else next(embedded) for _, one in results]

    def prepare(self, change: Change) -> Prepared | Made:
        """Decode an item's picture and let the preparers at it that need no order."""
        item = change.item
        if isinstance(item, Deleted):
            return Made(change)
        if change.relabel and not self._stages.preparers:
            return Made(change, Entry(change.row.id, {}, payload_of(item)))

        def decoded() -> Prepared:
            prepared = Prepared(item, None if item.picture is None else self._decoder.decode(item.picture))
            return self._through(prepared, ordered=False)

        return _judged(change, decoded)

    def embed(self, prepared: Sequence[tuple[Change, Prepared]]) -> list[Made]:
        """Embed a batch; the preparers that need the source's order are called here, for this is called in it."""
        if self._mark is not None and prepared:
            self._mark([change.row for change, _ in prepared], "decoded")
        made: dict[int, Made] = {}
        waiting: dict[int, Prepared] = {}
        for place, (change, one) in enumerate(prepared):
            done = _judged(change, partial(self._through, one, ordered=True))
            if isinstance(done, Made):
                made[place] = done
            elif change.relabel:
                made[place] = Made(change, Entry(change.row.id, {}, payload_of(done.item)))
            elif not (done.picture or done.item.words):
                made[place] = Made(change, refusal="has neither words nor a picture")
            else:
                waiting[place] = done
        changes = [prepared[place][0] for place in waiting]
        made |= zip(waiting, self._entries(list(zip(changes, waiting.values(), strict=True))), strict=True)
        return [made[place] for place in range(len(prepared))]

    def close(self) -> None:
        """End the decoder's processes."""
        if "_decoder" in self.__dict__:
            self._decoder.close()

    def _through(self, prepared: Prepared, *, ordered: bool) -> Prepared:
        # One that needs the order may read what one before it wrote, so all behind it keep the order too.
        preparers = [preparer for _, preparer in self._stages.preparers]
        first = next((n for n, one in enumerate(preparers) if getattr(one, "ordered", False)), len(preparers))
        for preparer in preparers[first:] if ordered else preparers[:first]:
            (prepared,) = preparer.prepare([prepared])
        return prepared

    def _entries(self, batch: list[tuple[Change, Prepared]]) -> list[Made]:
        try:
            entries = embed([(change.row.id, prepared) for change, prepared in batch], self._stages.embedders)
        except ImagoraError:
            raise
        except Exception as error:  # an embedder may stumble over one item: then one by one
            if len(batch) > 1:
                return [made for one in batch for made in self._entries([one])]
            return [Made(batch[0][0], refusal=f"cannot be embedded: {type(error).__name__}: {error}")]
        nothing = "has nothing that the recipe's legs embed"
        return [
            Made(change, entry, thumbnail=self._thumbnail(change, one))
            if entry.vectors
            else Made(change, refusal=nothing)
            for (change, one), entry in zip(batch, entries, strict=True)
        ]

    def _thumbnail(self, change: Change, prepared: Prepared) -> bytes:
        if change.thumbnail and prepared.picture:
            return thumbnail(prepared.picture, self._plan.pictures.thumbnails)
        return b""


def _judged(change: Change, call: Callable[[], Prepared]) -> Prepared | Made:
    try:
        return call()
    except SourceError:
        raise  # not this item's fault: what gets its bytes is gone
    except ImagoraError as error:
        return Made(change, refusal=str(error))
    except Exception as error:  # a stranger's preparer may raise anything, and one item must not stop the rest
        return Made(change, refusal=f"{type(error).__name__}: {error}")
