"""The contract of what a plugin offers: names, options, light imports and lazy building."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, ClassVar

import pluggy
import pytest
from pydantic import ValidationError

from imagora import hookspecs
from imagora.component import BuildContext, Component
from imagora.options import Options

HEAVY = "torch,llama_index,numpy,PIL,transformers,onnxruntime,qdrant_client,qdrant_edge,spacy"
LIGHT = """import importlib, sys
plugin = importlib.import_module(sys.argv[1])
offered = [getattr(plugin, name)() for name in dir(plugin) if name.startswith("offer_")]
print(*sorted(set(sys.argv[2].split(",")) & set(sys.modules)))"""
DOES = {
    "sources": "uri count items",
    "preparers": "prepare",
    "embedders": "identity",
    "indexes": "place open upsert delete count asearch close",
    "ledgers": "place open rows mark commit delete ids count states begin finish forget close",
    "engines": "run",
    "retrievers": "aretrieve",
    "rerankers": "apostprocess_nodes",
    "generators": "achat",
    "guardrails": "acheck",
    "wrappers": "answer",
    "tracers": "query stage close",
}
WEIGHTS = (".pt", ".pth", ".safetensors", ".onnx", ".gguf", ".bin", ".npz", ".npy", ".zip")
_watched: list[list[str]] = []


def _watch(event: str, args: tuple[Any, ...]) -> None:
    if _watched and (event == "socket.connect" or (event == "open" and str(args[0]).endswith(WEIGHTS))):
        _watched[-1].append(f"{event} {args}")


sys.addaudithook(_watch)


class ComponentContract:
    """Set `plugin` to the plugin's import name, and `examples` to options for components that have no defaults.

    Give the fixture `context` where a component is built on embedders or an index.
    """

    plugin: ClassVar[str]
    examples: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    @pytest.fixture
    def context(self) -> BuildContext:
        return BuildContext("contract")

    def offers(self) -> Iterator[tuple[str, Component[Any]]]:
        plugins = pluggy.PluginManager("imagora")
        plugins.add_hookspecs(hookspecs)
        plugins.register(import_module(self.plugin))
        plugins.check_pending()
        for kind in DOES:
            for offered in getattr(plugins.hook, f"offer_{kind}")():
                yield from ((kind, component) for component in offered)

    def options(self, component: Component[Any], **more: Any) -> Any:
        return component.options.model_validate({**self.examples.get(component.name, {}), **more})

    def test_names_and_summaries_are_fit_to_print(self) -> None:
        offers = list(self.offers())
        assert len({(kind, component.name) for kind, component in offers}) == len(offers)
        for _, component in offers:
            assert re.fullmatch(r"[a-z][a-z0-9_]*", component.name) and component.summary.strip()
            assert bool(component.requires) >= bool(component.extra) and not isinstance(component.requires, str)

    def test_options_are_described_and_unknown_ones_refused(self) -> None:
        for _, component in self.offers():
            assert issubclass(component.options, Options) and self.options(component)
            for name, field in component.options.model_fields.items():
                assert field.description, f"option '{name}' of '{component.name}' has no description"
            with pytest.raises(ValidationError, match="no_such_option"):
                self.options(component, no_such_option=1)

    def test_importing_and_offering_is_light(self) -> None:
        paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", LIGHT, self.plugin, HEAVY]
        ran = subprocess.run(command, env=paths, capture_output=True, text=True, check=False)
        assert (ran.returncode, ran.stdout.strip()) == (0, ""), ran.stderr

    def test_building_reads_no_weights_and_opens_no_connection(self, context: BuildContext) -> None:
        missing: dict[str, list[str]] = {}
        for kind, component in self.offers():
            if absent := [package for package in component.requires if not find_spec(package)]:
                missing[component.name] = absent
                continue
            _watched.append([])
            try:
                built = component.build(self.options(component), context)
            finally:
                seen = _watched.pop()
            assert not seen, f"building '{component.name}' did {seen}"
            assert all(hasattr(type(built), does) or hasattr(built, does) for does in DOES[kind].split())
        if missing:
            pytest.skip(f"not built for want of packages: {missing}")
