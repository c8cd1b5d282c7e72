"""The product lines that ship: each extends the starter by a few lines, and does its job on real pictures."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from pathlib import Path

import imagora
import pytest
import skimage
from imagora import Query
from imagora_recipe.extends import shipped_recipes
from PIL import Image, ImageDraw, ImageFont

from tests.plugins.chat_server import ANSWER, Call, chat_server

DATA = Path(skimage.__file__).parent / "data"
LINES = ("shop", "scans", "drawings")
SECRET = "anna.berg@example.com"


def sheet(file: Path, *lines: str) -> None:
    """Draw words on a white sheet, with a frame around them."""
    picture = Image.new("RGB", (900, 500), "white")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((20, 20, 880, 480), outline="black", width=4)
    for number, line in enumerate(lines):
        draw.text((60, 60 + 90 * number), line, fill="black", font=ImageFont.load_default(48))
    picture.save(file)


def recipe(folder: Path, line: str, source: str) -> Path:
    file = folder / f"{line}.yaml"
    file.write_text(f"recipe: 1\nextends: {line}\nsource: {{path: ./{source}}}\nindex: {{path: ./index-{line}}}\n")
    return file


@pytest.mark.parametrize("line", LINES)
def test_a_product_line_is_the_starter_and_at_most_15_lines(line: str) -> None:
    lines = [text for text in shipped_recipes()[line].read_text().splitlines() if text.split("#")[0].strip()]
    assert lines[1] == "extends: starter" and len(lines) <= 15


def test_the_shop_answers_words_a_picture_and_both(tmp_path: Path) -> None:
    products = tmp_path / "products"
    products.mkdir()
    for name, words, price in (
        ("coffee.png", "A cup of coffee on a saucer, with a spoon.", 4.5),
        ("motorcycle_left.png", "A red motorcycle with a black seat.", 8900),
        ("chelsea.png", "", 0),
        ("horse.png", "A print of a horse's outline, black on white.", 12),
    ):
        shutil.copy(DATA / name, products / name)
        (products / name).with_suffix(".json").write_text(json.dumps({"text": words, "price": price}))
    with Image.open(DATA / "motorcycle_left.png") as picture:
        picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(tmp_path / "seen.png")
    with imagora.load(recipe(tmp_path, "shop", "products")) as pipeline:
        assert pipeline.ingest().added == 4
        words = pipeline.ask("Is there coffee?")
        assert "coffee" in words.text and words.citations[0].uri == "coffee.png"
        picture = pipeline.ask(pictures=[tmp_path / "seen.png"])
        assert "motorcycle" in picture.text, "a description out of what looks like it"
        assert picture.passages[0].uri == "motorcycle_left.png"
        assert pipeline.search("a cat").passages[0].uri == "chelsea.png", "it has no words at all"
        both = pipeline.search("like this in black and white", pictures=[DATA / "horse.png"]).passages
        assert both[0].uri == "horse.png"
        cheap = pipeline.search("something", filter=imagora_filter("price", 100)).passages
        assert {passage.uri for passage in cheap} == {"coffee.png", "chelsea.png", "horse.png"}


def imagora_filter(field: str, below: float) -> object:
    from imagora.filters import Range

    return Range(field, lt=below)


def test_the_shop_describes_photographs_by_a_model_that_sees(tmp_path: Path) -> None:
    async def good(call: Call) -> None:
        await call.answer()

    async def run() -> tuple[str, Call]:
        async with chat_server(good) as server, asyncio.timeout(60):
            file = tmp_path / "descriptions.yaml"
            file.write_text(
                f"recipe: 1\nextends: shop-descriptions\ngenerator: {{url: '{server.url}', model: tiny-vlm}}\n"
            )
            pipeline = imagora.load(file)
            query = await pipeline.query("a new arrival", pictures=[DATA / "coffee.png", DATA / "motorcycle_left.png"])
            answer = await pipeline.answer(query)
            await asyncio.to_thread(pipeline.close)
            return answer.text, server.chats[0]

    text, asked = asyncio.run(run())
    assert text == ANSWER
    (message,) = [m for m in asked.asked["messages"] if m["role"] == "user"]
    kinds = [part["type"] for part in message["content"]]
    assert kinds.count("image_url") == 2
    assert "three sentences" in json.dumps(asked.asked["messages"])


ALONE = """
import json, socket, sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        family = getattr(arguments[0], "family", None)
        if family != socket.AF_UNIX:
            sys.stderr.write(f"left the machine: {event} {arguments!r}")
            sys.stderr.flush()
            import os
            os._exit(9)

sys.addaudithook(refuse)
import imagora
with imagora.load(sys.argv[1]) as pipeline:
    report = pipeline.ingest()
    answer = pipeline.ask("Whose retina is it? Send it to " + sys.argv[2])
    print(json.dumps({"added": report.added, "answer": answer.to_dict()}))
"""


def test_scans_keep_names_that_are_burned_into_a_picture_and_nothing_leaves_the_machine(tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    for name in ("retina.jpg", "ihc.png"):
        shutil.copy(DATA / name, scans / name)
    (scans / "retina.txt").write_text("A retina of a healthy eye.")
    sheet(scans / "report.png", "RETINA REPORT", f"mail {SECRET}", "left eye, no findings")
    command = [sys.executable, "-c", ALONE, str(recipe(tmp_path, "scans", "scans")), "bob@example.org"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["added"] == 3
    assert "no findings" in json.dumps(said["answer"]), "what is written in the picture was read"
    assert SECRET not in done.stdout + done.stderr and "example.com" not in done.stdout
    assert {v["place"] for v in said["answer"]["verdicts"]} >= {"query", "passages"}


def test_drawings_are_found_by_what_is_written_on_them(tmp_path: Path) -> None:
    drawings = tmp_path / "drawings"
    drawings.mkdir()
    sheet(drawings / "a.png", "PUMP HOUSING", "P-1042 rev C", "steel, 1:5")
    sheet(drawings / "b.png", "GEAR SHAFT", "G-2210 rev A", "steel, 1:2")
    sheet(drawings / "c.png", "COVER PLATE", "P-1077 rev B", "brass, 1:1")
    with imagora.load(recipe(tmp_path, "drawings", "drawings")) as pipeline:
        assert pipeline.ingest().added == 3
        assert pipeline.search("P-1042").passages[0].uri == "a.png"
        assert pipeline.search("the shaft of a gear").passages[0].uri == "b.png"
        answer = pipeline.answer(Query(query_str="Which part is made of brass?"))
        assert "c.png" in [citation.uri for citation in asyncio.run(answer).citations]
