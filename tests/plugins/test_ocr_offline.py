"""`ocr` works on a machine without a network and with a package folder that cannot be written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .test_ocr_words import SIGN, sign

pytest.importorskip("rapidocr", reason="needs the extra: pip install 'imagora[ocr]'")

PROGRAM = """
import sys
from pathlib import Path

def watch(event, args):
    if event.startswith(("socket.connect", "socket.getaddrinfo", "subprocess.")):
        print("did", event, args)
    if event == "open" and "rapidocr" in str(args[0]) and any(letter in str(args[1]) for letter in "wax+"):
        print("wrote", args[0])

sys.addaudithook(watch)
from imagora import Item, Picture
from imagora.stages import Prepared
from imagora_ocr.options import OcrOptions
from imagora_ocr.preparer import OcrPreparer
from imagora_ocr.rapid import RapidReader
png = Path(sys.argv[1]).read_bytes()
stage = OcrPreparer(OcrOptions(), RapidReader(OcrOptions()))
(one,) = stage.prepare([Prepared(Item("a", picture=png), Picture(png, 400, 300, "", ""))])
print(one.item.metadata["ocr_text"])
"""


def test_nothing_is_fetched_written_or_said_besides_the_words(tmp_path: Path) -> None:
    (tmp_path / "sign.png").write_bytes(sign())
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "sign.png")]
    ran = subprocess.run(command, env=paths, capture_output=True, text=True)
    assert (ran.stdout.splitlines(), ran.stderr) == (list(SIGN), "")
