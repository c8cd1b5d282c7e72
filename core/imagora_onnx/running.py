"""An exported model, ready to run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from imagora.errors import MissingExtra, StageError

from . import huge_pages


def session(folder: Path, threads: int, file: str = "model.onnx") -> Any:
    """Give an ONNX Runtime session on the processor for a folder's model; threads: 0 is one for each core."""
    try:
        import onnxruntime  # type: ignore[import-untyped]  # it ships no types
    except ImportError as error:
        raise MissingExtra(f"ONNX Runtime is not installed ({error}); type: pip install onnx onnxruntime") from error

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # a busy machine has other work to do
    try:
        loaded = onnxruntime.InferenceSession(folder / file, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no root of their own
        what = f"the exported model in '{folder}' cannot be loaded ({type(error).__name__})"
        raise StageError(f"{what}; delete that folder, and it will be made anew") from error
    huge_pages.soon()
    return loaded
