"""A recipe that was checked: which component with which options stands where. Nothing is built yet."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal

from imagora.catalog import Offer
from imagora.errors import Problem, did_you_mean
from imagora.options import Nested, NestedComponent, Options, RecipePath, as_json
from imagora.stages import Place
from imagora_batching.options import Batching
from imagora_isolation.planning import Isolation
from pydantic import Field, field_validator

from .gate import Limits
from .licences import Licences
from .tree import Mark, masked

_GIVEN = frozenset({"passages", "question", "instructions"})


class PromptOptions(Options):
    """What goes into the prompt."""

    passages: int = Field(default=6, ge=1, le=100, description="How many passages the prompt shows at most.")
    instructions: str = Field(
        default="Answer from the numbered passages and nothing else; cite them like [1].",
        description="What the generator is told first; left out in a recipe without a retriever: that it should say "
        "what the pictures show.",
    )
    template: str | None = Field(
        default=None,
        description="A Jinja template of what it is told then, with `passages` (number, title, text, lines, score, "
        "image, metadata), `question` and `instructions`; it can call nothing.",
    )
    pictures: int = Field(
        default=4, ge=0, le=64, description="How many pictures the prompt shows at most; the generator may take fewer."
    )
    megapixels: float = Field(
        default=4, gt=0, le=1000, description="The size of all pictures together, in 10^6 pixels; larger are shrunk."
    )

    @field_validator("template")
    @classmethod
    def _compiles(cls, template: str | None) -> str | None:
        if template is not None:
            from jinja2 import TemplateSyntaxError, meta
            from jinja2.sandbox import ImmutableSandboxedEnvironment

            try:
                parsed = ImmutableSandboxedEnvironment().parse(template)
            except TemplateSyntaxError as error:
                raise ValueError(f"the template's line {error.lineno} is wrong: {error.message}") from None
            if unknown := sorted(meta.find_undeclared_variables(parsed) - _GIVEN):
                raise ValueError(f"a template is given no '{unknown[0]}'{did_you_mean(unknown[0], _GIVEN)}")
        return template


class AnswerOptions(Options):
    """What an answer must be like, and what happens when the generator fails."""

    deadline: float = Field(default=120, gt=0, le=3600, description="The time that a query may take, in seconds.")
    require_citations: bool = Field(default=False, description="Refuse an answer that cites no passage.")
    fallback: Annotated[NestedComponent, Nested("generator")] | Literal["passages"] | None = Field(
        default=None,
        description="What answers when the generator fails: another generator, or `passages`, which are then all there "
        "is; without it, the failure is an error.",
    )


class AccessOptions(Options):
    """Who may see an item: the metadata fields that say so. Every search is held within them, by the index itself."""

    tenant: str = Field(default="", description="The field with an item's tenant; a query then must have one.")
    groups: str = Field(default="", description="The field with the groups that may see an item.")


class PriceOptions(Options):
    """What answering costs; `imagora eval` and `imagora plan` make costs of it. What is left out costs nothing."""

    currency: str = Field(default="EUR", min_length=1, max_length=8, description="What the prices are in.")
    hour: float = Field(default=0, ge=0, description="An hour of the machines that answer, all together.")
    query: float = Field(default=0, ge=0, description="Each query, such as a hosted reranker's fee.")
    read: float = Field(default=0, ge=0, description="10^6 tokens that the generator reads.")
    written: float = Field(default=0, ge=0, description="10^6 tokens that the generator writes.")
    picture: float = Field(default=0, ge=0, description="A picture that the generator is shown.")
    core_hour: float | None = Field(default=None, ge=0, description="One core for an hour, for `imagora plan`.")
    gb_hour: float | None = Field(default=None, ge=0, description="10^9 bytes of memory for an hour, for the same.")
    disk_gb_month: float | None = Field(default=None, ge=0, description="10^9 bytes of disk for a month.")
    gpu_hour: float | None = Field(default=None, ge=0, description="One GPU for an hour.")


class GatewayOptions(Options):
    """What a gateway may do for this recipe, within its own settings."""

    web_pictures: bool = Field(
        default=False,
        description="Whether callers may name pictures by their address on the web, which the gateway then fetches, "
        "from public addresses alone.",
    )


class PictureOptions(Options):
    """The limits within which pictures are decoded, and whether those of a query are read."""

    max_side: int = Field(default=1024, ge=32, le=8192, description="The longer side after decoding, in pixels.")
    max_megapixels: float = Field(default=100, gt=0, le=1000, description="Larger ones are refused, in 10^6 pixels.")
    max_megabytes: int = Field(
        default=300, ge=100, le=64_000, description="The memory that decoding one picture may take, in 10^6 bytes."
    )
    seconds: float = Field(
        default=2,
        gt=0,
        le=600,
        description="The processor time one picture may take, in seconds; by the clock it may take ten times as long.",
    )
    workers: int = Field(default=2, ge=1, le=64, description="How many pictures are decoded at once.")
    thumbnails: int = Field(
        default=512,
        ge=0,
        le=8192,
        description="The longer side, in pixels, of the copy that is kept of a picture which is in no file, such as a "
        "PDF's page or one from a bucket, so that an answer can show it; 0: none is kept.",
    )
    thumbnails_path: RecipePath | None = Field(
        default=None, description="The folder of these copies; by default it lies beside an embedded index."
    )
    read_queries: bool = Field(
        default=True,
        description="Whether preparers that read pictures (`ocr`, `caption`, `blip2`) also read those of a query.",
    )


@dataclass(frozen=True)
class Planned(NestedComponent):
    """A component in its place in a recipe, with checked options; `where` is its path of keys.

    secrets: values of its options that no error may quote. isolation: where it runs, None for in this process.
    batching: how its calls are gathered, None for not. Equal ones do the same, wherever they stand.
    """

    where: str = field(compare=False)
    offer: Offer
    options: Options
    mark: Mark = field(compare=False)
    secrets: tuple[str, ...] = field(default=(), repr=False, compare=False)
    isolation: Isolation | None = None
    batching: Batching | None = None

    def problem(self, code: str, error: object) -> Problem:
        """Say what is wrong with it, without its secrets; the code is one of imagora/codes.toml."""
        return self.mark.problem(code, self.where, masked(error, self.secrets))

    @property
    def name(self) -> str:
        """The component's name, as the recipe's `use` has it."""
        return self.offer.component.name

    @property
    def said(self) -> list[Any]:
        """Its name and all of its options as JSON values, secrets left out, the same however the file was named."""
        return [self.name, as_json(self.options.model_dump())]

    def nested(self) -> Iterator[Planned]:
        """Give the components within its options, and those within theirs."""
        for name in type(self.options).model_fields:
            value = getattr(self.options, name)
            for part in value if isinstance(value, list | tuple) else (value,):
                if isinstance(part, Planned):
                    yield from (part, *part.nested())


@dataclass(frozen=True)
class Plan:
    """A checked recipe: the planned component of each section, None or empty where the recipe has none.

    profiles: the names of those that were laid over it. environment: the variables that values came from.
    gate: by metric, as `gate.spelled` spells it.
    """

    name: str
    file: Path
    profiles: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    source: Planned | None = None
    preparers: tuple[Planned, ...] = ()
    embedders: Mapping[str, Planned] = field(default_factory=dict)
    index: Planned | None = None
    ledger: Planned | None = None
    engine: Planned | None = None
    retriever: Planned | None = None
    rerankers: tuple[Planned, ...] = ()
    generator: Planned | None = None
    traces: Planned | None = None
    guardrails: Mapping[Place, tuple[Planned, ...]] = field(default_factory=dict)
    wrappers: tuple[Planned, ...] = ()
    prompt: PromptOptions = field(default_factory=PromptOptions)
    pictures: PictureOptions = field(default_factory=PictureOptions)
    answer: AnswerOptions = field(default_factory=AnswerOptions)
    access: AccessOptions = field(default_factory=AccessOptions)
    gateway: GatewayOptions = field(default_factory=GatewayOptions)
    licences: Licences | None = None
    prices: PriceOptions | None = None
    gate: Mapping[str, Limits] | None = None

    def components(self) -> Iterator[Planned]:
        """Give every planned component in the order in which stages are built, with those within its options."""
        one = (self.source, *self.preparers, *self.embedders.values(), self.index, self.ledger, self.engine)
        one = (*one, self.retriever, *self.rerankers)
        guardrails = (planned for place in self.guardrails.values() for planned in place)
        fallback = self.answer.fallback if isinstance(self.answer.fallback, Planned) else None
        for planned in (*one, self.generator, fallback, *guardrails, *self.wrappers, self.traces):
            yield from (planned, *planned.nested()) if planned else ()

    @cached_property
    def hash(self) -> str:
        """A hash of all that the recipe says (secrets left out), 16 hex digits; equal hashes mean equal pipelines."""
        answering = (part for part in self.components() if part not in (self.ledger, self.engine, self.traces))
        said: dict[str, Any] = {p.where: p.said for p in answering}
        for name in ("prompt", "pictures", "answer", "access"):
            said[name] = as_json(getattr(self, name).model_dump())
        return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]
