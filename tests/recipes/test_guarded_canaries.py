"""200 canaries of personal data, in texts and in drawn pictures that OCR reads: none comes out of `guarded`.

Half of them stand in notes, half are drawn into pictures. A model that sees repeats all that it is shown; then it fails
with it. The same pipeline without its guardrails gives nearly all of them away, so the test would see them.
"""

from __future__ import annotations

import base64
import logging
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from io import BytesIO
from pathlib import Path
from traceback import format_exception
from typing import Any

import pytest
from imagora import Picture, Pipeline
from imagora.assembly import assemble
from imagora.errors import GeneratorError, ImagoraError
from imagora.pictures import decode
from imagora_recipe.check import check
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ImageBlock
from PIL import Image, ImageDraw, ImageFont

pytest.importorskip("presidio_analyzer", reason="needs the extra: pip install 'imagora[presidio]'")
pytest.importorskip("rapidocr", reason="needs the extra: pip install 'imagora[ocr]'")
pytest.importorskip("opentelemetry.sdk", reason="needs the extra: pip install 'imagora[phoenix]'")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.plugins.otlp_receiver import Receiver, receiver
from tests.plugins.test_presidio_recall import card, iban, ssn

IN_EACH, A_NOTE, A_PICTURE, KINDS = 100, 10, 25, 6
PLACES = ("answers", "prompts", "traces", "logs", "errors")
HARMLESS = ["OPENING HOURS", "Monday to Friday", "All kettles on sale"]
RECIPE = """recipe: 1
extends: guarded
source: {path: ./items}
index: {path: ./index}
retriever: {top_k: 40}
prompt: {passages: 40, pictures: 40}
traces: {use: phoenix, url: "URL"}
"""


@dataclass(frozen=True)
class Canary:
    """A personal value, and the line that it stands in."""

    line: str
    value: str


def canaries(count: int, seed: int) -> list[Canary]:
    chance = random.Random(seed)
    made = []
    for number in range(count):
        name = f"{chance.choice(('anna', 'rajesh', 'olga', 'pedro'))}.{seed}{number:03}"
        phone = f"+1 {chance.randrange(201, 990)}-{chance.randrange(201, 990)}-{chance.randrange(1000, 9999)}"
        value, line = [
            (f"{name}@example.com", "Mail: {}"),
            (phone, "Phone: {}"),
            (card(chance)[0], "Card number: {}"),
            (iban(chance)[0], "IBAN: {}"),
            (ssn(chance)[0], "SSN: {}"),
            (f"{chance.randrange(11, 223)}.{chance.randrange(256)}.{chance.randrange(256)}.{number}", "IP: {}"),
        ][number % KINDS]
        made.append(Canary(line.format(value), value))
    return made


