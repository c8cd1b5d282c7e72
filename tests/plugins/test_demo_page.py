"""The demo's page stands alone, is well-formed, lets no text become markup, and links citations to pictures."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from imagora.answer import Answer, Citation, StageRecord
from imagora.passages import passage_of
from imagora.stages import Hit
from imagora_demo.page import Asked, Summary, render_page, split_at_citations
from PIL import Image

VOID = {"meta", "img", "br", "hr", "link", "input"}
HOSTILE = "<script>alert('x')</script>\" onload=\"alert(1) <img src=//evil.example/x> {{ 7 * 7 }} </style>"


class Outline(HTMLParser):
    """Collects tags and attributes, and fails where an element is closed out of turn."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.ids, self.links, self.sources, self.attributes = [], [], [], [], []
        self.open, self.text = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        values = dict(attrs)
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values["href"]] if "href" in values else []
        self.sources += [values["src"]] if "src" in values else []
        if tag == "img":
            assert values.get("alt"), "a picture without words for those who cannot see it"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def outline(html):
    parsed = Outline()
    parsed.feed(html)
    parsed.close()
    assert parsed.open == []
    return parsed


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "see-through.png"
    Image.new("RGBA", (900, 500), (200, 30, 30, 0)).save(path)
    return path


def make_answer(picture, text="A red door [1], and a blue one [2].", title="A door"):
    payload = {
        "title": title,
        "_text": title,
        "_uri": "a.png",
        "_picture": str(picture),
        "price": 3.5,
        "licence": title,
    }
    hits = [
        Hit(id="1", score=0.03, scores={"image": 0.3, "text": 0.6, "sparse": 4.5}, payload=payload),
        Hit(id="2", score=0.02, scores={"image": -0.1}, payload={"_uri": "b.png", "_picture": str(picture)}),
    ]
    passages = tuple(passage_of(hit) for hit in hits)
    citations = tuple(
        Citation(number, text.index(f"[{number}]"), text.index(f"[{number}]") + 3, str(number), "", title, None, None)
        for number in (1, 2)
        if f"[{number}]" in text
    )
    stages = (StageRecord("retriever", title, 0.004), StageRecord("generator", "extractive", 0.012))
    return Answer(text=text, citations=citations, passages=passages, stages=stages)


def page(picture, hostile=False, **more):
    words = HOSTILE if hostile else "is there a door?"
    answer = make_answer(picture, **({"title": HOSTILE, "text": f"{HOSTILE} [1]"} if hostile else {}), **more)
    asked = [Asked(words, words, answer, picture), Asked("", "why", make_answer(picture, text="Nothing."))]
    return render_page(Summary(words, 18, 6, words), asked)


def test_the_page_is_well_formed_and_names_no_id_twice(picture):
    parsed = outline(page(picture))
    assert len(parsed.ids) == len(set(parsed.ids))
    assert parsed.tags.count("h1") == 1 and parsed.tags.count("main") == 1


def test_the_page_asks_nothing_of_the_network_and_has_no_script(picture):
    html = page(picture)
    parsed = outline(html)
    assert not re.search(r"https?:|//[a-z]|url\(|@import", html.split("base64,")[0], re.IGNORECASE)
    assert "script" not in parsed.tags and "link" not in parsed.tags and "iframe" not in parsed.tags
    assert all(source.startswith("data:image/jpeg;base64,") for source in parsed.sources)
    assert all(link.startswith("#") for link in parsed.links)
    assert not [name for name in parsed.attributes if name.startswith("on") or name == "style"]


def test_the_policy_allows_this_style_sheet_and_nothing_else(picture):
    html = page(picture)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)[1].replace("&#39;", "'")
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'")
    assert f"style-src 'sha256-{digest}'" in policy.replace("&#43;", "+")
    assert "unsafe" not in policy and "script-src" not in policy


def test_hostile_words_stay_words(picture):
    harmless, hostile = outline(page(picture)), outline(page(picture, hostile=True))
    assert "script" not in hostile.tags
    assert not [name for name in hostile.attributes if name.startswith("on")]
    assert set(hostile.tags) == set(harmless.tags)
    assert HOSTILE in "".join(hostile.text)
    assert "49" not in "".join(hostile.text)


def test_every_link_leads_to_something_on_the_page(picture):
    parsed = outline(page(picture))
    assert {link.removeprefix("#") for link in parsed.links} <= set(parsed.ids)


def test_a_citation_links_to_the_passage_of_its_number(picture):
    answer = make_answer(picture)
    links = [(part["text"], part["link"]) for part in split_at_citations(answer, "q1") if part["link"]]
    assert links == [("[1]", "q1-1"), ("[2]", "q1-2")]
    assert "".join(part["text"] for part in split_at_citations(answer, "q1")) == answer.text


def test_scores_per_leg_and_stage_times_are_on_the_page(picture):
    text = " ".join(" ".join(outline(page(picture)).text).split())
    for expected in ("image 0.300", "text 0.600", "sparse 4.500", "image -0.100", "retriever", "4.0", "12.0", "3.50 €"):
        assert expected in text, expected


def test_a_bar_never_leaves_its_frame(picture):
    widths = [float(width) for width in re.findall(r'<rect width="([^"]+)"', page(picture))]
    assert widths and all(0 <= width <= 100 for width in widths)


def test_a_picture_that_is_gone_does_not_lose_the_page(picture):
    answer = make_answer(picture)
    picture.unlink()
    parsed = outline(render_page(Summary("starter", 18, 6, "done"), [Asked("words", "why", answer)]))
    assert parsed.sources == []
