"""Let a torchvision that was built for CUDA be imported beside a torch for the CPU.

Its compiled operators do not load there, and its import ends at the first one that is missing. vLLM uses nothing of it
but transforms in Python, so it is enough that the operators are declared before torchvision asks for them.
"""

import contextlib
import sys
from importlib.abc import MetaPathFinder

OPERATORS = ("nms", "qnms")


class _Declares(MetaPathFinder):
    def find_spec(self, fullname, path=None, target=None):
        if fullname == "torchvision":
            sys.meta_path.remove(self)
            import torch

            for name in OPERATORS:
                with contextlib.suppress(RuntimeError):  # it is there already
                    torch.library.define(f"torchvision::{name}", "(Tensor a, Tensor b, float c) -> Tensor")


sys.meta_path.insert(0, _Declares())
