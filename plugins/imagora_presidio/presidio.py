"""Presidio itself: a spaCy model that is only ever loaded from this machine, and the recognizers."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import spacy
from presidio_analyzer import AnalyzerEngine, BatchAnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine
from spacy.language import Language

from .findings import Finding
from .recognizers.addresses import OfflineEmailRecognizer, PlainIpRecognizer
from .recognizers.iban import AccountNumberRecognizer
from .recognizers.names import NameRecognizer
from .recognizers.numbers import CardNumberRecognizer, SocialSecurityRecognizer
from .recognizers.phone import PhoneNumberRecognizer

_REPLACED = {
    "CreditCardRecognizer",
    "EmailRecognizer",
    "IbanRecognizer",
    "IpRecognizer",
    "PhoneRecognizer",
    "SpacyRecognizer",
    "UsSsnRecognizer",
}
_BATCH = 32


@dataclass(frozen=True)
class LoadedModel:
    """A loaded spaCy model with Presidio's analyzer around it."""

    nlp: Language
    batches: BatchAnalyzerEngine
    phone: PhoneNumberRecognizer
    entities: frozenset[str]
    language: str

    def analyse(
        self, texts: Sequence[str], entities: Sequence[str], phone_regions: Sequence[str]
    ) -> list[list[Finding]]:
        """Give what was found in each text; one caller at a time."""
        self.phone.regions = tuple(phone_regions)
        with self.nlp.memory_zone():  # else spaCy keeps every new word of every text for as long as the program runs
            results = self.batches.analyze_iterator(
                list(texts), self.language, batch_size=_BATCH, entities=list(entities), score_threshold=0.0
            )
            return [
                [Finding(one.entity_type, one.start, one.end, one.score) for one in results_of_text]
                for results_of_text in results
            ]


def load(language: str, model: str) -> LoadedModel:
    """Load the model from this machine and put the recognizers around it."""
    _withhold_texts_from_logs()
    # The parser and the sentence splitter take a third of the time, and nothing here asks for sentences.
    nlp = spacy.load(model, exclude=["parser", "senter"])
    mapping = NerModelConfiguration().model_to_presidio_entity_mapping or {}
    labels = set(nlp.get_pipe("ner").labels) if nlp.has_pipe("ner") else set()  # type: ignore[attr-defined]  # any pipe's type
    configuration = NerModelConfiguration(labels_to_ignore=sorted(labels - set(mapping)))
    around = SpacyNlpEngine([{"lang_code": language, "model_name": model}], configuration)
    setattr(around, "nlp", {language: nlp})  # noqa: B010 - typed as None; its own load() downloads missing models
    registry = RecognizerRegistry(supported_languages=[language])
    registry.load_predefined_recognizers(languages=[language], nlp_engine=around)
    phone = PhoneNumberRecognizer(language)
    registry.recognizers = [one for one in registry.recognizers if type(one).__name__ not in _REPLACED] + [
        CardNumberRecognizer(language),
        AccountNumberRecognizer(language),
        NameRecognizer(language),
        OfflineEmailRecognizer(supported_language=language),
        PlainIpRecognizer(language),
        SocialSecurityRecognizer(language),
        phone,
    ]
    analyzer = AnalyzerEngine(registry=registry, nlp_engine=around, supported_languages=[language])
    entities = frozenset(analyzer.get_supported_entities(language))
    return LoadedModel(nlp, BatchAnalyzerEngine(analyzer), phone, entities, language)


def _withhold_texts_from_logs() -> None:
    for name in ("presidio-analyzer", "decision_process"):
        logger = logging.getLogger(name)
        if _withhold not in logger.filters:
            logger.addFilter(_withhold)


def _withhold(record: logging.LogRecord) -> bool:
    """Let warnings through without their words: some of Presidio's hold the text, e.g. the words around a find."""
    if record.levelno < logging.WARNING:
        return False
    record.msg = f"presidio warns in {record.module}, line {record.lineno} (its words are withheld)"
    record.args, record.exc_info, record.exc_text = (), None, None
    return True
