"""A loaded model's transformer on ONNX Runtime in the place of torch; tokens, pooling and prompts stay the library's.

It is exported from the loaded weights into the cache folder, once for each weights, and nothing is downloaded. An
export whose 32-bit numbers are not torch's own is refused, so that `onnx` makes the same vectors as `torch`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from imagora.errors import StageError
from imagora_onnx.exported import exported
from imagora_onnx.int8 import VERSION as INT8
from imagora_onnx.int8 import quantise
from imagora_onnx.running import session

VERSION = "1"
"""Changes with what is exported, so that no older export is used."""
TOLERANCE = 1e-4
"""How far a number may be off torch's, where most are between -10 and 10."""
PROBES = ("a red bicycle", "The invoice is due on Monday; 東京, Straße. " * 8)
PLUGIN = "sentence_transformers"
_KNOWN = {"last_hidden_state": "BaseModelOutput", "logits": "SequenceClassifierOutput"}


def run_on_onnx(model: Any, weights: str, *, int8: bool) -> None:
    """Put ONNX Runtime beneath a model of sentence-transformers; weights: their hash, which names the export."""
    transformer = model[0]
    inner = transformer.model
    out = transformer.modality_config["text"]["method_output_name"]
    if out not in _KNOWN:
        raise StageError(f"'{PLUGIN}' cannot export a model that gives '{out}'; write 'backend: torch'")
    tokens = dict(transformer.tokenizer(list(PROBES), padding=True, truncation=True, return_tensors="pt"))
    names = [name for name in ("input_ids", "attention_mask", "token_type_ids") if name in tokens]
    example = tuple(tokens[name] for name in names)

    def whole(folder: Path) -> None:
        _export(inner, folder / "model.onnx", names, example, out)

    def eighth(folder: Path) -> None:
        quantise(exported(PLUGIN, f"{weights[:16]}-{out}-{VERSION}", whole) / "model.onnx", folder / "model.onnx")

    if int8:
        folder = exported(PLUGIN, f"{weights[:16]}-{out}-{VERSION}-int8-{INT8}", eighth)
    else:
        folder = exported(PLUGIN, f"{weights[:16]}-{out}-{VERSION}", whole)
    inner.forward = _forward(session(folder, torch.get_num_threads()), names, out)


def _forward(running: Any, names: list[str], out: str) -> Any:
    from transformers import modeling_outputs

    made = getattr(modeling_outputs, _KNOWN[out])

    def forward(**given: Any) -> Any:
        feeds = {name: given[name].cpu().numpy() for name in names}
        (numbers,) = running.run(None, feeds)
        return made(**{out: torch.from_numpy(numbers)})

    return forward


def _export(inner: Any, file: Path, names: list[str], example: tuple[torch.Tensor, ...], out: str) -> None:
    attention = inner.config._attn_implementation
    inner.set_attn_implementation("eager")  # what the exporter can follow
    shape = {0: "n", 1: "length"}
    try:
        with torch.inference_mode():
            expected = inner(**dict(zip(names, example, strict=True)))[out].numpy()
            torch.onnx.export(
                _Named(inner, names, out), example, str(file), dynamo=False, input_names=names, output_names=[out],
                dynamic_axes={**dict.fromkeys(names, shape), out: shape if out != "logits" else {0: "n"}},
                opset_version=17,
            )  # fmt: skip
        _compare(file, dict(zip(names, example, strict=True)), expected)
    except StageError:
        raise
    except Exception as error:  # torch's exporter has errors of many kinds
        cause = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise StageError(f"'{PLUGIN}' cannot export this model to ONNX ({cause}); write 'backend: torch'") from error
    finally:
        inner.set_attn_implementation(attention)


def _compare(file: Path, example: dict[str, torch.Tensor], expected: Any) -> None:
    running = session(file.parent, 1, file.name)
    alone = {name: tensor[:1, : int(example["attention_mask"][0].sum())].numpy() for name, tensor in example.items()}
    for feeds, right in (({name: t.numpy() for name, t in example.items()}, expected), (alone, expected[:1])):
        (given,) = running.run(None, feeds)
        there = feeds["attention_mask"].astype(bool)
        off = given - (right[:, : given.shape[1]] if given.ndim > 2 else right)  # noqa: PLR2004 - a vector a token
        if abs(off[there] if given.ndim > 2 else off).max() > TOLERANCE:  # noqa: PLR2004 - as above
            raise StageError(f"'{PLUGIN}' exported this model, and ONNX gives other numbers; write 'backend: torch'")


class _Named(torch.nn.Module):
    """A transformer whose arguments have places, as the exporter wants, and which gives one tensor."""

    def __init__(self, inner: Any, names: list[str], out: str) -> None:
        super().__init__()
        self.inner, self.names, self.out = inner, names, out

    def forward(self, *arguments: torch.Tensor) -> torch.Tensor:
        given: torch.Tensor = self.inner(**dict(zip(self.names, arguments, strict=True)))[self.out]
        return given
