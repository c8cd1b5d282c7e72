"""Emoji of the Common Locale Data Repository as things with names and keywords."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from imagora_benchmarks.clipart import Work
from imagora_benchmarks.cross_suites import named
from imagora_benchmarks.emoji import emoji

WRITTEN = """<?xml version="1.0" encoding="UTF-8"?>
<ldml><annotations>
<annotation cp="🎻">instrument | music | violin</annotation><annotation cp="🎻" type="tts">Violin</annotation>
<annotation cp="🎷">instrument | music | sax</annotation><annotation cp="🎷" type="tts">saxophone</annotation>
<annotation cp="🥁">drum</annotation><annotation cp="🥁" type="tts">drum</annotation>
<annotation cp="-">dash | minus</annotation><annotation cp="-" type="tts">hyphen-minus</annotation>
</annotations></ldml>
"""


def test_pictures_with_keywords_beside_their_names_are_read_and_signs_are_not(tmp_path: Path) -> None:
    (tmp_path / "en.xml").write_text(WRITTEN, "utf-8")
    assert emoji(tmp_path / "en.xml") == [
        Work("saxophone", ("instrument", "music", "sax"), ()),
        Work("violin", ("instrument", "music"), ()),
    ]


def test_names_ask_for_keywords_and_keywords_of_several_for_names() -> None:
    works = [Work(f"thing {n}", ("tool", f"own {n}"), ()) for n in range(4)]
    by_name, by_keyword = named("things", works, lambda texts: np.eye(4, dtype=np.float32)[: len(texts)])
    assert by_name.asked == {f"thing {n}": {f"thing {n}"} for n in range(4)}
    assert by_name.found["thing 2"][0].node.get_content() == "tool, own 2"
    assert by_keyword.asked == {"tool": {f"thing {n}" for n in range(4)}}, "what only one has is no question"
