"""Guardrails at their three places: the query coming in, the passages, the answer going out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from imagora.answer import GuardrailRecord, Passage
from imagora.errors import ImagoraError, StageError
from imagora.query import Query
from imagora.record import Record
from imagora.stages import Guardrail, Place, Verdict

Guardrails = Sequence[tuple[str, Guardrail]]


class Refused(ImagoraError):
    """A guardrail refused the query or the answer."""

    code = "IMG-508"


async def guard_query(query: Query, guardrails: Guardrails, record: Record) -> Query:
    """Give the query as its guardrails let its words through, negative ones and those of its pictures, too.

    Raises Refused where one does not.
    """
    asked = [query.query_str, query.negative, *query.picture_words]
    words, negative, *read = passed = await _guard_texts(asked, "query", guardrails, record)
    if passed == asked:
        return query
    changed = zip(query.pictures, query.picture_words, read, strict=False)
    record.scope.withheld |= {picture.sha256 for picture, before, after in changed if after != before}
    return replace(query, query_str=words, negative=negative, picture_words=tuple(read))


async def guard_answer(text: str, guardrails: Guardrails, record: Record) -> str:
    """Give the answer as its guardrails let it through; raise Refused if one does not."""
    return (await _guard_texts([text], "answer", guardrails, record))[0]


async def guard_passages(passages: list[Passage], guardrails: Guardrails, record: Record) -> list[Passage]:
    """Give the passages with texts and metadata as the guardrails let them through; a refused one is left out."""
    for name, guardrail in guardrails:
        texts = [_texts(passage) for passage in passages]
        verdicts = await _check(name, guardrail, [text for own in texts for text in own], "passages", record)
        if all(verdict.action == "pass" for verdict in verdicts):
            continue
        given = iter(verdicts)
        judged = [(passage, list(islice(given, len(own)))) for passage, own in zip(passages, texts, strict=True)]
        kept = [(passage, own) for passage, own in judged if all(v.action != "refuse" for v in own)]
        rewritten = [_rewritten(passage, own) for passage, own in kept]
        record.scope.withheld |= {
            new.node_id for (old, _), new in zip(kept, rewritten, strict=True) if _reread(old, new)
        }
        passages = rewritten
    return passages


async def _guard_texts(texts: list[str], place: Place, guardrails: Guardrails, record: Record) -> list[str]:
    for name, guardrail in guardrails:
        said = [text for text in texts if text.strip() or place == "answer"]
        verdicts = await _check(name, guardrail, said, place, record) if said else []
        for verdict in verdicts:
            if verdict.action == "refuse":
                what = {"query": "the question", "answer": "the answer"}[place]
                raise Refused(f"{what} was refused by the guardrail '{name}': {', '.join(verdict.reasons)}")
        passed = iter([verdict.text for verdict in verdicts])
        texts = [next(passed) if text.strip() or place == "answer" else text for text in texts]
    return texts


async def _check(name: str, guardrail: Guardrail, texts: list[str], place: Place, record: Record) -> list[Verdict]:
    with record.stage(f"guardrail ({place})", name, texts) as facts:
        try:
            verdicts = list(await guardrail.acheck(texts, place, record.scope))
        except ImagoraError:
            raise
        except Exception as error:  # its message may hold the text it stumbled over, so only its kind is told
            raise StageError(f"the guardrail '{name}' failed: {type(error).__name__}", code="IMG-805") from None
        if len(verdicts) != len(texts):  # fail closed: a text without a verdict must not get through
            raise Refused(f"the guardrail '{name}' gave {len(verdicts)} verdicts for {len(texts)} texts")
        if unknown := {str(verdict.action) for verdict in verdicts} - {"pass", "redact", "refuse"}:
            raise Refused(f"the guardrail '{name}' gave a verdict that there is not: {', '.join(sorted(unknown))}")
        given = zip(verdicts, texts, strict=True)
        verdicts = [replace(v, text=t) if v.action == "pass" and v.text != t else v for v, t in given]
        acted = [verdict for verdict in verdicts if verdict.action != "pass"]
        facts.update(texts=len(texts), acted=len(acted))
        facts.gave(verdicts)
    record.verdicts.extend(GuardrailRecord(place, name, v.action, v.reasons) for v in acted)
    return verdicts


def _reread(before: Passage, after: Passage) -> bool:
    # What was read in a picture is in the picture: where the words may not be shown, the picture may not either. The
    # same goes for what a caption says of it, and for the text of a page, which the page's picture shows.
    old, new = before.node.metadata, after.node.metadata
    of_a_page = "page" in old and before.get_content() != after.get_content()
    return of_a_page or any(old.get(key) != new.get(key) for key in ("ocr_text", "caption"))


def _texts(passage: Passage) -> list[str]:
    # The text and every string in the metadata, however deep; the item's name is one of them.
    strings = [passage.get_content()]
    for _, value in sorted(passage.node.metadata.items()):
        if isinstance(value, str):
            strings.append(value)
        else:
            strings.extend(_strings(value))
    return strings


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _strings(part)


def _rewritten(passage: Passage, verdicts: list[Verdict]) -> Passage:
    if all(verdict.action == "pass" for verdict in verdicts):
        return passage
    texts = iter([verdict.text for verdict in verdicts])
    node = passage.node.model_copy(deep=True)
    text = next(texts)
    if text != passage.get_content():
        node.set_content(text)

    def put(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: put(part) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return [put(part) for part in value]
        return next(texts) if isinstance(value, str) else value

    for key, value in sorted(node.metadata.items()):
        node.metadata[key] = put(value)
    rewritten = passage.model_copy(update={"node": node})
    rewritten._uri = passage.uri  # a citation says where the item is, whatever may be shown
    return rewritten
