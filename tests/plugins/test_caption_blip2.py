"""`blip2` runs a BLIP-2 model from a folder; the test's own is tiny, with weights by chance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from imagora import BuildContext, Item
from imagora.errors import StageError
from imagora.stages import Prepared
from imagora.testing import PreparerContract
from imagora.testing.golden import PICTURES, picture_of
from imagora_caption import offer_preparers
from imagora_caption.options import Blip2Options
from imagora_caption.preparer import CaptionPreparer
from PIL import Image

torch = pytest.importorskip("torch", reason="needs the extra: pip install 'imagora[blip]'")
transformers = pytest.importorskip("transformers", reason="needs the extra: pip install 'imagora[blip]'")

SPECIAL = ["<pad>", "</s>", "<unk>", "<image>"]
WORDS = [
    "a",
    "photo",
    "of",
    "cat",
    "dog",
    "sofa",
    "red",
    "green",
    "blue",
    "in",
    "on",
    "the",
    "with",
    "small",
    "old",
    "house",
    "tree",
]
TINY = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tokenizers import Tokenizer, models, pre_tokenizers

    place = tmp_path_factory.mktemp("blip2")
    words = Tokenizer(models.WordLevel({word: n for n, word in enumerate(SPECIAL + WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    named = {"pad_token": "<pad>", "bos_token": "</s>", "eos_token": "</s>", "unk_token": "<unk>"}
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=words, **named)
    pixels = transformers.BlipImageProcessor(size={"height": 32, "width": 32})
    transformers.Blip2Processor(pixels, tokenizer, num_query_tokens=4).save_pretrained(place)
    sizes = {
        "vocab_size": len(SPECIAL + WORDS),
        "word_embed_proj_dim": 32,
        "ffn_dim": 32,
        "max_position_embeddings": 64,
    }
    ids = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 1}
    config = transformers.Blip2Config(
        vision_config={**TINY, "image_size": 32, "patch_size": 8},
        qformer_config={**TINY, "vocab_size": 8},
        text_config={"model_type": "opt", **TINY, **sizes, **ids},
        num_query_tokens=4,
        image_token_index=3,
    )
    torch.manual_seed(7)
    model = transformers.Blip2ForConditionalGeneration(config)
    for name, weights in model.named_parameters():  # the weights of a new model are too small for pictures to matter
        if weights.dim() > 1 and "k_proj" not in name:
            torch.nn.init.normal_(weights, std=0.6)
    model.save_pretrained(place)
    return place


def blip2(folder: Path, **options: Any) -> CaptionPreparer:
    component = next(component for component in offer_preparers() if component.name == "blip2")
    given = Blip2Options.model_validate({"model": folder, "min_words": 1, "max_tokens": 8, "device": "cpu", **options})
    built: CaptionPreparer = component.build(given, BuildContext("test"))
    return built


def captions(stage: CaptionPreparer) -> dict[str, str]:
    given = stage.prepare([Prepared(Item(words), picture_of(words)) for words in PICTURES])
    return {one.item.uri: str(one.item.metadata["caption"]) for one in given}


class TestBlip2Preparer(PreparerContract):
    @pytest.fixture
    def stage(self, folder: Path) -> CaptionPreparer:
        return blip2(folder, on_failure="without")


def test_captions_are_what_the_model_writes_of_each_picture(folder: Path, tmp_path: Path) -> None:
    model = transformers.Blip2ForConditionalGeneration.from_pretrained(folder)
    processor = transformers.Blip2Processor.from_pretrained(folder)
    found = captions(blip2(folder))
    for words, png in PICTURES.items():
        (tmp_path / "shown.png").write_bytes(png)
        given = processor(Image.open(tmp_path / "shown.png"), "a photo of", return_tensors="pt")
        whole = processor.decode(
            model.generate(**given, max_new_tokens=8, do_sample=False)[0], skip_special_tokens=True
        )
        assert whole == f"a photo of {found[words]}"
    assert len(set(found.values())) > 1, "the pictures make the difference"
    assert set(" ".join(found.values()).split()) <= set(WORDS)


def test_bounds_and_beams_are_kept(folder: Path) -> None:
    plain, short = captions(blip2(folder)), captions(blip2(folder, max_words=2))
    assert {uri: " ".join(caption.split()[:2]) for uri, caption in plain.items()} == short
    assert captions(blip2(folder, beams=3)) != plain


def test_the_model_runs_in_half_precision_too(folder: Path) -> None:
    half = captions(blip2(folder, precision="bf16"))
    assert set(half) == set(PICTURES) and all(half.values())


def test_a_folder_without_a_model_is_said_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no config\.json in it"):
        blip2(tmp_path)


def test_a_broken_model_is_said_in_words_and_its_code_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "own", "auto_map": {"AutoProcessor": "own.Own"}}')
    (tmp_path / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Own: pass\n")
    with pytest.raises(StageError, match="'blip2' cannot load the model in"):
        captions(blip2(tmp_path, on_failure="without"))
    assert not (tmp_path / "ran").exists()


def test_a_device_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(StageError, match="'blip2' cannot run on 'cuda:99', which is not there"):
        captions(blip2(folder, device="cuda:99"))
