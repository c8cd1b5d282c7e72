"""From what a model wrote to a caption: no special tokens, no control characters, within bounds."""

from __future__ import annotations

import re

_THOUGHTS = re.compile(r"<(think|thinking)>.*?(</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_TOKENS = re.compile(
    r"<\|[^<>\n]{1,40}?\|>"  # <|im_end|>, <|endoftext|>
    r"|</?(?:s|pad|unk|bos|eos|cls|sep|mask|image|img|start_of_turn|end_of_turn)>"
    r"|\[/?(?:INST|IMG|PAD|UNK|CLS|SEP|MASK)\]"
    r"|<0x[0-9A-Fa-f]{2}>",
    re.IGNORECASE,
)
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_CJK}]|[^\s{_CJK}]+")
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)|[\u3002\uff01\uff1f]")
_QUOTES = {'"': '"', "'": "'", "“": "”", "„": "“", "«": "»", "「": "」"}


def cleaned(written: str) -> str:
    """Give the words on one line, without a model's thoughts, special tokens, control characters and outer quotes."""
    words = _TOKENS.sub(" ", _THOUGHTS.sub(" ", written))
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in words).split())
    if len(line) > 1 and _QUOTES.get(line[0]) == line[-1]:
        line = line[1:-1].strip()
    return line


def bounded(caption: str, least: int, most: int) -> str:
    """Give at most `most` words, up to a sentence's end where there is one in the second half; or raise ValueError."""
    words = list(_WORD.finditer(caption))
    count = sum(any(map(str.isalnum, word[0])) for word in words)
    if count < least:
        quoted = f" in '{caption}'" if count else ""
        raise ValueError(f"the caption is too short: {count} of at least {least} words{quoted}")
    if len(words) <= most:
        return caption
    kept = caption[: words[most - 1].end()]
    soonest = words[max(least, (most + 1) // 2) - 1].end()
    ends = [end.end() for end in _SENTENCE_END.finditer(kept) if end.end() >= soonest]
    return kept[: ends[-1]] if ends else kept.rstrip(",;:-\u2013\u2014\u3001\uff0c")
