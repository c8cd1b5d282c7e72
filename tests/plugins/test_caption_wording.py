"""What models write becomes a caption: cleaned, and within bounds."""

import pytest
from imagora_caption.wording import bounded, cleaned


@pytest.mark.parametrize(
    ("written", "caption"),
    [
        ("<|im_start|>A cat.<|im_end|>", "A cat."),
        ("</s><s> A cat<pad><pad>", "A cat"),
        ("[INST] A cat [/INST]", "A cat"),
        ("<image><image>A cat<0x0A>sits", "A cat sits"),
        ("<think>Is it\na dog?</think>\n\nA cat.", "A cat."),
        ("A cat. <think>never closed", "A cat."),
        ('"A cat."', "A cat."),
        ("\u201eEine Katze\u201c and \u201ca cat\u201d", "\u201eEine Katze\u201c and \u201ca cat\u201d"),
        ("A\x00 cat\x1b[31m\u200b\n on\ta sofa", "A cat [31m on a sofa"),
        ("a < b and c > d, 5<6", "a < b and c > d, 5<6"),
        ('"', '"'),
    ],
)
def test_only_the_words_are_kept(written: str, caption: str) -> None:
    assert cleaned(written) == caption


@pytest.mark.parametrize(
    ("caption", "least", "most", "kept"),
    [
        ("one two three", 3, 3, "one two three"),
        ("one two, three four", 1, 2, "one two"),
        ("One two. Three four. Five six", 1, 5, "One two. Three four."),
        ("One. Two three four five six", 1, 5, "One. Two three four five"),
        ("One two. Three four. Five six", 5, 5, "One two. Three four. Five"),
        (
            "\u4e00\u53ea\u732b\u5750\u5728\u6c99\u53d1\u4e0a\u3002",
            3,
            60,
            "\u4e00\u53ea\u732b\u5750\u5728\u6c99\u53d1\u4e0a\u3002",
        ),
        ("\u4e00\u53ea\u732b\u5750\u5728\u6c99\u53d1\u4e0a", 3, 3, "\u4e00\u53ea\u732b"),
        ("It costs 3.50 in all of it", 1, 4, "It costs 3.50 in"),
    ],
)
def test_captions_end_within_bounds_and_with_a_sentence_where_one_ends(
    caption: str, least: int, most: int, kept: str
) -> None:
    assert bounded(caption, least, most) == kept


@pytest.mark.parametrize(("caption", "count"), [("one two", 2), ("", 0), (". . . .", 0), ("a - b", 2)])
def test_a_caption_that_is_too_short_is_none(caption: str, count: int) -> None:
    with pytest.raises(ValueError, match=f"{count} of at least 3 words"):
        bounded(caption, 3, 60)
