"""Captions by a BLIP-2 model of transformers, read from a folder and never from the network."""

from __future__ import annotations

from io import BytesIO
from threading import Lock
from typing import Any

from imagora.errors import StageError

from .options import Blip2Options


class Blip2:
    """Describes pictures one at a time by one model, which is loaded for the first of them."""

    def __init__(self, options: Blip2Options) -> None:
        self._options = options
        self._lock = Lock()  # fast tokenizers must not run in two threads at once
        self._loaded: tuple[Any, Any] | None = None

    def __call__(self, png: bytes) -> str:
        """Give how the model goes on from the prompt; raises StageError where there is no such model."""
        import torch
        from PIL import Image

        with self._lock, torch.inference_mode():
            model, processor = self._loaded = self._loaded or self._load()
            with Image.open(BytesIO(png)) as picture:
                given = processor(images=picture.convert("RGB"), text=self._options.prompt, return_tensors="pt")
            given = given.to(model.device, model.dtype)
            options = {"max_new_tokens": self._options.max_tokens, "num_beams": self._options.beams}
            tokens = model.generate(**given, **options, do_sample=False)[0]
            if model.config.use_decoder_only_language_model:  # such a model repeats what it was given
                tokens = tokens[given["input_ids"].shape[1] :]
            return str(processor.tokenizer.decode(tokens, skip_special_tokens=True))

    def _load(self) -> tuple[Any, Any]:
        import torch
        from transformers import Blip2ForConditionalGeneration, Blip2Processor

        device, folder = self._device(), str(self._options.model)
        number = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}[self._options.precision]
        safely: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            processor = Blip2Processor.from_pretrained(folder, **safely)
            model: Any = Blip2ForConditionalGeneration.from_pretrained(
                folder, dtype=number, use_safetensors=True, **safely
            )
        except Exception as error:  # torch, transformers and safetensors share no type of error
            cause = (str(error).strip() or type(error).__name__).partition("\n")[0][:300]
            raise StageError(f"'blip2' cannot load the model in '{folder}': {cause}") from error
        processor.num_query_tokens = model.config.num_query_tokens  # older folders do not say it
        return model.to(device).eval(), processor

    def _device(self) -> str:
        import torch

        there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
        wanted = self._options.device
        if wanted == "auto":
            return next(name for name, is_there in there.items() if is_there)
        kind, _, number = wanted.partition(":")
        if not there[kind] or (number and int(number) >= torch.cuda.device_count()):
            raise StageError(f"'blip2' cannot run on '{wanted}', which is not there; write 'device: auto' or 'cpu'")
        return wanted
