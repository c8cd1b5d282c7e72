"""The toys keep the contracts, and each contract finds the faults that it is there to find."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import toy_feed
import toys
from faulty_table import PAGE, contracts, faulty_toys, written
from imagora import BuildContext, Item
from imagora.catalog import KINDS
from imagora.errors import ImagoraError
from imagora.stages import Prepared
from imagora.testing import (
    CommandContract,
    ComponentContract,
    EmbedderContract,
    FeedContract,
    GeneratorContract,
    GuardrailContract,
    IndexContract,
    LedgerContract,
    PreparerContract,
    RerankerContract,
    RetrieverContract,
    RunnerContract,
    SourceContract,
    TracerContract,
    WrapperContract,
)
from imagora.testing.golden import fill
from toy_embedders import ToyColour, ToyWords
from toy_feed import ToyFeed
from toy_index import ToyGenerations, ToyMemory
from toy_ledger import ToyLedger
from toy_stages import ToyCounter, ToyEmails, ToyList, ToyQuote, ToyRetriever, ToyReverse, ToyShout
from toy_tracer import ToyTracer


class TestOffers(ComponentContract):
    plugin = "toys"

    @pytest.fixture
    def context(self) -> BuildContext:
        return BuildContext("toys", {"image": ToyColour()}, ToyMemory())


class TestList(SourceContract):
    @pytest.fixture
    def stage(self) -> ToyList:
        rows = [{"uri": "a", "colour": "red"}, {"uri": "b", "text": "b"}, {"uri": "c", "broken": True}]
        return ToyList("toys", [toys.ToyItem.model_validate(row) for row in rows])


class TestShout(PreparerContract):
    pickles = True

    @pytest.fixture
    def stage(self) -> ToyShout:
        return ToyShout("!")


class Choosy(ToyShout):
    def prepare(self, prepared: Sequence[Prepared]) -> Sequence[Prepared]:
        if any(one.item.text == "hush" for one in prepared):
            raise ImagoraError("it does not want to be shouted")
        return super().prepare(prepared)


class TestChoosy(PreparerContract):
    @pytest.fixture
    def stage(self) -> ToyShout:
        return Choosy("!")

    @pytest.fixture
    def refused(self) -> list[Item]:
        return [Item("quiet", "hush")]


class TestFeed(FeedContract):
    @pytest.fixture
    def reopen(self, tmp_path: Path) -> Callable[[], ToyFeed]:
        return lambda: ToyFeed(tmp_path / "changes")

    @pytest.fixture
    def tell(self, tmp_path: Path) -> Callable[..., None]:
        return lambda things: toy_feed.tell(tmp_path / "changes", things)


class TestColour(EmbedderContract):
    pictures = meets = pickles = True
    least_met = 1.0

    @pytest.fixture
    def stage(self) -> ToyColour:
        return ToyColour()


class TestWords(EmbedderContract):
    sparse = True

    @pytest.fixture
    def stage(self) -> ToyWords:
        return ToyWords()


class TestMemory(IndexContract):
    durable = False

    @pytest.fixture
    def make(self) -> Callable[[Path], ToyMemory]:
        return lambda path: ToyMemory()


class TestMemoryInAFile(IndexContract):
    @pytest.fixture
    def make(self) -> Callable[[Path], ToyMemory]:
        return ToyMemory


class TestGenerationsInFiles(IndexContract):
    @pytest.fixture
    def make(self) -> Callable[[Path], ToyGenerations]:
        return ToyGenerations


class TestLedger(LedgerContract):
    @pytest.fixture
    def make(self) -> Callable[[Path], ToyLedger]:
        return ToyLedger


class TestRetriever(RetrieverContract):
    @pytest.fixture
    def stage(self) -> ToyRetriever:
        embedders = {"image": ToyColour(), "text": ToyColour(), "sparse": ToyWords()}
        fill(index := ToyMemory(), embedders)
        return ToyRetriever(8, {}, "rrf", embedders, index)


class TestRetrieverOfWordsOnly(RetrieverContract):
    pictures = False

    @pytest.fixture
    def stage(self) -> ToyRetriever:
        fill(index := ToyMemory(), {"sparse": ToyWords()})
        return ToyRetriever(8, {}, "weighted", {"sparse": ToyWords()}, index)


class TestReverse(RerankerContract):
    @pytest.fixture
    def stage(self) -> ToyReverse:
        return ToyReverse()


class TestQuote(GeneratorContract):
    cites_only_passages = True

    @pytest.fixture
    def stage(self) -> ToyQuote:
        return ToyQuote()


class TestEmails(GuardrailContract):
    @pytest.fixture(params=["redact", "refuse"])
    def stage(self, request: pytest.FixtureRequest) -> ToyEmails:
        self.action = request.param
        return ToyEmails(request.param)

    @pytest.fixture
    def dirty(self) -> list[tuple[str, str]]:
        addresses = [f"person.{number}@example.org" for number in range(9)]
        return [(f"Write to {address}, please.", address) for address in addresses]


class TestCounter(WrapperContract):
    @pytest.fixture
    def stage(self) -> ToyCounter:
        return ToyCounter("")


class TestLocalEngine(RunnerContract):
    component = "local"


class TestTracer(TracerContract):
    @pytest.fixture
    def stage(self) -> ToyTracer:
        return ToyTracer()

    @pytest.fixture
    def told(self, stage: ToyTracer) -> Callable[[], str]:
        return lambda: "\n".join(stage.sent)


class TestDemoCommand(CommandContract):
    command = "demo"


class Outcomes:
    """Which test of which class failed with which error, in a run of pytest within this one."""

    def __init__(self) -> None:
        self.failed: set[tuple[str, str, str]] = set()

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and report.when == "call":
            _, name, test = report.nodeid.split("::", 2)
            error = report.longrepr.reprcrash.message.partition(":")[0].split()[0]
            self.failed.add(
                (name, test.partition("[")[0], "AssertionError" if error in {"assert", "Failed"} else error)
            )


FAULTY = faulty_toys()


@pytest.fixture(scope="module")
def outcomes() -> Outcomes:
    options = [
        "-c",
        "/dev/null",
        "-q",
        "--no-header",
        "--tb=short",
        "--import-mode=importlib",
        "-p",
        "no:cacheprovider",
    ]
    tests = [f"{file}::{faulty.__name__}::{faulty.fails}" for file, faulty in FAULTY]
    pytest.main([*options, "-o", "python_classes=Faulty*", *tests], plugins=[seen := Outcomes()])
    return seen


@pytest.mark.parametrize("faulty", [faulty for _, faulty in FAULTY], ids=lambda faulty: faulty.__name__)
def test_a_faulty_toy_fails_the_test_that_is_there_for_it(outcomes: Outcomes, faulty: Any) -> None:
    assert (faulty.__name__, faulty.fails, getattr(faulty, "error", "AssertionError")) in outcomes.failed


def test_every_kind_has_a_contract() -> None:
    kinds = {getattr(contract, "kind", None) for contract in contracts()}
    assert kinds >= {*KINDS, "command"}


def test_every_contract_has_a_faulty_toy() -> None:
    assert {base for _, faulty in FAULTY for base in faulty.__mro__} >= set(contracts())


def test_every_test_of_the_contracts_has_a_faulty_toy() -> None:
    tests = {(contract, test) for contract in contracts() for test in dir(contract) if test.startswith("test_")}
    caught = {(base, faulty.fails) for _, faulty in FAULTY for base in faulty.__mro__}
    assert tests - caught == set()


def test_faulty_toys_have_names_of_their_own() -> None:
    names = [faulty.__name__ for _, faulty in FAULTY]
    assert len(set(names)) == len(names) > 40


def test_the_tables_in_the_docs_tell_of_every_faulty_toy() -> None:
    page = PAGE.read_text("utf-8")
    assert page == written(page), "type: python tests/core/faulty_table.py"