def drawn(lines: Sequence[str]) -> bytes:
    image = Image.new("RGB", (800, 40 * len(lines) + 40), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(28)
    for place, line in enumerate(lines):
        pen.text((30, 20 + 40 * place), line, "black", font)
    image.save(file := BytesIO(), "PNG")
    return file.getvalue()


IN_TEXTS, IN_PICTURES = canaries(IN_EACH, 1), canaries(IN_EACH, 2)
ALL = [*IN_TEXTS, *IN_PICTURES]
ASKED = canaries(KINDS, 3)
"""What who asks gives away: one of each kind."""


class Obedient:
    """Sees pictures; repeats the words of the prompt, or fails with them."""

    images = 40

    def __init__(self) -> None:
        self.prompts: list[str] = []
        self.pictures: list[int] = []
        self.fails = False

    async def achat(self, messages: Sequence[ChatMessage]) -> ChatResponse:
        self.prompts.append("\n".join(str(message.content) for message in messages))
        self.pictures.append(sum(isinstance(block, ImageBlock) for block in messages[-1].blocks))
        if self.fails:
            raise GeneratorError(f"cannot answer {self.prompts[-1]}")
        return ChatResponse(message=ChatMessage(role="assistant", content=f"{self.prompts[-1]} [1]"))


@dataclass
class Told:
    """What came out of a pipeline at its five places, and how many pictures each prompt showed."""

    answers: str = ""
    prompts: str = ""
    traces: str = ""
    logs: str = ""
    errors: str = ""
    pictures: list[int] = field(default_factory=list)

    def found(self, place: str) -> list[Canary]:
        text = str(getattr(self, place))
        coded = [base64.b64encode(one.value.encode()).decode()[:12] for one in (*ALL, *ASKED)]
        return [one for one, in_64 in zip((*ALL, *ASKED), coded, strict=True) if one.value in text or in_64 in text]


def asked(pipeline: Pipeline, picture: Picture) -> Told:
    model = Obedient()
    stages: Any = replace(pipeline.stages, generator=("obedient", model))
    told = Told(pictures=model.pictures)
    asking = Pipeline(pipeline.plan, stages)
    answers = [asking.ask("notes and scans of the shop"), asking.ask(f"who has {', '.join(c.line for c in ASKED)}?")]
    answers.append(asking.ask("whose is this", pictures=[picture]))
    model.fails = True
    with pytest.raises(ImagoraError) as failed:
        asking.ask(f"who is {ASKED[0].value}?")
    told.answers = "\n".join(str(answer.to_dict()) for answer in answers)
    told.prompts, told.errors = "\n".join(model.prompts), "".join(format_exception(failed.value))
    return told


@pytest.fixture(scope="module")
def records() -> Iterator[list[str]]:
    """Everything that is logged, from the first import of a part on."""
    kept: list[str] = []

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            kept.append(f"{record.name} {self.format(record)}")

    root, keeping = logging.getLogger(), Keeping()
    level = root.level
    root.addHandler(keeping)
    root.setLevel(logging.DEBUG)
    yield kept
    root.removeHandler(keeping)
    root.setLevel(level)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("canaries")
    (items := folder / "items").mkdir()
    for at in range(0, IN_EACH, A_NOTE):
        lines = [canary.line for canary in IN_TEXTS[at : at + A_NOTE]]
        (items / f"note-{at}.txt").write_text("A note of the shop. " + ". ".join(lines) + ".")
    for at in range(0, IN_EACH, A_PICTURE):
        (items / f"scan-{at}.png").write_bytes(drawn([one.line for one in IN_PICTURES[at : at + A_PICTURE]]))
    (items / "sign.png").write_bytes(drawn(HARMLESS))
    return folder


@pytest.fixture(scope="module")
def both(folder: Path, records: list[str]) -> Iterator[tuple[Told, Told]]:
    """What came out with the guardrails, and without them; the index is the same."""
    with receiver() as collector:
        (folder / "recipe.yaml").write_text(RECIPE.replace("URL", collector.url))
        plan = check(folder / "recipe.yaml")
        picture = decode(drawn([one.line for one in ASKED]))
        with Pipeline(plan, assemble(plan)) as pipeline:
            assert pipeline.ingest().added == IN_EACH // A_NOTE + IN_EACH // A_PICTURE + 1
            guarded = asked(pipeline, picture)
            tracer: Any = pipeline.stages.tracer
            tracer.close()
            assert (tracer.counts.failed, tracer.counts.dropped) == (0, 0) and tracer.counts.sent > 20
            guarded.traces, guarded.logs = wire(collector), "\n".join(records)
            yield guarded, asked(Pipeline(plan, replace(pipeline.stages, guardrails={})), picture)


def wire(collector: Receiver) -> str:
    """Give what was sent, as bytes and as what the bytes mean."""
    meant = [str(ExportTraceServiceRequest.FromString(body)) for body in collector.bodies]
    return "\n".join([body.decode("utf-8", "replace") for body in collector.bodies] + meant)


@pytest.mark.parametrize("place", PLACES)
def test_none_of_200_canaries_comes_out(both: tuple[Told, Told], place: str) -> None:
    assert len({canary.value for canary in ALL}) == 200
    assert getattr(both[0], place), f"nothing came out at the place '{place}' at all"
    assert both[0].found(place) == []


def test_pictures_with_canaries_are_shown_to_no_model_and_thumbnails_to_no_collector(both: tuple[Told, Told]) -> None:
    guarded, unguarded = both
    assert guarded.pictures == [1, 1, 1, 1], "the sign alone: not the scans, and not the question's picture"
    assert unguarded.pictures == [5, 5, 6, 5]
    assert "data:image" not in guarded.traces
    assert guarded.answers.count("a guardrail acted on the words in it") == 3 * 4 + 1


def test_without_guardrails_the_model_is_shown_nearly_all_of_them(both: tuple[Told, Told]) -> None:
    for place in ("prompts", "answers", "errors"):
        assert len(both[1].found(place)) >= 190, place
    assert "SSN" in both[0].prompts and "scan-0.png" in both[0].prompts and HARMLESS[0] in both[0].prompts


def test_what_ocr_misread_is_taken_out_as_well(both: tuple[Told, Told]) -> None:
    first = re.split(r"\n(?=\[\d+\] )", both[0].prompts.partition("\nUser Question")[0])
    scans = [passage.splitlines()[1:] for passage in first if " scan-" in passage.splitlines()[0]]
    left = [line.strip() for lines in scans for line in lines if not re.search(r"[<\u2039][A-Z_]+>", line)]
    nearest = {line: max((likeness(line, one.value), one.value) for one in IN_PICTURES) for line in left}
    print(f"\n{sum(map(len, scans))} lines were read, {len(left)} of them hold no placeholder: {nearest}")
    assert len(scans) == IN_EACH // A_PICTURE
    assert [line for line, (near, _) in nearest.items() if near > 0.5] == []


def likeness(line: str, value: str) -> float:
    """Say how much of a value stands in a line, in order, from 0 to 1; only letters and digits count."""
    written, wanted = (re.sub(r"\W", "", text).lower() for text in (line, value))
    blocks = SequenceMatcher(None, written, wanted, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) / len(wanted)
